from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from edge.sandbox import lockdown
from tests.e2e.running import ACCOUNT, PUBLIC_URL, Edge, serving
from tests.e2e.sounds import talk

HOSTILE = Path(__file__).parents[3] / "shared" / "hostile"
CANARY_PORT = 18_099
FORMATS = {"mp3": "/audio.mp3", "wav-riff": "/audio.wav"}


def samples() -> list[dict[str, Any]]:
    if not HOSTILE.is_dir():
        return []
    return list(json.loads((HOSTILE / "manifest.json").read_text())["samples"])


def requests() -> list[dict[str, Any]]:
    if not HOSTILE.is_dir():
        return []
    lines = (HOSTILE / "requests.jsonl").read_text().splitlines()
    return [request for request in map(json.loads, lines) if request["method"] == "GET"]


SAMPLES = samples()
REQUESTS = requests()
MUST_FAIL = [sample for sample in SAMPLES if sample["expected"].startswith("job Failed")]
MUST_PLAY = [
    sample
    for sample in SAMPLES
    if sample["expected"].startswith(("transform succeeds", "plays normally", "cover", "player"))
]


@pytest.fixture(scope="module")
def canary() -> Iterator[socket.socket]:
    """The address that crafted files point at, listened to; nobody should ever connect."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            listening.bind(("127.0.0.1", CANARY_PORT))
            listening.listen()
        listening.setblocking(False)
        yield listening


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory, canary: socket.socket) -> Iterator[Edge]:
    """A server whose media folder is the hostile one, and an innocent file."""
    folder = tmp_path_factory.mktemp("fortress")
    with serving(folder, EDGE_PUBLIC_URL=PUBLIC_URL) as edge:
        edge.put("ok.mp3", talk())
        for sample in SAMPLES:
            edge.put(sample["file"], (HOSTILE / sample["file"]).read_bytes())
        yield edge
        health = edge.send("/healthz").json()
        assert (health["status"], health["sandbox"]["seccomp"]) == (
            "ok",
            lockdown.examine().seccomp,
        )
        assert "Traceback" not in edge.log
        assert "incident" not in edge.log
        with pytest.raises(BlockingIOError):
            canary.accept()


def names(chosen: list[dict[str, Any]]) -> list[str]:
    return [str(sample["file"]) for sample in chosen]


def unbilled(edge: Edge, file: str) -> bool:
    return not any(f"/{file}?" in entry["url"] for entry in edge.entries())


@pytest.mark.parametrize("file", names(SAMPLES))
def test_the_raw_file_is_inert(fortress: Edge, file: str) -> None:
    answer = fortress.send(f"/{ACCOUNT}/raw/{file}")

    assert (answer.status, answer.body) == (200, (HOSTILE / file).read_bytes())
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Content-Type"].startswith(
        ("audio/", "video/", "application/octet", "application/vnd.apple.mpegurl")
    )


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("file", names(MUST_FAIL))
def test_what_must_fail_fails_with_a_reason_and_costs_nothing(
    fortress: Edge, file: str, output: str
) -> None:
    first = fortress.audio(f"{file}?f={output}", {"Prefer": "wait=60"})

    if first.status == 200:
        assert first.json()["status"] == "Failed"
        problem = first.json()["error"]
    else:
        assert 400 <= first.status < 500
        problem = first.problem
    assert problem["code"] not in ("", "internal_error", "worker_died", "deadline_exceeded")
    assert problem["message"].endswith(".")
    assert unbilled(fortress, file)


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("file", names(MUST_PLAY))
def test_what_must_play_plays(fortress: Edge, file: str, output: str) -> None:
    job = fortress.settled(f"{file}?f={output}")

    assert job["status"] == "Succeeded"
    assert fortress.audio(f"{file}!f={output}&a={FORMATS[output]}").status == 200


@pytest.mark.parametrize("file", names(SAMPLES))
def test_nothing_is_a_server_error(fortress: Edge, file: str) -> None:
    for query in ("f=meta", "f=mp3", "f=wav-riff", ""):
        answer = fortress.audio(f"{file}?{query}", {"Prefer": "wait=60"})

        assert answer.status < 500, answer.body
        if answer.headers["Content-Type"].startswith("text/html"):
            assert "alert(" not in executable(answer.body)
        assert "\r" not in "".join(answer.headers.values())


@pytest.mark.parametrize("file", [f for f in names(SAMPLES) if f == "bomb_mp3_xing_claim.mp3"])
def test_what_a_file_claims_is_neither_made_nor_billed(fortress: Edge, file: str) -> None:
    fortress.settled(f"{file}?f=wav-riff")
    (entry,) = [e for e in fortress.entries() if file in e["url"] and "wav" in e["url"]]
    general = fortress.audio(f"{file}?f=meta").json()["tracks"][0]

    assert (entry["seconds"], entry["billedSeconds"]) == (10, 11.5)
    assert general["durationEstimated"] is True


class _Executable(HTMLParser):
    """Gathers what a browser might run: scripts, handlers, and URLs that are scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_script = tag == "script"
        self.found += [
            value or ""
            for name, value in attrs
            if name.startswith("on") or (value or "").strip().lower().startswith("javascript:")
        ]

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.found.append(data)


def executable(page: bytes) -> str:
    parser = _Executable()
    parser.feed(page.decode())
    return "\n".join(parser.found)


@pytest.mark.parametrize("file", [f for f in names(SAMPLES) if "html" in f or "xss" in f])
def test_tags_are_text_and_nothing_else(fortress: Edge, file: str) -> None:
    page = fortress.audio(file)
    meta = fortress.audio(f"{file}?f=meta")

    assert page.headers["Content-Type"].startswith("text/html")
    assert "alert(" not in executable(page.body)
    assert meta.headers["Content-Type"] == "application/json"
    assert meta.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("request_line", REQUESTS, ids=lambda line: line["target"][8:60])
def test_a_crafted_request_gets_the_answer_it_deserves(
    fortress: Edge, request_line: dict[str, Any]
) -> None:
    target = request_line["target"].replace("acc0001", ACCOUNT).replace(" ", "%20")
    name, _, value = request_line.get("header", "").partition(": ")
    before = (fortress.jobs(), fortress.entries())
    if request_line["expect"] == "416":
        # The range is of the artifact; the job's own answer has none.
        fortress.settled("ok.mp3?f=mp3")
        target = f"/{ACCOUNT}/audio/ok.mp3!f=mp3&a=/audio.mp3"
    answer = fortress.send(target, {name: value} if name else {})

    match request_line["why"], request_line["expect"]:
        case "path", _:
            assert answer.status in (400, 404)
            assert b"root:" not in answer.body
        case "artifact path", _:
            assert answer.status == 404
        case "append isolation", _:
            assert answer.status in (400, 403, 404)
            assert (fortress.jobs(), fortress.entries()) == before
        case "bombs/parameters", _ if "next=true" in target:
            # The design's small print: a next that opens no group is ignored.
            assert answer.status in (200, 400)
        case "bombs/parameters", _:
            assert answer.status == 400
            assert "parameter" in answer.problem["details"]
            assert (fortress.jobs(), fortress.entries()) == before
        case "headers", "416":
            assert answer.status == 416
        case "headers", "431/400":
            assert answer.status in (431, 400)
        case "headers", _:
            assert answer.json()["jobUrl"].startswith(PUBLIC_URL)
            assert b"evil" not in answer.body
        case kind:
            pytest.fail(f"a new kind of request: {kind}")


def test_the_server_is_as_it_was(fortress: Edge) -> None:
    fortress.settled("ok.mp3?f=aac")

    assert len(fortress.processes()) == 1
    assert fortress.staged() == []
    assert len(os.listdir(f"/proc/{fortress.pid}/fd")) < 60
