from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable

import pytest

from tests.e2e.running import ACCOUNT, PUBLIC_URL, Edge, until
from tests.e2e.sounds import long_silence, note


def exchange(edge: Edge, request: bytes) -> bytes:
    """Send bytes as they are and return all that comes back."""
    with socket.create_connection(("127.0.0.1", edge.port), timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        return answer


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


def test_nothing_is_left_in_the_log_but_events(server: Edge) -> None:
    assert "Traceback" not in server.log
    assert "incident" not in server.log
    assert " ERROR " not in server.log
    assert " WARNING " not in server.log
    assert "Warning" not in server.log
