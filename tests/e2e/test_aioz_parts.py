"""Files of AIOZ's door, in parts and whole."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.aioz import HLS, ask, create, detail, failed, send, sound
from tests.e2e.running import BEARER, PUBLIC_URL, Edge, serving, until


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("aioz-parts")
    with serving(folder, EDGE_PUBLIC_URL=PUBLIC_URL, EDGE_WORKERS="2") as opened:
        yield opened


def test_without_a_range_the_file_is_whole(edge: Edge) -> None:
    content = sound(1)
    media = create(edge)["id"]
    first = send(edge, media, content, 0)
    again = send(edge, media, content, 1)
    other = failed(send(edge, media, content + b"more"))
    done = ask(edge, f"/{media}/complete")
    late = failed(send(edge, media, content))

    assert (first.status, again.status, done.status) == (200, 200, 200)
    assert other[0] == 409
    assert f"announced with {len(content)} bytes" in other[1]
    assert late == (
        409,
        "The upload of this media is complete, and its file cannot be changed; create another.",
    )
    assert detail(edge, media)["size"] == len(content)


def test_parts_may_come_at_once_and_be_begun_again_with_another_length(edge: Edge) -> None:
    content = sound(2)
    size = len(content)
    media = create(edge)["id"]

    def bring(index: int, begin: int, end: int) -> None:
        answers.append(
            send(edge, media, content[begin:end], index, span=f"bytes {begin}-{end - 1}/{size}")
        )

    answers: list[object] = []
    for step in (5_000, 7_000):
        spans = [(at, min(at + step, size)) for at in range(0, size, step)]
        # The first try is given up before its end.
        tasks = [
            threading.Thread(target=bring, args=(number, *span))
            for number, span in enumerate(spans)
            if step == 7_000 or number != 1
        ]
        for task in reversed(tasks):
            task.start()
        for task in tasks:
            task.join()
    done = ask(edge, f"/{media}/complete")
    again = ask(edge, f"/{media}/complete")

    assert (done.status, again.status) == (200, 200)
    assert edge.send(f"/api/media/{media}/source").body == content


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({"md5": "0" * 32}, 400, "The part that came has the MD5"),
        ({"md5": "no"}, 400, "The field hash cannot be 'no'"),
        ({"index": "one"}, 400, "The field index cannot be 'one'"),
        ({"index": "-1"}, 400, "The field index cannot be '-1'"),
        ({"span": "bytes 0-3/10"}, 413, "The file in 'file' has more than 4 bytes."),
        ({"span": "bytes 0-7/10"}, 400, "Content-Range tells of 8 bytes; 6 came in 'file'."),
        ({"span": "bytes 4-3/10"}, 400, "Content-Range cannot be 'bytes 4-3/10'"),
        ({"span": "bytes 5-10/10"}, 400, "Content-Range cannot be 'bytes 5-10/10'"),
        ({"span": "bytes 0-5/*"}, 400, "Content-Range cannot be 'bytes 0-5/*'"),
        ({"span": f"bytes 0-5/{10**14}"}, 413, "A file has at most"),
    ],
)
def test_a_part_that_is_not_what_it_says_is_refused(
    edge: Edge, sent: dict[str, str], status: int, said: str
) -> None:
    media = create(edge)["id"]
    answer = failed(send(edge, media, b"sounds", **sent))

    assert answer[0] == status
    assert said in answer[1]
    assert failed(ask(edge, f"/{media}/complete")) == (
        400,
        "No part of the file has been uploaded.",
    )


def test_a_form_without_a_file_is_refused(edge: Edge) -> None:
    media = create(edge)["id"]
    answer = edge.send(
        f"/api/media/{media}/part",
        {**BEARER, "Content-Type": "multipart/form-data; boundary=b"},
        method="POST",
        body=b'--b\r\nContent-Disposition: form-data; name="index"\r\n\r\n0\r\n--b--',
    )
    other = ask(edge, f"/{media}/part", method="POST", body={})

    assert failed(answer) == (400, "The form has no file in a field 'file'.")
    assert failed(other)[0] == 415


def test_a_server_that_is_killed_while_it_completes_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    edge = Edge(tmp_path, EDGE_PUBLIC_URL=PUBLIC_URL).start()
    try:
        for after_seconds in (0.0, 0.01, 0.03, 0.1):
            content = sound(4 + after_seconds)
            size, cut = len(content), len(content) // 3
            media = create(edge, qualities=[{**HLS, "resolution": "highest"}, HLS])["id"]
            for index, begin in enumerate(range(0, size, cut)):
                end = min(begin + cut, size)
                span = f"bytes {begin}-{end - 1}/{size}"
                assert send(edge, media, content[begin:end], index, span=span).status == 200
            before = edge.usage()["billedSeconds"]
            completing = threading.Thread(target=try_to_complete, args=(edge, media))
            completing.start()
            time.sleep(after_seconds)
            edge.kill()
            completing.join()
            edge.start()

            assert ask(edge, f"/{media}/complete").status == 200
            until(lambda media=media: detail(edge, media)["status"] == "done", "the qualities")
            assert edge.send(f"/api/media/{media}/source").body == content
            # Two variants, each of ten seconds at least, in AAC.
            assert edge.usage()["billedSeconds"] == before + 15
            assert ask(edge, "", method="POST", body={}).json()["data"]["total"] == 1
            assert ask(edge, f"/{media}", method="DELETE").status == 200
    finally:
        edge.end()


def try_to_complete(edge: Edge, media: str) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        ask(edge, f"/{media}/complete")
