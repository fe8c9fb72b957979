"""Resumable uploads at Picora's door: tus 1.0.0, through drops, crashes and competition."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import pytest

from tests.e2e.picora import ask, path_of
from tests.e2e.running import BEARER, PUBLIC_KEY, SECRET_KEY, Edge, until
from tests.e2e.sounds import note, talk
from tests.e2e.tus import (
    BODY,
    TUS,
    begin,
    head,
    metadata,
    offset_of,
    parts_of,
    refusal,
    send,
    sending,
)

Install = Callable[..., Edge]


def test_a_file_comes_piece_by_piece(server: Edge) -> None:
    content = note(2)
    said = {"filename": "take 1 ü.mp3", "filetype": "audio/mpeg", "title": "Tägs", "tags": "a,b"}
    upload = begin(server, len(content), **said, isPublic="false", relativePath="null")
    begun = head(server, upload)
    first = send(server, upload, 0, content[:100_000])
    middle = ask(server, upload.removeprefix("/v1")).json()["data"]
    last = send(server, upload, 100_000, content[100_000:])
    audio = last.headers["X-Audio-Id"]
    told = ask(server, f"/audio/{audio}").json()["data"]

    assert (begun.headers["Upload-Offset"], begun.headers["Upload-Length"]) == (
        "0",
        str(len(content)),
    )
    sent = metadata(**said, isPublic="false", relativePath="null")
    assert begun.headers["Upload-Metadata"] == sent
    assert begun.headers["Cache-Control"] == "no-store"
    assert begun.headers["Tus-Resumable"] == "1.0.0"
    expires = parsedate_to_datetime(begun.headers["Upload-Expires"])
    assert first.headers["Upload-Expires"] == begun.headers["Upload-Expires"]
    assert (first.status, first.headers["Upload-Offset"]) == (204, "100000")
    assert (middle["offset"], middle["audio"]) == (100_000, None)
    assert (last.status, last.headers["Upload-Offset"]) == (204, str(len(content)))
    assert last.headers["Upload-Expires"] is None
    assert (told["title"], told["tags"], told["isPublic"]) == ("Tägs", ["a", "b"], False)
    # What it is called after is what is in it.
    assert (told["filename"], told["format"]) == ("take 1 ü.mp3", "wav")
    assert told["url"].endswith(f"/audio/{audio}.wav")
    assert server.send(path_of(told["url"]), BEARER).body == content
    assert expires.timestamp() - parsedate_to_datetime(begun.headers["Date"]).timestamp() > 80_000

    after = head(server, upload)
    assert after.headers["Upload-Offset"] == after.headers["Upload-Length"] == str(len(content))
    assert after.headers["X-Audio-Id"] == audio
    assert ask(server, upload.removeprefix("/v1")).json()["data"]["audio"] == told
    assert send(server, upload, len(content), b"").headers["X-Audio-Id"] == audio
    assert refusal(send(server, upload, 0, b"again")) == (409, "conflict")
    assert parts_of(server, upload) == set()
    ask(server, f"/audio/{audio}", method="DELETE")
    assert head(server, upload).status == 410


def test_a_file_may_come_with_its_creation(server: Edge) -> None:
    content = talk()
    headers = {
        **BODY,
        "Upload-Length": str(len(content)),
        "Upload-Metadata": metadata(name="x.mp3"),
    }
    whole = server.send("/v1/uploads", headers, method="POST", body=content)
    half = server.send("/v1/uploads", headers, method="POST", body=content[:1000])

    assert (whole.status, whole.headers["Upload-Offset"]) == (201, str(len(content)))
    assert (
        ask(server, f"/audio/{whole.headers['X-Audio-Id']}").json()["data"]["filename"] == "x.mp3"
    )
    assert (half.status, half.headers["Upload-Offset"]) == (201, "1000")
    assert half.headers["X-Audio-Id"] is None
    assert offset_of(server, path_of(half.headers["Location"])) == 1000


def test_what_is_served_is_told_without_a_key(server: Edge) -> None:
    answer = server.send("/v1/uploads", method="OPTIONS")

    assert answer.status == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        *("creation", "creation-with-upload", "termination", "expiration", "checksum"),
    }
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256,md5"
    assert answer.headers["Tus-Max-Size"] == str(20 << 30)
    assert "X-Audio-Id" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_bytes_that_are_not_those_that_were_hashed_are_not_kept(
    server: Edge, algorithm: str
) -> None:
    content = talk()
    upload = begin(server, len(content))

    def checksum(piece: bytes) -> str:
        return f"{algorithm} {b64encode(hashlib.new(algorithm, piece).digest()).decode()}"

    wrong = send(server, upload, 0, content[:500], **{"Upload-Checksum": checksum(b"other")})
    assert refusal(wrong) == (460, "checksum_mismatch")
    assert wrong.headers["Tus-Resumable"] == "1.0.0"
    assert offset_of(server, upload) == 0
    right = send(server, upload, 0, content[:500], **{"Upload-Checksum": checksum(content[:500])})
    assert (right.status, right.headers["Upload-Offset"]) == (204, "500")
    rest = content[500:]
    done = send(server, upload, 500, rest, **{"Upload-Checksum": checksum(rest)})
    assert done.headers["X-Audio-Id"].startswith("aud_")


def test_a_creation_whose_bytes_are_wrong_leaves_nothing(server: Edge) -> None:
    before = parts_of(server)
    headers = {**BODY, "Upload-Length": "5", "Upload-Checksum": "sha1 AAAA"}

    assert refusal(server.send("/v1/uploads", headers, method="POST", body=b"hello"))[0] == 460
    assert parts_of(server) == before


def test_what_came_before_a_connection_broke_is_kept(server: Edge) -> None:
    content = note(4)
    upload = begin(server, len(content))
    # Who hangs up before the server has begun to read is like one who has sent nothing.
    for pause_seconds in (0, 0.5, 5, 20):
        if (offset := offset_of(server, upload)) < 200_000:
            rest = 200_000 - offset
            with sending(server, upload, offset, content, most_bytes=rest):
                time.sleep(pause_seconds)

    until(lambda: offset_of(server, upload) == 200_000, "the bytes to be kept")
    done = send(server, upload, 200_000, content[200_000:])
    told = ask(server, f"/audio/{done.headers['X-Audio-Id']}").json()["data"]
    assert server.send(path_of(told["url"])).body == content


def test_of_two_who_send_the_same_bytes_one_counts(server: Edge) -> None:
    content = note(2)
    upload = begin(server, len(content))
    pieces = [content[:70_000], content[:90_000], content[:110_000], content[:130_000]]
    with ThreadPoolExecutor(len(pieces)) as pool:
        answers = list(pool.map(lambda piece: send(server, upload, 0, piece), pieces))
    won = [answer for answer in answers if answer.status == 204]

    assert len(won) == 1
    assert {answer.status for answer in answers if answer not in won} == {409}
    offset = offset_of(server, upload)
    assert won[0].headers["Upload-Offset"] == str(offset)
    assert len(parts_of(server, upload)) == 1
    done = send(server, upload, offset, content[offset:])
    told = ask(server, f"/audio/{done.headers['X-Audio-Id']}").json()["data"]
    assert server.send(path_of(told["url"])).body == content


def test_bytes_do_not_go_elsewhere_than_was_said_because_others_were_faster(server: Edge) -> None:
    content = note(1)
    upload = begin(server, len(content))
    fields = {**BODY, "Upload-Offset": "0", "Content-Length": "1000", "Host": "x"}
    lines = [f"PATCH {upload} HTTP/1.1", *(f"{key}: {value}" for key, value in fields.items())]
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port))) as slow:
        slow.sendall("\r\n".join([*lines, "", ""]).encode())
        assert send(server, upload, 0, content[:50_000]).status == 204
        slow.sendall(b"x" * 1000)
        assert slow.recv(12) == b"HTTP/1.1 409"

    done = send(server, upload, 50_000, content[50_000:])
    told = ask(server, f"/audio/{done.headers['X-Audio-Id']}").json()["data"]
    assert server.send(path_of(told["url"])).body == content


def test_an_upload_is_terminated(server: Edge) -> None:
    upload = begin(server, 1000)
    send(server, upload, 0, b"x" * 500)
    ended = server.send(upload, TUS, method="DELETE")

    assert (ended.status, ended.headers["Tus-Resumable"]) == (204, "1.0.0")
    assert head(server, upload).status == 404
    assert refusal(send(server, upload, 500, b"x")) == (404, "not_found")
    assert parts_of(server, upload) == set()


def test_audio_is_terminated_by_whoever_may_delete_it(server: Edge) -> None:
    public = {"Authorization": f"Bearer {PUBLIC_KEY}"}
    content = talk()
    upload = begin(server, len(content), headers=public)
    audio = send(server, upload, 0, content, **public).headers["X-Audio-Id"]
    refused = server.send(upload, {**TUS, **public}, method="DELETE")

    assert refusal(refused) == (403, "forbidden")
    assert ask(server, f"/audio/{audio}").status == 200
    assert server.send(upload, TUS, method="DELETE").status == 204
    assert ask(server, f"/audio/{audio}").status == 404


def test_what_is_no_audio_is_not_kept(server: Edge) -> None:
    content = b"This is no sound at all. " * 400
    upload = begin(server, len(content), filename="x.mp3", filetype="audio/mpeg")
    before = ask(server, "/media").json()

    assert refusal(send(server, upload, 0, content)) == (415, "unsupported_format")
    assert head(server, upload).status == 410
    assert ask(server, "/media").json() == before


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Authorization": ""}, (401, "unauthorized")),
        ({"Tus-Resumable": "0.2.2"}, (412, "unsupported_version")),
        ({"Upload-Length": "0"}, (400, "bad_request")),
        ({"Upload-Length": "x"}, (400, "bad_request")),
        ({"Upload-Length": "1", "Upload-Defer-Length": "1"}, (400, "bad_request")),
        ({"Upload-Length": str(1 << 40)}, (413, "too_large")),
        ({"Upload-Metadata": "title !"}, (400, "bad_request")),
        ({"Upload-Metadata": metadata(isPublic="maybe")}, (400, "bad_parameter")),
        ({"Upload-Metadata": metadata(tags="a,b,c,d,e,f,g,h,i,j,k")}, (400, "bad_parameter")),
        ({"Upload-Metadata": metadata(filename="x" * 256)}, (400, "bad_parameter")),
    ],
)
def test_what_cannot_be_begun_is_told_why(
    server: Edge, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    answer = server.send("/v1/uploads", {**TUS, "Upload-Length": "9", **headers}, method="POST")

    assert refusal(answer) == expected
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.problem["message"]


def test_what_cannot_be_gone_on_with_is_told_why(server: Edge) -> None:
    upload = begin(server, 100)
    send(server, upload, 0, b"x" * 50)

    assert refusal(send(server, upload, 0, b"x")) == (409, "conflict")
    assert refusal(send(server, upload, 50, b"x" * 51)) == (413, "too_large")
    plain = send(server, upload, 50, b"x", **{"Content-Type": "audio/mpeg"})
    assert refusal(plain) == (415, "unsupported_type")
    assert refusal(server.send(upload, TUS, method="PUT")) == (405, "method_not_allowed")
    assert refusal(send(server, "/v1/uploads/1111111111111111", 0, b"x")) == (404, "not_found")
    assert offset_of(server, upload) == 50
    # Without a length it is known only when they have come.
    chunked = {**BODY, "Upload-Offset": "50", "Transfer-Encoding": "chunked"}
    endless = server.send(
        upload, chunked, method="PATCH", body=b"33\r\n" + b"x" * 51 + b"\r\n0\r\n\r\n"
    )
    assert refusal(endless) == (413, "too_large")
    assert "misses 50 bytes" in endless.problem["message"]
    assert offset_of(server, upload) == 50
    # Some proxies let no PATCH pass.
    fields = {**BODY, "Upload-Offset": "50", "X-HTTP-Method-Override": "PATCH"}
    assert server.send(upload, fields, method="POST", body=b"x").headers["Upload-Offset"] == "51"


def test_uploads_of_other_doors_are_not_gone_on_with_here(server: Edge) -> None:
    told = server.api("/uploads", method="POST", body={"size": 4, "path": "/other/door.mp3"}).json()
    upload = f"/v1/uploads/{told['uploadId']}"

    assert head(server, upload).status == 404
    assert server.send(upload, TUS, method="DELETE").status == 404


@pytest.fixture(scope="module")
def stranger(server: Edge) -> Iterator[dict[str, str]]:
    made = server.command("keys", "create", "--account", "2222222", "--kind", "secret")
    yield {**TUS, "Authorization": f"Bearer {made.stdout.strip()}"}


def test_another_account_has_no_way_in(server: Edge, stranger: dict[str, str]) -> None:
    upload = begin(server, 100)
    fields = {**BODY, **stranger, "Upload-Offset": "0"}

    assert SECRET_KEY not in stranger["Authorization"]
    assert server.send(upload, stranger, method="HEAD").status == 404
    assert server.send(upload, stranger).status == 404
    assert server.send(upload, fields, method="PATCH", body=b"x").status == 404
    assert server.send(upload, stranger, method="DELETE").status == 404
    assert offset_of(server, upload) == 0
