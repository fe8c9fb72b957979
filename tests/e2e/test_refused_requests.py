from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.running import ACCOUNT, BEARER, PUBLIC_URL, Edge, until
from tests.e2e.sounds import TALK_SECONDS, long_silence, note
from tests.support.media import wav_header


def work_of(edge: Edge) -> tuple[list[Any], list[Any]]:
    return edge.jobs(), edge.entries()


def exchange(edge: Edge, request: bytes) -> bytes:
    """Send bytes as they are and return all that comes back."""
    with socket.create_connection(("127.0.0.1", edge.port), timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        return answer


@pytest.mark.parametrize("rest", ["gone.mp3?f=mp3", "gone.mp3!f=mp3&a=/audio.mp3", "gone?f=meta"])
def test_a_missing_file(server: Edge, rest: str) -> None:
    before = work_of(server)
    answer = server.audio(rest)

    assert (answer.status, answer.problem["code"]) == (404, "not_found")
    assert "/gone" in answer.problem["message"]
    assert work_of(server) == before


def test_a_missing_append_is_named(server: Edge) -> None:
    answer = server.audio("note.wav?f=mp3&append=/example.mp3&append=/music/gone.mp3")

    assert answer.status == 404
    assert answer.problem["message"] == "The appended file /music/gone.mp3 does not exist."


@pytest.mark.parametrize(
    ("query", "parameter", "value"),
    [
        ("f=mp4", "f", "mp4"),
        ("f=mp3&br=100", "br", "100"),
        ("f=aac&br=72", "br", "72"),
        ("f=mp3&sr=8", "sr", "8"),
        ("f=wav-riff&sr=12", "sr", "12"),
        ("f=mp3&sr=48000", "sr", "48000"),
        ("f=mp3&ts=-1", "ts", "-1"),
        ("f=mp3&ts=86400", "ts", "86400"),
        ("f=mp3&ts=1.234", "ts", "1.234"),
        ("f=mp3&te=1,5", "te", "1,5"),
        ("f=mp3&te=0", "te", "0"),
        ("f=mp3&ts=2&te=1", "te", "1"),
        ("f=mp3&tm=never", "tm", "never"),
        ("f=mp3&rp=0", "rp", "0"),
        ("f=mp3&rp=21", "rp", "21"),
        ("f=mp3&rp=%D9%A3", "rp", "٣"),
        ("f=mp3&append=gone.mp3", "append", "gone.mp3"),
        ("f=mp3&br=96&br=128", "br", "128"),
        ("f=mp3&download=yes", "download", "yes"),
        ("f=mp3&cache_ttl=soon", "cache_ttl", "soon"),
        ("f=mp3&exp=soon", "exp", "soon"),
        ("f=mp3&f=mp3", "f", "mp3,mp3"),
        (
            "f=hls-aac&"
            + "&".join(f"br={br}" for br in (16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96)),
            "br",
            "96",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_parameter_and_what_is_allowed(
    server: Edge, query: str, parameter: str, value: str
) -> None:
    before = work_of(server)
    answer = server.audio(f"note.wav?{query}")

    assert (answer.status, answer.problem["code"]) == (400, "bad_parameter")
    details = answer.problem["details"]
    assert (details["parameter"], details["value"]) == (parameter, value)
    assert details["expected"] in answer.problem["message"]
    assert work_of(server) == before


def test_lists_of_values_are_told(server: Edge) -> None:
    details = server.audio("note.wav?f=mp3&sr=8").problem["details"]

    assert details["allowed"] == ["22.05", "32", "44.1", "48"]


def test_an_unknown_parameter_is_told_the_nearest_known_one(server: Edge) -> None:
    problem = server.audio("note.wav?f=mp3&bitrat=96").problem

    assert problem["code"] == "unknown_parameter"
    assert problem["details"]["parameter"] == "bitrat"
    assert "nearest" in problem["message"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("f=mp3&ts=9", "ts"),
        # MP3 at 44.1 kHz has 38.28 frames a second.
        ("f=mp3&ts=1.39", "ts"),
        ("f=mp3&te=0.99", "te"),
    ],
)
def test_a_point_that_the_source_does_not_have(server: Edge, query: str, parameter: str) -> None:
    before = work_of(server)
    answer = server.audio(f"example.mp3?{query}")

    assert answer.status == 400
    assert answer.problem["details"]["parameter"] == parameter
    assert work_of(server) == before


def test_a_frame_number_that_does_not_exist_is_answered_with_how_many_there_are(
    server: Edge,
) -> None:
    message = server.audio("example.mp3?f=mp3&ts=1.39").problem["message"]

    assert "from 0 to 38" in message


def test_an_end_past_the_end_changes_nothing(server: Edge) -> None:
    job = server.settled("example.mp3?f=aac&te=86399")

    assert job["transform"]["made"]["duration"] == TALK_SECONDS


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("broken.mp3?f=mp3", "unsupported_media"),
        ("silent.mp4?f=mp3", "no_audio"),
    ],
)
def test_media_that_cannot_be_decoded_is_a_failed_job_that_is_not_tried_again(
    server: Edge, rest: str, code: str
) -> None:
    job = server.settled(rest)

    assert (job["status"], job["error"]["code"]) == ("Failed", code)
    assert job["error"]["message"].endswith(".")
    assert job["summary"] == {}
    again = server.settled(rest)
    assert (again["jobId"], again["lastUpdated"]) == (job["jobId"], job["lastUpdated"])
    assert server.api(f"/jobs/ProcessFileJob/{job['jobId']}").json()["error"] == job["error"]
    assert server.audio(rest.replace("?", "!") + "&a=/audio.mp3").status == 404


def test_metadata_of_what_cannot_be_decoded(server: Edge) -> None:
    answers = [server.audio("broken.mp3?f=meta") for _ in range(2)]

    for answer in answers:
        assert (answer.status, answer.problem["code"]) == (422, "unsupported_media")


def test_a_film_without_sound_still_has_metadata(server: Edge) -> None:
    document = server.audio("silent.mp4?f=meta").json()

    assert [track["type"] for track in document["tracks"]] == ["General", "Video"]


def test_more_than_a_day_of_sound_is_refused_before_work(server: Edge) -> None:
    long_silence(server.root / "two-hours.wav", 7200)
    before = work_of(server)
    answer = server.audio("two-hours.wav?f=mp3&rp=20")

    assert (answer.status, answer.problem["code"]) == (400, "output_too_large")
    assert answer.problem["details"] == {"seconds": 144_000, "mostSeconds": 86_400}
    assert work_of(server) == before


def test_a_riff_file_past_four_gigabytes_is_told_of_rf64(server: Edge) -> None:
    long_silence(server.root / "hour.wav", 3600)
    before = work_of(server)
    answer = server.audio("hour.wav?f=wav-riff&sr=192&rp=20")

    assert answer.status == 400
    assert "wav-rf64" in answer.problem["message"]
    assert work_of(server) == before


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (f"/{ACCOUNT}/image/note.wav?f=mp3", 404),
        (f"/{ACCOUNT}/audio", 400),
        (f"/{ACCOUNT}/audio/", 400),
        (f"/{ACCOUNT}/raw/", 400),
        (f"/{ACCOUNT}/", 400),
        (f"/{ACCOUNT}", 400),
        ("/somewhere/else", 404),
        ("/v2/accounts", 404),
        ("/v3/accounts/x", 404),
        ("/favicon.ico", 404),
        ("//", 404),
        ("/%00", 404),
        ("/W142hJ%6b/raw/note.wav", 404),
        (f"/{ACCOUNT}/raw/.hidden", 404),
        (f"/{ACCOUNT}/raw/music", 404),
    ],
)
def test_paths_that_lead_nowhere(server: Edge, target: str, status: int) -> None:
    server.put(".hidden", b"secret")
    answer = server.send(target)

    assert answer.status == status
    assert set(answer.problem) == {"code", "message", "details"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize(
    "target",
    [f"/{ACCOUNT}/raw/note.wav", f"/{ACCOUNT}/audio/note.wav?f=mp3", "/healthz", "/"],
)
def test_methods_that_are_not_answered(server: Edge, method: str, target: str) -> None:
    answer = server.send(target, method=method)

    assert (answer.status, answer.problem["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("rest", ["/jobs", "/jobs/a/b", "/usage", "/usage/entries", "/cache/reset"])
def test_no_method_of_the_api_is_a_server_error(server: Edge, method: str, rest: str) -> None:
    answer = server.send(f"/v2/accounts/{ACCOUNT}{rest}", BEARER, method=method)

    assert answer.status in (200, 400, 404, 405)


@pytest.mark.parametrize(
    "target",
    [
        "/raw/note.wav?x=1",
        "/audio/note.wav?f=mp3&=&&",
        "/audio/note.wav?f=mp3&%FF=1",
        "/audio/note.wav?f=mp3&ts=%FF",
        "/audio/note.wav?f=mp3&ts=%",
        "/audio/note.wav!!!f=mp3",
        "/audio/!f=mp3",
        "/audio/%?f=mp3",
        "/audio/%zz?f=mp3",
        "/audio/note.wav;f=mp3",
        "/audio/note.wav?f=mp3#fragment",
        "/audio/note.wav?" + "&".join("meta-x=1" for _ in range(200)),
        "/audio/note.wav?f=mp3&a=" + "/a" * 2000,
        "/audio/" + "a/" * 600 + "x.mp3?f=mp3",
        "/audio/%F0%9F%8E%B5.mp3?f=mp3",
        "/audio/note.wav?f=mp3&gain=1e9",
        "/audio/note.wav?f=mp3&exp=9" + "9" * 15,
        "/audio/note.wav?f=mp3&cache_ttl=1000000001",
    ],
)
def test_no_target_is_a_server_error(server: Edge, target: str) -> None:
    answer = server.send(f"/{ACCOUNT}{target}")

    assert answer.status < 500, answer.body
    assert "Traceback" not in server.log


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=" + "0-1," * 3000},
        {"Range": "bytes=5-1"},
        {"Range": "bytes=-0"},
        {"Range": "potatoes=1-2"},
        {"If-Modified-Since": "Sun, 99 Foo 99999999999 99:99:99 GMT"},
        {"If-None-Match": '"' * 5000},
        {"If-Range": "x" * 5000},
        {"Prefer": "wait=99999999999999999999"},
        {"Prefer": "wait=-1, wait=x, ;;;, wait=0"},
        {"Accept": "\xff\xfe"},
        {"Cookie": "a=b; " * 1000},
    ],
)
def test_no_header_is_a_server_error(server: Edge, headers: dict[str, str]) -> None:
    server.settled("note.wav?f=mp3")
    for target in ("/raw/note.wav", "/audio/note.wav!f=mp3&a=/audio.mp3", "/audio/note.wav?f=mp3"):
        answer = server.send(f"/{ACCOUNT}{target}", headers)

        assert answer.status < 500, answer.body
    assert "Traceback" not in server.log


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"BREW /W142hJk/raw/note.wav HTTP/1.1\r\nHost: x\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /W142hJk/raw/a b.wav HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /W142hJk/raw/note.wav HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /W142hJk/raw/n\xc3\xb6te.wav HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET http://other.example/W142hJk/raw/note.wav HTTP/1.1\r\nHost: x\r\n"
        b"Connection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"CONNECT other.example:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
def test_what_is_hardly_http_is_no_server_error(server: Edge, request_bytes: bytes) -> None:
    try:
        answer = exchange(server, request_bytes + b"\r\n")
    except ConnectionError:
        # Refused while it was still talking.
        answer = b""

    assert not answer.startswith(b"HTTP/1.1 5"), answer[:500]
    assert server.send("/healthz").status == 200
    assert "Traceback" not in server.log


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"},
        {"Forwarded": "host=evil.example"},
        {"Host": "evil.example/x?y", "X-Forwarded-For": "1.2.3.4"},
    ],
)
def test_urls_are_told_with_the_configured_base(server: Edge, headers: dict[str, str]) -> None:
    server.settled("note.wav?f=mp3")
    answer = server.audio("note.wav?f=mp3", headers)

    assert b"evil" not in answer.body
    assert answer.json()["jobUrl"].startswith(f"{PUBLIC_URL}/v2/accounts/")
    assert answer.json()["summary"]["result"]["artifactUrl"].startswith(PUBLIC_URL)


def test_without_a_configured_base_only_a_host_is_believed(install: Callable[..., Edge]) -> None:
    edge = install().start()
    own = edge.audio("note.wav?f=mp3").json()["jobUrl"]
    named = edge.audio("note.wav?f=mp3", {"Host": "my.example:99"}).json()["jobUrl"]
    wrong = edge.audio("note.wav?f=mp3", {"Host": 'x"><script>'}).json()["jobUrl"]

    assert own.startswith(f"http://127.0.0.1:{edge.port}/")
    assert named.startswith("http://my.example:99/")
    assert wrong.startswith(f"http://127.0.0.1:{edge.port}/")


def test_no_value_gets_into_a_header(server: Edge) -> None:
    server.put('quo"te\u202e.wav', note(1))
    name = "quo%22te%E2%80%AE.wav"
    answer = server.send(f"/{ACCOUNT}/raw/{name}?download=true&cache_ttl=5")
    injected = server.send(f"/{ACCOUNT}/raw/a%0d%0aX-Evil:%201.wav?download=true")

    assert answer.status == 200
    # A character that turns the direction of writing could hide what kind of file this is.
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"quo_te.wav\"; filename*=UTF-8''quo%22te.wav"
    )
    assert injected.status == 400
    assert "X-Evil" not in injected.headers


def test_clients_that_leave_or_dawdle_hold_nothing(server: Edge) -> None:
    long_silence(server.root / "big.wav", 3600, rate=48_000)
    request = f"GET /{ACCOUNT}/raw/big.wav HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    before = open_files(server)
    waiting = []
    for number in range(30):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        connection.sendall(request if number % 2 else request[:20])
        if number % 2:
            connection.recv(1000)
        waiting.append(connection)

    # Others are served meanwhile.
    assert server.send(f"/{ACCOUNT}/raw/note.wav").status == 200
    for connection in waiting:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    until(lambda: open_files(server) <= before + 2, "the connections to be given up")
    assert "Traceback" not in server.log


def open_files(edge: Edge) -> int:
    return len(os.listdir(f"/proc/{edge.pid}/fd"))


def test_a_source_that_is_replaced_is_another_key_at_the_next_request(server: Edge) -> None:
    server.put("changing.wav", note(1, hz=440))
    first = server.made("changing.wav?f=wav-riff")
    old_etag = server.send(f"/{ACCOUNT}/raw/changing.wav").headers["ETag"]
    server.put("changing.wav", note(2, hz=880))
    second = server.made("changing.wav?f=wav-riff")

    assert len(second) > 1.9 * len(first)
    assert server.send(f"/{ACCOUNT}/raw/changing.wav").headers["ETag"] != old_etag
    assert server.audio("changing.wav?f=meta").json()["tracks"][1]["duration"] == 2
    urls = [entry["url"] for entry in server.entries()]
    assert urls.count(f"/{ACCOUNT}/audio/changing.wav?f=wav-riff") == 2


def test_a_source_that_is_rewritten_while_it_is_read_is_never_mixed(server: Edge) -> None:
    path = server.root / "moving.wav"
    long_silence(path, 900)
    server.audio("moving.wav?f=aac")
    until(server.staged, "the job to be at work")
    content = wav_header(rate=8_000, channels=1, data_bytes=16_000) + bytes(16_000)
    path.write_bytes(content)

    job = server.settled("moving.wav?f=aac")
    assert (job["status"], job["transform"]["made"]["duration"]) == ("Succeeded", 1.0)
    old = next(entry for entry in server.jobs() if entry["status"] != "Succeeded")
    until(
        lambda: server.api(f"/jobs/ProcessFileJob/{old['jobId']}").json()["status"] == "Failed",
        "the job of the old file to fail",
    )


def test_the_loop_stays_free_while_workers_are_busy(server: Edge) -> None:
    jobs = [server.audio(f"long.wav?f=aac&br={br}").json() for br in (128, 160, 192)]
    try:
        with ThreadPoolExecutor(8) as crowd:
            statuses = set(
                crowd.map(lambda _: server.send(f"/{ACCOUNT}/raw/note.wav").status, range(200))
            )
        assert statuses == {200}
    finally:
        for job in jobs:
            server.api(f"/jobs/ProcessFileJob/{job['jobId']}", method="DELETE")


def test_nothing_is_left_in_the_log_but_events(server: Edge) -> None:
    assert "Traceback" not in server.log
    assert "incident" not in server.log
    assert " ERROR " not in server.log
    assert " WARNING " not in server.log
    assert "Warning" not in server.log
