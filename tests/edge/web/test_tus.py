"""tus 1.0.0: what is read from headers, what is answered, and what is refused."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from edge.web import problems, tus
from edge.web.problems import Problem

MOST = 1000
BODY = {"content-type": "application/offset+octet-stream"}
SPEAKS = {"tus-resumable": "1.0.0"}


def request(
    headers: dict[str, str], *pieces: bytes, method: str = "PATCH", leaves: bool = False
) -> Request:
    left = list(pieces)

    async def receive() -> Message:
        if not left and leaves:
            return {"type": "http.disconnect"}
        piece = left.pop(0) if left else b""
        return {"type": "http.request", "body": piece, "more_body": bool(left) or leaves}

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "headers": raw}, receive)


def base64(text: str | bytes) -> str:
    return b64encode(text.encode() if isinstance(text, str) else text).decode()


async def taken(asked: Request, checksum: tus.Checksum | None = None) -> list[bytes]:
    return [piece async for piece in tus.bytes_of(asked, checksum)]


def test_an_upload_is_begun_with_what_is_known_of_it() -> None:
    header = f"filename {base64('Lied für Élise.mp3')}, private,title {base64('')}"
    asked = request({"upload-length": "1000", "upload-metadata": header}, method="POST")

    assert tus.creation_of(asked, most_bytes=MOST) == tus.Creation(
        size_bytes=1000,
        metadata={"filename": "Lied für Élise.mp3", "private": "", "title": ""},
        metadata_header=header,
        has_body=False,
        checksum=None,
    )


def test_an_upload_may_bring_its_first_bytes_along() -> None:
    digest = hashlib.sha1(b"abc").digest()
    headers = {
        "upload-length": "5",
        "content-length": "3",
        "upload-checksum": f"sha1 {base64(digest)}",
        **BODY,
    }

    assert tus.creation_of(request(headers, method="POST"), most_bytes=MOST) == tus.Creation(
        size_bytes=5,
        metadata={},
        metadata_header=None,
        has_body=True,
        checksum=tus.Checksum(algorithm="sha1", digest=digest),
    )


@pytest.mark.parametrize(
    ("headers", "status", "told"),
    [
        ({}, 400, "Upload-Length has to say"),
        ({"upload-defer-length": "1"}, 400, "Upload-Length has to say"),
        ({"upload-length": "-1"}, 400, "'-1'"),
        ({"upload-length": "1e3"}, 400, "'1e3'"),
        ({"upload-length": "9" * 5000}, 400, "a number of bytes"),
        ({"upload-length": "1001"}, 413, "up to 1000 bytes"),
        ({"upload-length": "1", "upload-concat": "partial"}, 400, "Upload-Concat"),
        ({"upload-length": "1", "upload-metadata": "a YQ==,a YQ=="}, 400, "'a' twice"),
        ({"upload-length": "1", "upload-metadata": "a YQ==,"}, 400, "pairs of a key"),
        ({"upload-length": "1", "upload-metadata": "a b c"}, 400, "'a b c'"),
        ({"upload-length": "1", "upload-metadata": "a YQ="}, 400, "not UTF-8 in Base64"),
        ({"upload-length": "1", "upload-metadata": "a /w=="}, 400, "not UTF-8 in Base64"),
        ({"upload-length": "1", "upload-checksum": "crc32 YQ=="}, 400, "'crc32'"),
        ({"upload-length": "1", "upload-checksum": "sha1 !"}, 400, "not Base64"),
        ({"upload-length": "1", "content-length": "1"}, 415, "application/offset"),
        ({"upload-length": "1", "transfer-encoding": "chunked"}, 415, "application/offset"),
    ],
)
def test_an_upload_that_makes_no_sense_is_refused(
    headers: dict[str, str], status: int, told: str
) -> None:
    with pytest.raises(Problem, match=told) as refused:
        tus.creation_of(request(headers, method="POST"), most_bytes=MOST)

    assert refused.value.status == status


def test_an_upload_goes_on_where_it_ended() -> None:
    asked = request({"upload-offset": "70", "content-length": "30", **BODY})

    assert tus.continuation_of(asked, offset=70, size_bytes=100) == tus.Continuation(
        offset=70, checksum=None
    )


@pytest.mark.parametrize(
    ("headers", "status", "told"),
    [
        ({"upload-offset": "70"}, 415, "application/offset"),
        ({"upload-offset": "70", "content-type": "audio/mpeg"}, 415, "application/offset"),
        (BODY, 400, "Upload-Offset has to say"),
        ({"upload-offset": "-70", **BODY}, 400, "'-70'"),
        ({"upload-offset": "60", **BODY}, 409, "has 70 bytes"),
        ({"upload-offset": "70", "content-length": "31", **BODY}, 413, "misses 30 bytes"),
    ],
)
def test_an_upload_goes_on_nowhere_else(headers: dict[str, str], status: int, told: str) -> None:
    with pytest.raises(Problem, match=told) as refused:
        tus.continuation_of(request(headers), offset=70, size_bytes=100)

    assert refused.value.status == status


async def test_what_came_before_a_client_left_counts() -> None:
    assert await taken(request({}, b"ab", b"", b"cd", leaves=True)) == [b"ab", b"cd"]


@pytest.mark.parametrize("algorithm", tus.CHECKSUM_ALGORITHMS)
@pytest.mark.parametrize(
    ("pieces", "leaves", "status"), [(["ab", "cd"], False, 0), (["abcx"], False, 460)]
)
async def test_with_a_checksum_all_counts_or_nothing(
    algorithm: str, pieces: Sequence[str], leaves: bool, status: int
) -> None:
    checksum = tus.Checksum(algorithm=algorithm, digest=hashlib.new(algorithm, b"abcd").digest())
    asked = request({}, *[piece.encode() for piece in pieces], leaves=leaves)
    if not status:
        assert await taken(asked, checksum) == [b"ab", b"cd"]
        return

    with pytest.raises(Problem) as refused:
        await taken(asked, checksum)
    assert refused.value.status == status


async def test_with_a_checksum_a_body_that_breaks_off_counts_for_nothing() -> None:
    checksum = tus.Checksum(algorithm="md5", digest=hashlib.md5(b"ab").digest())

    with pytest.raises(Problem, match="before its end"):
        await taken(request({}, b"ab", leaves=True), checksum)


async def answered(request: Request) -> Response:
    return tus.continued_response(tus.Standing(offset=70))


async def refused(request: Request) -> Response:
    raise problems.not_found("no such upload")


async def test_every_answer_says_the_version() -> None:
    response = await tus.spoken(request(SPEAKS), answered)
    with pytest.raises(Problem) as problem:
        await tus.spoken(request(SPEAKS), refused)

    assert (response.status_code, response.headers["upload-offset"]) == (204, "70")
    assert response.headers["tus-resumable"] == "1.0.0"
    assert "Upload-Offset" in response.headers["access-control-expose-headers"]
    assert (problem.value.status, problem.value.headers["Tus-Resumable"]) == (404, "1.0.0")


@pytest.mark.parametrize("headers", [{}, {"tus-resumable": "0.2.2"}])
async def test_another_version_is_not_listened_to(headers: dict[str, str]) -> None:
    with pytest.raises(Problem) as problem:
        await tus.spoken(request(headers), refused)

    assert (problem.value.status, problem.value.headers["Tus-Version"]) == (412, "1.0.0")


def test_options_tell_what_is_served_and_let_browsers_ask() -> None:
    headers = tus.options_response(most_bytes=MOST).headers

    assert headers["tus-version"] == headers["tus-resumable"] == "1.0.0"
    assert headers["tus-max-size"] == "1000"
    assert headers["tus-extension"].split(",") == [
        "creation",
        "creation-with-upload",
        "termination",
        "expiration",
        "checksum",
    ]
    assert headers["tus-checksum-algorithm"] == "sha1,sha256,md5"
    assert headers["access-control-allow-methods"] == "POST, HEAD, PATCH, DELETE, OPTIONS"
    allowed = headers["access-control-allow-headers"].split(", ")
    assert {"Authorization", "Tus-Resumable", "Upload-Offset", "Content-Type"} <= set(allowed)


def test_answers_say_how_much_is_there() -> None:
    standing = tus.Standing(offset=3, expires_ms=1_671_976_453_133)
    created = tus.created_response("https://edge.example/v1/uploads/x", standing)
    progress = tus.progress_response(standing, size_bytes=5, metadata_header="a YQ==")
    complete = tus.continued_response(tus.Standing(offset=5, expires_ms=1, made="aud_x"))
    ended = tus.terminated_response()

    assert (created.status_code, created.headers["upload-offset"]) == (201, "3")
    assert created.headers["location"] == "https://edge.example/v1/uploads/x"
    assert created.headers["upload-expires"] == "Sun, 25 Dec 2022 13:54:13 GMT"
    assert "x-audio-id" not in created.headers
    assert (complete.headers["upload-offset"], complete.headers["x-audio-id"]) == ("5", "aud_x")
    assert "upload-expires" not in complete.headers
    assert progress.status_code == 200
    assert progress.headers["upload-offset"] == "3"
    assert progress.headers["cache-control"] == "no-store"
    assert progress.headers["upload-length"] == "5"
    assert progress.headers["upload-metadata"] == "a YQ=="
    assert (ended.status_code, ended.body) == (204, b"")


def test_a_header_may_name_the_method_that_is_meant() -> None:
    assert tus.method_of(request({"x-http-method-override": "patch"}, method="POST")) == "PATCH"
    assert tus.method_of(request({}, method="HEAD")) == "HEAD"
