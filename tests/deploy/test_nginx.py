"""The project's nginx.conf, run in front of two nodes that share folders and records."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.fronting import Front, fronting
from tests.e2e.running import BEARER, Edge, until

ARTIFACT = "/W142hJk/audio/example.mp3!f=mp3&a=/audio.mp3"
STREAM = "/W142hJk/audio/long.wav!f=hls-aac-rt&br=64"
HUNDRED_MB = 100_000_000
PIECE = bytes(range(256)) * 256


@pytest.fixture(scope="module")
def front(nodes: list[Edge], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    nodes[0].made("example.mp3?f=mp3")
    with fronting(tmp_path_factory.mktemp("front"), nodes) as front:
        yield front


@pytest.fixture
def forgetful(nodes: list[Edge], tmp_path: Path) -> Iterator[Front]:
    """An nginx that asks a node after a second, instead of a minute."""
    with fronting(tmp_path / "forgetful", nodes, kept="1s") as front:
        yield front


def expired(front: Front, target: str) -> str | None:
    """Ask until what is kept has to be asked about, and tell how that ended."""
    return str(until(lambda: (found := front.cache_of(target)) != "HIT" and found, "an end"))


def cancel_all(node: Edge) -> None:
    """Cancel every job that runs."""
    for job in node.jobs():
        if job["status"] == "Running":
            node.api(f"/jobs/ProcessFileJob/{job['jobId']}", method="DELETE")


# What is kept


def test_an_artifact_is_asked_of_the_nodes_once(front: Front, nodes: list[Edge]) -> None:
    direct = nodes[1].send(ARTIFACT)
    answers = [front.send(ARTIFACT) for _ in range(3)]

    assert [answer.headers["X-Cache-Status"] for answer in answers] == ["MISS", "HIT", "HIT"]
    assert {direct.body} == {answer.body for answer in answers}
    assert direct.headers["Cache-Control"] == answers[1].headers["Cache-Control"]
    assert direct.headers["ETag"] == answers[1].headers["ETag"]


@pytest.mark.parametrize(
    "target",
    [
        "/W142hJk/raw/example.mp3",
        "/W142hJk/audio/example.mp3?f=meta",
        "/W142hJk/audio/example.mp3?f=mp3",
        "/W142hJk/audio/example.mp3?f=mp3&a=/audio.mp3",
    ],
)
def test_what_everybody_may_keep_is_kept_in_every_spelling(front: Front, target: str) -> None:
    assert [front.cache_of(target), front.cache_of(target)] == ["MISS", "HIT"]


def test_pages_doors_and_errors_are_not_kept(front: Front) -> None:
    page = [front.send("/W142hJk/audio/example.mp3") for _ in range(2)]
    door = [front.send("/v2/accounts/W142hJk/jobs", BEARER) for _ in range(2)]
    missing = [front.send("/W142hJk/raw/nothing.mp3?cache_ttl_404=600") for _ in range(2)]

    assert [(a.status, a.headers["X-Cache-Status"]) for a in page] == [(200, "MISS")] * 2
    assert [(a.status, a.headers["X-Cache-Status"]) for a in door] == [(200, None)] * 2
    assert [(a.status, a.headers["X-Cache-Status"]) for a in missing] == [(404, "MISS")] * 2


@pytest.mark.parametrize("parameter", ["cache=false", "cache_ttl=0", "cache_ttl=59"])
def test_what_may_be_kept_for_less_than_a_minute_is_not(front: Front, parameter: str) -> None:
    target = f"{ARTIFACT}&{parameter}"

    assert [front.cache_of(target), front.cache_of(target)] == ["MISS", "MISS"]


def test_ranges_and_conditions_are_answered_from_what_is_kept(front: Front) -> None:
    target = "/W142hJk/raw/note.wav"
    whole = front.send(target)
    etag = whole.headers["ETag"]
    part = front.send(target, {"Range": "bytes=1000-1999"})
    same = front.send(target, {"Range": "bytes=-10", "If-Range": etag})
    other = front.send(target, {"Range": "bytes=-10", "If-Range": '"other"'})
    unchanged = front.send(target, {"If-None-Match": etag})
    failed = front.send(target, {"If-Match": '"other"'})
    beyond = front.send(target, {"Range": "bytes=900000000-"})

    assert (206, whole.body[1000:2000]) == (part.status, part.body)
    assert f"bytes 1000-1999/{len(whole.body)}" == part.headers["Content-Range"]
    assert (206, whole.body[-10:]) == (same.status, same.body)
    assert (200, whole.body) == (other.status, other.body)
    assert (304, b"", etag) == (unchanged.status, unchanged.body, unchanged.headers["ETag"])
    assert failed.status == 412
    assert (416, f"bytes */{len(whole.body)}") == (beyond.status, beyond.headers["Content-Range"])
    assert {"HIT"} == {a.headers["X-Cache-Status"] for a in (part, same, other, unchanged)}


def test_the_end_of_a_large_file_is_fetched_without_the_rest(
    front: Front, nodes: list[Edge]
) -> None:
    nodes[0].put("large.bin", b"\0" * 20_000_000 + b"the end")
    end = front.send("/W142hJk/raw/large.bin", {"Range": "bytes=-7"})
    kept = sum(p.stat().st_size for p in (front.folder / "audio-edge").rglob("*") if p.is_file())

    assert (end.status, end.body) == (206, b"the end")
    assert kept < 10_000_000


def test_pieces_of_two_versions_are_never_joined(front: Front, nodes: list[Edge]) -> None:
    nodes[0].put("replaced.bin", b"a" * 5_000_000)
    front.send("/W142hJk/raw/replaced.bin", {"Range": "bytes=0-9"})
    nodes[0].put("replaced.bin", b"b" * 5_000_000)
    # A node believes for a moment that a file is what it was.
    until(
        lambda: all(n.send("/W142hJk/raw/replaced.bin").body[:1] == b"b" for n in nodes),
        "both nodes to notice",
    )

    with pytest.raises(http.client.IncompleteRead) as broken:
        front.send("/W142hJk/raw/replaced.bin")

    assert set(b"a") == set(broken.value.partial)


def test_an_empty_file_is_empty(front: Front, nodes: list[Edge]) -> None:
    nodes[0].put("empty.mp3", b"")
    answer = front.send("/W142hJk/raw/empty.mp3")

    assert (answer.status, answer.body) == (200, b"")


# What is not


def test_a_playlist_that_grows_is_never_kept_nor_is_a_job_that_runs(
    front: Front, nodes: list[Edge]
) -> None:
    growing = [front.send(f"{STREAM}&a=/0f/manifest.m3u8") for _ in range(2)]
    segment = [front.cache_of(f"{STREAM}&a=/0f/0.ts") for _ in range(2)]
    asked = front.send("/W142hJk/audio/long.wav?f=aac")
    cancel_all(nodes[0])

    for answer in growing:
        assert b"#EXT-X-ENDLIST" not in answer.body
        assert answer.headers["Cache-Control"] == "public, no-cache"
        assert answer.headers["X-Cache-Status"] == "MISS"
    assert segment == ["MISS", "HIT"]
    assert asked.json()["status"] == "Running"
    assert asked.headers["X-Cache-Status"] == "MISS"


def test_a_playlist_that_has_ended_is_kept(front: Front, nodes: list[Edge]) -> None:
    nodes[0].made("example.mp3?f=hls-aac")
    target = "/W142hJk/audio/example.mp3!f=hls-aac&a=/0f/manifest.m3u8"

    assert [front.cache_of(target), front.cache_of(target)] == ["MISS", "HIT"]


def test_what_is_private_is_neither_kept_nor_shown(forgetful: Front, nodes: list[Edge]) -> None:
    nodes[0].put("shut/talk.mp3", b"soon nobody's business")
    target = "/W142hJk/raw/shut/talk.mp3"
    assert forgetful.cache_of(target) == "MISS"
    shut = {"publicPermissions": {"set": True, "value": []}}
    body = {"folderPath": "/shut", "folderSettings": shut}
    nodes[0].api("/folders", method="PUT", body=body)
    until(lambda: [n.send(target).status for n in nodes] == [404, 404], "the folder to be shut")

    def missing() -> bool:
        # What the key's owner is told confirms nothing for those who have none.
        assert forgetful.send(target, BEARER).status == 200
        return forgetful.send(target).status == 404

    until(missing, "the kept copy to end")
    shown = [forgetful.send(target, BEARER) for _ in range(2)]

    assert [(a.status, a.headers["X-Cache-Status"]) for a in shown] == [(200, None)] * 2
    assert shown[0].headers["Cache-Control"] == "private, max-age=60"
    assert forgetful.send(target).status == 404


@pytest.mark.parametrize("sign", ["?exp=inf&sig=", "!exp=inf&sig="])
def test_a_signature_gets_past_the_cache_and_into_no_log(front: Front, sign: str) -> None:
    answer = front.send(f"/W142hJk/raw/example.mp3{sign}1.somebodys.secret&x=y")

    assert (answer.status, answer.headers["X-Cache-Status"]) == (403, None)
    until(lambda: f"{sign}***&x=y" in front.log, "the log")
    assert "somebodys" not in front.log


# When it ends


def test_what_is_kept_is_confirmed_and_not_fetched_again(forgetful: Front) -> None:
    assert forgetful.cache_of(ARTIFACT) == "MISS"
    assert expired(forgetful, ARTIFACT) == "REVALIDATED"


def test_a_purge_is_seen_once_what_is_kept_has_ended(forgetful: Front, nodes: list[Edge]) -> None:
    nodes[0].made("note.wav?f=mp3")
    target = "/W142hJk/audio/note.wav!f=mp3&a=/audio.mp3&cache_only=true"
    forgetful.cache_of(target)
    purge = {"pattern": "/audio/note.wav", "resetPermanentCache": True}
    purged = nodes[1].api("/cache/reset", method="POST", body=purge)
    until(lambda: forgetful.send(target).status == 404, "the purge to be seen")

    assert purged.status == 200
    assert forgetful.send(target).status == 404


# Uploads


def test_an_upload_goes_through_without_being_written_down(front: Front, nodes: list[Edge]) -> None:
    incoming = nodes[0].data
    half_way: list[tuple[bool, list[Path]]] = []

    def pieces() -> Iterator[bytes]:
        sent = 0
        while sent < HUNDRED_MB:
            piece = PIECE[: HUNDRED_MB - sent]
            yield piece
            sent += len(piece)
            if not half_way and sent > HUNDRED_MB // 2:
                arrived = until(lambda: received_bytes(incoming) > HUNDRED_MB // 3, "the bytes")
                half_way.append((arrived, front.bodies))

    with contextlib.closing(front.connect()) as connection:
        connection.request(
            "POST",
            "/v2/accounts/W142hJk/uploads/binary?filePath=/large-upload.bin",
            body=pieces(),
            headers={**BEARER, "Content-Length": str(HUNDRED_MB)},
        )
        with connection.getresponse() as response:
            told = json.loads(response.read())

    assert (response.status, told["filePath"]) == (200, "/large-upload.bin")
    assert half_way == [(True, [])]
    assert front.bodies == []


def received_bytes(data: Path) -> int:
    """Count the bytes of all files of an installation that are on their way in."""
    total = 0
    for path in data.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


# Nodes that end; last, because none of them is left.


def test_no_request_fails_while_a_node_is_left_and_what_is_kept_is_shown_without(
    nodes: list[Edge], tmp_path: Path
) -> None:
    doomed, last = nodes
    with fronting(tmp_path / "front", nodes, kept="1s") as front:
        known = len(last.jobs())
        waiting: list[int] = []

        def wait_for_a_job() -> None:
            answer = front.send("/W142hJk/audio/long.wav?f=flac", {"Prefer": "wait=60"})
            waiting.append(answer.status)

        # The first request goes to the node that is named first.
        waiter = threading.Thread(target=wait_for_a_job)
        waiter.start()
        until(lambda: len(last.jobs()) > known, "the job to begin")
        before = [front.send(f"{ARTIFACT}&cache_ttl=1{n}0").status for n in range(10)]
        doomed.kill()
        after = [front.send(f"{ARTIFACT}&cache_ttl=2{n}0").status for n in range(10)]
        door = front.send("/v2/accounts/W142hJk/jobs", BEARER)
        # Asked again of the node that is left, it waits there, until there is nothing to wait for.
        until(lambda: cancel_all(last) or not waiter.is_alive(), "the wait to end")
        kept = front.send(ARTIFACT)
        last.kill()
        stale = until(
            lambda: (found := front.send(ARTIFACT)).headers["X-Cache-Status"] == "STALE" and found,
            "the copy to end",
        )
        never_kept = front.send("/v2/accounts/W142hJk/jobs", BEARER)

    assert before + after == [200] * 20
    assert (door.status, waiting) == (200, [200])
    assert (200, kept.body) == (stale.status, stale.body)
    assert never_kept.status == 502
