"""Servers on this machine, honest and otherwise."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from cache.origins.addresses import parse_networks
from cache.origins.fetch import Fetcher, Limits
from cache.origins.http import HttpFolder
from cache.origins.reader import HttpReader
from cache.source import SourceObject
from tests.support.web_file import Server

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

LOOPBACK = parse_networks(["127.0.0.0/8"])


class Canary:
    """A server that must not be connected to."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    """A fetcher that may reach this machine."""
    async with Fetcher(allow_networks=LOOPBACK, limits=Limits(max_bytes=10_000_000)) as fetcher:
        yield fetcher


@pytest.fixture
async def guarded() -> AsyncIterator[Fetcher]:
    """A fetcher as it is without any settings."""
    async with Fetcher() as fetcher:
        yield fetcher


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    """Start an HTTP server and return its URL, without a slash at the end."""
    runners = []

    async def start(handler: Handler) -> str:
        runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def script() -> AsyncIterator[Callable[[Script], Awaitable[str]]]:
    """Start a server that reads one request header and then does as it likes."""
    servers = []
    talks = set()

    async def start(talk: Script, host: str = "127.0.0.1") -> str:
        async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            talks.add(asyncio.current_task())
            try:
                await reader.readuntil(b"\r\n\r\n")
                await talk(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(run, host, 0)
        servers.append(server)
        return f"http://{host}:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
    for talk in talks:
        talk.cancel()
    await asyncio.gather(*talks, return_exceptions=True)


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    canary = Canary(0)

    async def scream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        canary.connections += 1
        writer.close()

    server = await asyncio.start_server(scream, "127.0.0.1", 0, family=socket.AF_INET)
    canary.port = server.sockets[0].getsockname()[1]
    yield canary
    server.close()


async def get(fetcher: Fetcher, url: str, **options) -> bytes:
    async with fetcher.request("GET", url, **options) as answer:
        return await answer.read()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def url(server: Server, serve) -> str:
    return await serve(server)


@pytest.fixture
def folder(url: str, fetcher: Fetcher, clock: Clock) -> HttpFolder:
    """The server's folder as an origin, mounted at /ext."""
    return HttpFolder(f"{url}/base/", "/ext", fetcher, 60, clock=clock, spool_bytes=10_000_000)


async def found(folder: HttpFolder, path: str = "/a.mp3") -> SourceObject:
    source = await folder.find(path)
    assert source is not None
    return source


async def opened(folder: HttpFolder) -> HttpReader:
    return await folder.open(await found(folder))
