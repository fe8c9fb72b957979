from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from edge.web import connections
from edge.web.connections import MOST_HEADER_BYTES, MOST_TARGET_BYTES, Connection

Talk = Callable[..., Awaitable[bytes]]


async def slow_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Read it all, then answer with the path, half of it at once and half of it later."""
    while (await receive()).get("more_body"):
        pass
    body = scope["path"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b" and all"})


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    """Send pieces, one after the other, and return what comes back until the end."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(slow_app, http=Connection, ws="none", lifespan="off", log_config=None)
    )
    config = server.config
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listening])

    async def exchange(*pieces: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.02)
            return await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    yield exchange
    await server.shutdown(sockets=[listening])


def get(path: str, extra: bytes = b"", connection: str = "close") -> bytes:
    lines = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n"
    return lines.encode() + extra + b"\r\n"


async def test_an_ordinary_request_is_answered(talk: Talk) -> None:
    answer = await talk(get("/x"))

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b" and all" in answer


async def test_a_request_in_pieces_is_answered(talk: Talk) -> None:
    request = get("/x", b"X: " + b"a" * 1000 + b"\r\n")
    answer = await talk(*(request[at : at + 300] for at in range(0, len(request), 300)))

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "request_bytes",
    [
        get("/x", b"X: " + b"a" * MOST_HEADER_BYTES + b"\r\n"),
        get("/x", b"X: a\r\n" * (MOST_HEADER_BYTES // 4)),
        get("/" + "a" * MOST_TARGET_BYTES),
        b"GET / HTTP/1.1\r\nX: " + b"a" * 4 * MOST_HEADER_BYTES,
        b"GET /" + b"a" * 2 * MOST_TARGET_BYTES,
    ],
)
async def test_a_head_that_is_too_large_is_refused_even_without_an_end(
    talk: Talk, request_bytes: bytes
) -> None:
    answer = await talk(request_bytes)

    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b'"code":"head_too_large"' in answer


async def test_a_body_is_no_head(talk: Talk) -> None:
    body = b"b" * 4 * MOST_TARGET_BYTES
    request = get("/x", f"Content-Length: {len(body)}\r\n".encode()) + body
    answer = await talk(request)

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("request_bytes", [b"NONSENSE\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"])
async def test_what_is_no_request_is_told_so_and_not_logged(
    talk: Talk, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await talk(request_bytes)

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b'"code":"bad_request"' in answer
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


async def test_nonsense_behind_a_request_does_not_spoil_its_answer(talk: Talk) -> None:
    answer = await talk(get("/x", connection="keep-alive") + b"NONSENSE\r\n\r\n")

    assert answer.count(b"HTTP/1.1") == 1
    assert b" and all" in answer


@pytest.mark.parametrize("request_bytes", [b"", b"GET / HT"])
async def test_a_head_that_does_not_arrive_is_not_waited_for(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, request_bytes: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    answer = await talk(request_bytes)

    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")


async def test_a_request_behind_a_long_answer_has_time(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    second = get("/second")
    answer = await talk(get("/first", connection="keep-alive") + second[:20], b"", second[20:])

    assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_an_upgrade_is_answered_as_if_it_had_not_been_asked_for(talk: Talk) -> None:
    answer = await talk(get("/x", b"Upgrade: websocket\r\n", connection="upgrade, close"))

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
