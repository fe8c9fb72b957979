"""Webhooks of a real server: heard once, again after a failure, and after a kill at any moment."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.musicapi import LOOPBACK, secret_of, settled, shown, submitted, told
from tests.e2e.origin import Origin, origin
from tests.e2e.running import Edge, until
from tests.e2e.sounds import talk


@pytest.fixture
def elsewhere() -> Iterator[Origin]:
    with origin() as server:
        server.files["/song.mp3"] = talk()
        yield server


@pytest.fixture
def edge(install: Callable[..., Edge]) -> Edge:
    return install(EDGE_ALLOW_NETWORKS=LOOPBACK).start()


def listed(edge: Edge) -> list[dict[str, object]]:
    """List the webhooks as an operator does."""
    return list(json.loads(edge.command("webhooks", "list", "--json").stdout))


def waiting(edge: Edge) -> int:
    """Count the webhooks that have not been heard, without a process of its own."""
    with sqlite3.connect(f"file:{edge.data}/edge.sqlite3?mode=ro", uri=True) as records:
        query = "SELECT count(*) FROM events WHERE state = 'waiting'"
        return int(records.execute(query).fetchone()[0])


def test_what_failed_is_sent_again_with_the_same_id(edge: Edge, elsewhere: Origin) -> None:
    elsewhere.statuses = [500, 200]
    task = submitted(edge, f"{elsewhere.url}/song.mp3", f"{elsewhere.url}/hook")

    until(lambda: len(elsewhere.heard) == 2 and not waiting(edge), "the second attempt")

    first, second = told(elsewhere, secret_of(edge))
    assert (task, first) == (first["task_id"], second)
    assert len({headers["webhook-id"] for _, headers, _ in elsewhere.heard}) == 1
    (event,) = listed(edge)
    assert (
        event["kind"],
        event["state"],
        event["attempts"],
        event["error"],
    ) == ("import.done", "delivered", 2, None)


def test_a_kill_between_the_result_and_its_delivery_loses_nothing(
    edge: Edge, elsewhere: Origin
) -> None:
    elsewhere.statuses = [503]
    task = submitted(edge, f"{elsewhere.url}/song.mp3", f"{elsewhere.url}/hook")
    until(lambda: elsewhere.heard, "the first attempt")
    edge.kill()
    assert waiting(edge) == 1

    elsewhere.statuses = [200]
    edge.start()
    (event,) = listed(edge)
    assert edge.command("webhooks", "retry", str(event["id"])).returncode == 0
    until(lambda: not waiting(edge), "the delivery")

    first, *later = told(elsewhere, secret_of(edge))
    assert later and all(message == first for message in later)
    assert (task, 200) == (first["task_id"], first["code"])
    assert shown(edge, task)["clip_id"] == first["clip_id"]


def test_a_kill_while_a_file_is_fetched_has_it_fetched_again(edge: Edge, elsewhere: Origin) -> None:
    slow = elsewhere.waiting["/song.mp3"] = threading.Event()
    task = submitted(edge, f"{elsewhere.url}/song.mp3", f"{elsewhere.url}/hook")
    until(lambda: elsewhere.requests, "the fetching to begin")
    assert (shown(edge, task)["state"], shown(edge, task)["clip_id"]) == ("running", None)
    edge.kill()
    slow.set()

    edge.start()
    until(lambda: elsewhere.heard, "the callback")

    assert settled(edge, task)["state"] == "succeeded"
    (message,) = told(elsewhere, secret_of(edge))
    assert (task, 200) == (message["task_id"], message["code"])


def test_a_server_that_stops_gives_its_tasks_back(edge: Edge, elsewhere: Origin) -> None:
    slow = elsewhere.waiting["/song.mp3"] = threading.Event()
    task = submitted(edge, f"{elsewhere.url}/song.mp3", f"{elsewhere.url}/hook")
    until(lambda: elsewhere.requests, "the fetching to begin")

    assert edge.stop() == 0
    slow.set()
    edge.start()

    assert settled(edge, task)["state"] == "succeeded"
    assert "Traceback" not in edge.log


def test_two_servers_on_one_database_deliver_each_webhook_once(
    edge: Edge, elsewhere: Origin
) -> None:
    other = edge.beside("second")
    try:
        other.start()
        hook = f"{elsewhere.url}/hook"
        tasks = [
            submitted(server, f"{elsewhere.url}/song.mp3", hook)
            for server in (edge, other)
            for _ in range(4)
        ]
        until(lambda: len(elsewhere.heard) >= len(tasks) and not waiting(edge), "all callbacks")
        messages = told(elsewhere, secret_of(edge))
    finally:
        other.end()

    assert Counter(tasks) == Counter(message["task_id"] for message in messages)
    assert len({message["clip_id"] for message in messages}) == len(tasks)
    assert "Traceback" not in edge.log + other.log
