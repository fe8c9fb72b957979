"""What is kept in memory yields to what other processes do to the same folders."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.running import Answer, Edge

MADE = "/W142hJk/audio/example.mp3!f=mp3&a=/audio.mp3"


@pytest.fixture
def edge(install: Callable[..., Edge]) -> Edge:
    edge = install().start()
    edge.made("example.mp3?f=mp3")
    return edge


def hit(edge: Edge, target: str) -> Answer:
    """Ask until the answer comes from memory."""
    for _ in range(3):
        answer = edge.send(target)
    assert answer.headers["Server-Timing"].startswith("hit;")
    assert "total" not in answer.headers["Server-Timing"]
    return answer


def test_a_purge_by_another_process_is_noticed_and_so_is_a_new_run(edge: Edge) -> None:
    before = hit(edge, MADE)
    purged = edge.command("purge", "/audio/*")
    missing = edge.send(MADE)
    edge.made("example.mp3?f=mp3")

    assert (purged.returncode, missing.status) == (0, 404), purged.stderr
    assert hit(edge, MADE).body == before.body
