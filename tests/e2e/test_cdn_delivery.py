from __future__ import annotations

import json
from email.utils import parsedate_to_datetime

import pytest

from tests.e2e.running import ACCOUNT, Answer, Edge
from tests.e2e.sounds import talk

RAW = f"/{ACCOUNT}/raw/example.mp3"
ARTIFACT = f"/{ACCOUNT}/audio/example.mp3!f=mp3&a=/audio.mp3"


@pytest.fixture(scope="module")
def artifact(server: Edge) -> bytes:
    return server.made("example.mp3?f=mp3")


def contents(server: Edge, artifact: bytes, target: str) -> bytes:
    return talk() if target == RAW else artifact


def test_a_raw_file_is_delivered_as_it_is(server: Edge) -> None:
    answer = server.send(RAW)

    assert (answer.status, answer.body) == (200, talk())
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert answer.headers["Content-Length"] == str(len(talk()))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"].startswith('"')
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    modified = parsedate_to_datetime(answer.headers["Last-Modified"]).timestamp()
    assert modified == int((server.root / "example.mp3").stat().st_mtime)


def test_an_artifact_is_immutable(server: Edge, artifact: bytes) -> None:
    answer = server.send(ARTIFACT)

    assert (answer.status, answer.body) == (200, artifact)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert not answer.headers["ETag"].startswith("W/")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("target", [RAW, ARTIFACT])
def test_head_is_get_without_a_body(server: Edge, artifact: bytes, target: str) -> None:
    head, get = server.send(target, method="HEAD"), server.send(target)

    assert head.body == b""
    assert head.status == 200
    assert without_times(head) == without_times(get)


@pytest.mark.parametrize("target", [RAW, ARTIFACT])
@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=100-299", 100, 300), ("bytes=-5", -5, None)],
)
def test_one_range(
    server: Edge, artifact: bytes, target: str, wanted: str, start: int, stop: int | None
) -> None:
    content = contents(server, artifact, target)
    answer = server.send(target, {"Range": wanted})

    assert (answer.status, answer.body) == (206, content[start:stop])
    first = start if start >= 0 else len(content) + start
    last = first + len(answer.body) - 1
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(content)}"
    assert answer.headers["Content-Length"] == str(len(answer.body))


def test_several_ranges(server: Edge) -> None:
    answer = server.send(RAW, {"Range": "bytes=0-9, 100-109"})

    assert answer.status == 206
    kind, _, boundary = answer.headers["Content-Type"].partition("; boundary=")
    assert kind == "multipart/byteranges"
    parts = answer.body.split(f"--{boundary}".encode())
    assert [part.partition(b"\r\n\r\n")[2] for part in parts[1:-1]] == [
        talk()[0:10] + b"\r\n",
        talk()[100:110] + b"\r\n",
    ]


@pytest.mark.parametrize("target", [RAW, ARTIFACT])
def test_a_range_past_the_end(server: Edge, artifact: bytes, target: str) -> None:
    size = len(contents(server, artifact, target))
    answer = server.send(target, {"Range": "bytes=99999999999-"})

    assert (answer.status, answer.problem["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{size}"


@pytest.mark.parametrize("target", [RAW, ARTIFACT])
def test_what_the_client_has_is_not_sent_again(server: Edge, artifact: bytes, target: str) -> None:
    etag = server.send(target).headers["ETag"]
    known = server.send(target, {"If-None-Match": etag})
    other = server.send(target, {"If-None-Match": '"another"'})
    partly = server.send(target, {"If-Range": '"another"', "Range": "bytes=0-9"})

    assert (known.status, known.body, known.headers["ETag"]) == (304, b"", etag)
    assert other.status == 200
    assert partly.status == 200


def test_a_request_s_no_cache_makes_nothing_again(server: Edge, artifact: bytes) -> None:
    before = server.usage()
    answer = server.send(ARTIFACT, {"Cache-Control": "no-cache", "Pragma": "no-cache"})

    assert (answer.status, answer.body) == (200, artifact)
    assert server.usage() == before


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (f"{RAW}?download=true", "example.mp3"),
        (f"{ARTIFACT}&download=true", "example.mp3"),
        (f"/{ACCOUNT}/raw/music/a%20b%21c.wav?download=true", "a b!c.wav"),
    ],
)
def test_download_saves_under_the_source_s_name(
    server: Edge, artifact: bytes, target: str, name: str
) -> None:
    disposition = server.send(target).headers["Content-Disposition"]

    assert disposition.startswith("attachment;")
    assert f'filename="{name}"' in disposition


@pytest.mark.parametrize("target", [RAW, ARTIFACT])
def test_preflight(server: Edge, target: str) -> None:
    asked = {"Origin": "https://site.example", "Access-Control-Request-Headers": "range"}
    answer = server.send(target, asked, method="OPTIONS")

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "GET" in answer.headers["Access-Control-Allow-Methods"]
    assert "range" in answer.headers["Access-Control-Allow-Headers"].lower()


@pytest.mark.parametrize(
    ("parameters", "cache_control"),
    [
        ("", "public, max-age=31536000, immutable"),
        ("&cache=false", "no-store"),
        ("&cache_ttl=120", "public, max-age=120"),
        ("&cache-ttl=120", "public, max-age=120"),
    ],
)
def test_the_url_can_say_how_long_an_artifact_is_kept(
    server: Edge, artifact: bytes, parameters: str, cache_control: str
) -> None:
    answer = server.send(ARTIFACT + parameters)

    assert answer.headers["Cache-Control"] == cache_control
    assert answer.body == artifact


def test_cache_ttl_404_lets_a_missing_file_be_remembered(server: Edge) -> None:
    plain = server.audio("gone.mp3?f=mp3")
    kept = server.audio("gone.mp3?f=mp3&cache_ttl_404=60")

    assert (plain.status, plain.headers["Cache-Control"]) == (404, "no-store")
    assert (kept.status, kept.headers["Cache-Control"]) == (404, "public, max-age=60")


def test_cache_only_starts_nothing(server: Edge, artifact: bytes) -> None:
    before = {job["jobId"] for job in server.jobs()}
    answer = server.audio("example.mp3?f=mp3&br=296&cache_only=true")

    assert (answer.status, answer.problem["code"]) == (404, "not_found")
    assert {job["jobId"] for job in server.jobs()} == before
    assert server.send(f"{ARTIFACT}&cache_only=true").status == 200


def test_an_expired_url_is_refused(server: Edge, artifact: bytes) -> None:
    for target in (RAW + "?exp=1600000000", ARTIFACT + "&exp=1600000000000"):
        answer = server.send(target)

        assert (answer.status, answer.problem["code"]) == (403, "expired")
    assert server.send(f"{ARTIFACT}&exp=99999999999").status == 200


def test_a_version_is_another_artifact(server: Edge) -> None:
    first = server.settled("note.wav?f=wav-riff")
    second = server.settled("note.wav?f=wav-riff&v=2")

    assert first["jobId"] != second["jobId"]


def test_a_head_request_for_a_job_is_answered(server: Edge, artifact: bytes) -> None:
    answer = server.send(f"/{ACCOUNT}/audio/example.mp3?f=mp3", method="HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json"


def test_an_html_file_with_a_sound_s_name_is_no_page(server: Edge) -> None:
    server.put("page.html", b"<script>alert(1)</script>")
    server.put("page.mp3", b"<script>alert(1)</script>")
    page = server.send(f"/{ACCOUNT}/raw/page.html")
    sound = server.send(f"/{ACCOUNT}/raw/page.mp3")

    assert page.headers["Content-Type"] == "application/octet-stream"
    assert page.headers["Content-Disposition"].startswith("attachment")
    assert sound.headers["Content-Type"] == "audio/mpeg"
    for answer in (page, sound):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_the_welcome_page_and_the_health_of_the_node(server: Edge) -> None:
    assert b"audio-edge" in server.send("/").body
    assert json.loads(server.send("/healthz").body)["status"] == "ok"


def without_times(answer: Answer) -> list[tuple[str, str]]:
    times = ("date", "server-timing")
    return [(name, value) for name, value in answer.headers.items() if name.lower() not in times]
