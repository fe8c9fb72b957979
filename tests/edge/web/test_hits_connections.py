"""Hits over real connections: in order, and never more than the client takes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from cache.origins.folder import Folder
from cache.origins.mounts import Mounts
from edge.accounts.store import Accounts
from edge.clock import SystemClock
from edge.fill.filler import Filler
from edge.library.files import Files
from edge.library.sounds import Sounds
from edge.web.auth import Auth
from edge.web.base_url import BaseUrl
from edge.web.cdn import Cdn
from edge.web.connections import Connection
from edge.web.delivery.files import CHUNK_BYTES
from edge.web.hits.gate import Gate
from edge.web.hits.path import HitPath
from edge.web.hits.store import MOST_IN_MEMORY, Hits
from edge.web.viewers import Viewers
from tests.support.ears import Ears

ACCOUNT = "W142hJk"
LARGE_BYTES = 64 << 20
MANY = 40

SMALL = f"/{ACCOUNT}/raw/small.mp3"
LARGE = f"/{ACCOUNT}/raw/large.mp3"
CLOSE = "Connection: close"

# What may wait for a client beside the last write: uvicorn stops at 64 KiB.
HIGH_WATER_BYTES = 64 << 10


@dataclass(frozen=True)
class Served:
    """A server of raw files in this process."""

    address: tuple[str, int]
    state: uvicorn.server.ServerState
    small: bytes

    @contextlib.asynccontextmanager
    async def connect_slowly(
        self, request: bytes, *, room_bytes: int = 4096
    ) -> AsyncIterator[socket.socket]:
        """Send a request as a client whose system takes little that is not read."""
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room_bytes)
            client.setblocking(False)
            await loop.sock_connect(client, self.address)
            await loop.sock_sendall(client, request)
            yield client

    async def talk(self, *requests: bytes) -> bytes:
        """Send requests in one piece, and return all that comes until the server hangs up."""
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            writer.write(b"".join(requests))
            return await reader.read()
        finally:
            writer.transport.abort()

    async def warm(self, target: str, *fields: str) -> bytes:
        """Ask until the answer is a hit, and return it."""
        for _ in range(3):
            answer = await self.talk(get(target, CLOSE, *fields))
        assert b"\r\nserver-timing: hit;" in answer
        return answer

    def unsent(self) -> list[int]:
        """What waits in this process for each client, in bytes."""
        return [each.transport.get_write_buffer_size() for each in self.state.connections]


async def serve(
    folder: Path, check: Callable[[Served], Awaitable[None]], *, keep_alive_seconds: float = 5
) -> None:
    """Run a check against a server on the running loop."""
    small = os.urandom(30_000)
    (folder / "small.mp3").write_bytes(small)
    with (folder / "large.mp3").open("wb") as file:
        file.truncate(LARGE_BYTES)
    (folder / "most.mp3").write_bytes(bytes(MOST_IN_MEMORY))
    files = Files({ACCOUNT: Mounts({"/": Folder(folder, "/")})})
    gate = Gate(SystemClock())
    hits = Hits(
        files=files,
        folders={(ACCOUNT, "/"): folder},
        gate=gate,
        hearing=Ears(),
        most_bytes=64 << 20,
    )
    base_url = BaseUrl(None)
    cdn = Cdn(
        nowhere,
        files=files,
        sounds=cast(Sounds, None),  # raw files need none
        filler=cast(Filler, None),
        base_url=base_url,
        gate=gate,
        # Whoever brings nothing is looked up nowhere.
        viewers=Viewers(cast(Auth, None), cast(Accounts, None), base_url),
        hits=hits,
        player=None,
    )
    config = uvicorn.Config(
        HitPath(cdn, hits),
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=cast(int, keep_alive_seconds),
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    await server.startup(sockets=[listening])
    try:
        await check(Served(address=listening.getsockname(), state=server.server_state, small=small))
    finally:
        await server.shutdown(sockets=[listening])
        hits.close()


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError(scope["path"])


Checked = Callable[[Callable[[Served], Awaitable[None]]], None]


@pytest.fixture(params=["uvloop", "asyncio"])
def checked(request: pytest.FixtureRequest, tmp_path: Path) -> Checked:
    """Run a check on either loop: they keep what is unsent in ways of their own."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run(check: Callable[[Served], Awaitable[None]]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(serve(tmp_path, check))

    return run


def get(target: str, *fields: str, version: str = "1.1", method: str = "GET") -> bytes:
    lines = (f"{method} {target} HTTP/{version}", "Host: x", *fields, "", "")
    return "\r\n".join(lines).encode()


async def settled(served: Served, count: int) -> list[int]:
    """Wait until *count* clients have something waiting that no longer grows."""
    before: list[int] = []
    while True:
        # Long enough for a loop that would go on reading to have gone on.
        await asyncio.sleep(0.05)
        now = [unsent for unsent in served.unsent() if unsent]
        if len(now) >= count and now == before:
            return now
        before = now


def test_a_reader_who_stops_makes_nothing_pile_up(checked: Checked) -> None:
    async def check(served: Served) -> None:
        await served.warm(LARGE, "Range: bytes=0-9")
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(MANY):
                await stack.enter_async_context(served.connect_slowly(get(LARGE)))
            waiting = await settled(served, MANY)
            answer = await served.warm(SMALL)

            assert max(waiting) <= HIGH_WATER_BYTES + CHUNK_BYTES
            assert answer.endswith(served.small)

    checked(check)


def test_requests_of_one_who_reads_nothing_wait(checked: Checked) -> None:
    async def check(served: Served) -> None:
        target = f"/{ACCOUNT}/raw/most.mp3"
        await served.warm(target)
        async with served.connect_slowly(get(target) * 500):
            waiting = await settled(served, 1)

            assert max(waiting) <= HIGH_WATER_BYTES + MOST_IN_MEMORY + 1000
            assert (await served.warm(SMALL)).endswith(served.small)

    checked(check)


def test_a_reader_who_was_slow_has_it_all_in_the_end(checked: Checked) -> None:
    async def check(served: Served) -> None:
        await served.warm(LARGE, "Range: bytes=0-9")
        request = get(LARGE, "Range: bytes=0-7999999", CLOSE)
        async with served.connect_slowly(request, room_bytes=1 << 16) as client:
            await settled(served, 1)
            loop = asyncio.get_running_loop()
            came = b""
            while piece := await loop.sock_recv(client, 1 << 20):
                came += piece
            head, _, body = came.partition(b"\r\n\r\n")

            assert b"\r\nserver-timing: hit;" in head
            assert body == bytes(8_000_000)

    checked(check)


def test_answers_come_in_the_order_of_the_requests(checked: Checked) -> None:
    async def check(served: Served) -> None:
        await served.warm(SMALL)
        await served.warm(LARGE, "Range: bytes=0-9")
        part = "Range: bytes=0-199999"
        answer = await served.talk(
            get(SMALL, "Range: bytes=0-1"),
            get(LARGE, part),
            get(SMALL),
            get(f"/{ACCOUNT}/raw/gone.mp3"),
            get(SMALL, method="HEAD"),
            get(SMALL, "If-None-Match: *"),
            get(SMALL, CLOSE),
        )
        statuses = re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", answer)

        assert statuses == [b"206", b"206", b"200", b"404", b"200", b"304", b"200"]
        assert (answer.count(served.small), answer.endswith(served.small)) == (2, True)

    checked(check)


@pytest.mark.parametrize(
    "request_bytes",
    [
        get(SMALL, version="1.0"),
        get(SMALL, "Connection: keep-alive", version="1.0"),
        get(SMALL, CLOSE),
        get(SMALL, CLOSE, "Content-Length: 4") + b"body",
        get(SMALL, CLOSE, "Transfer-Encoding: chunked") + b"4\r\nbody\r\n0\r\n\r\n",
        get(SMALL, CLOSE, "Upgrade: websocket"),
        get(f"http://x{SMALL}", CLOSE),
        get(f"{SMALL}#part", CLOSE),
    ],
)
def test_unusual_requests_are_answered_as_ever(checked: Checked, request_bytes: bytes) -> None:
    async def check(served: Served) -> None:
        await served.warm(SMALL)
        answer = await served.talk(request_bytes)

        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nconnection: close\r\n" in answer
        assert answer.endswith(b"\r\n\r\n" + served.small)

    checked(check)


def test_a_connection_that_had_hits_is_closed_when_nothing_follows(tmp_path: Path) -> None:
    async def check(served: Served) -> None:
        await served.warm(SMALL)
        answer = await served.talk(get(SMALL), get(SMALL))

        assert answer.count(served.small) == 2
        assert served.state.connections == set()

    asyncio.run(serve(tmp_path, check, keep_alive_seconds=0.05))
