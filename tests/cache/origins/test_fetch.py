"""Guarded HTTP, against servers that mean no good."""

import asyncio
import socket

import pytest
from aiohttp import web

from cache.origins.fetch import Fetcher, Limits
from cache.source import SourceTooLarge, SourceUnreachable
from tests.cache.origins.conftest import get


async def test_an_answer_carries_status_headers_and_body(fetcher: Fetcher, serve) -> None:
    seen = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(request.headers)
        return web.Response(status=404, body=b"body", headers={"X-Mine": "1"})

    url = await serve(handler)
    async with fetcher.request("GET", f"{url}/a%2fb?q=%7e", headers={"X-Sent": "2"}) as answer:
        status, final, mine, size = (
            answer.status,
            answer.url,
            answer.headers["X-Mine"],
            answer.size_bytes,
        )
        body = await answer.read()

    assert (status, final, mine, size, body) == (404, f"{url}/a%2fb?q=%7e", "1", 4, b"body")
    assert {name: seen.get(name) for name in ("Accept-Encoding", "User-Agent", "X-Sent")} == {
        "Accept-Encoding": "identity",
        "User-Agent": "audio-edge",
        "X-Sent": "2",
    }


async def test_a_body_can_be_posted_and_its_redirect_is_given_back(fetcher: Fetcher, serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=307, body=await request.read(), headers={"Location": "/b"})

    url = await serve(handler)
    async with fetcher.request("POST", url, body=b"event") as answer:
        assert (answer.status, await answer.read()) == (307, b"event")


async def test_problems_do_not_tell_the_query(fetcher: Fetcher, serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100)

    url = await serve(handler)
    with pytest.raises(SourceTooLarge) as problem:
        await get(fetcher, f"{url}/a?sig=s3cret", limits=Limits(max_bytes=10))

    assert str(problem.value) == f"{url}/a: more than 10 bytes"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "gzip, identity"])
async def test_encoded_bodies_are_refused(fetcher: Fetcher, serve, encoding: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": encoding})

    with pytest.raises(SourceUnreachable, match="encoded"):
        await get(fetcher, await serve(handler))


@pytest.mark.parametrize("chunked", [False, True])
async def test_the_body_has_a_budget(fetcher: Fetcher, serve, chunked: bool) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if not chunked:
            return web.Response(body=b"x" * 200_000)
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(200):
            await response.write(b"x" * 1000)
        return response

    url = await serve(handler)
    assert len(await get(fetcher, url, limits=Limits(max_bytes=200_000))) == 200_000
    with pytest.raises(SourceTooLarge):
        await get(fetcher, url, limits=Limits(max_bytes=199_999))


async def test_a_body_shorter_than_its_length_is_noticed(fetcher: Fetcher, script) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        await writer.drain()

    with pytest.raises(SourceUnreachable, match="broke off"):
        await get(fetcher, await script(talk))


async def test_a_body_longer_than_its_length_is_cut(fetcher: Fetcher, script) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyHTTP/1.1 200 OK\r\n\r\n")
        await writer.drain()

    url = await script(talk)

    assert [await get(fetcher, url), await get(fetcher, url)] == [b"body", b"body"]


@pytest.mark.parametrize(
    "header",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"",
    ],
)
async def test_nonsense_is_unreachable(fetcher: Fetcher, script, header: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(header)
        await writer.drain()

    with pytest.raises(SourceUnreachable):
        await get(fetcher, await script(talk))


async def test_a_silent_server_is_given_up(fetcher: Fetcher, script) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    with pytest.raises(SourceUnreachable, match="no answer in time"):
        await get(fetcher, await script(talk), limits=Limits(headers_seconds=0.05))


async def test_a_header_that_drips_is_given_up(fetcher: Fetcher, script) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: y\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    with pytest.raises(SourceUnreachable, match="no answer in time"):
        await get(fetcher, await script(talk), limits=Limits(headers_seconds=0.1))


@pytest.mark.parametrize(
    "limits",
    [
        Limits(slack_seconds=0.1, min_bytes_per_second=1_000_000),
        Limits(total_seconds=0.2),
    ],
)
async def test_a_body_that_drips_is_given_up(fetcher: Fetcher, script, limits: Limits) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    with pytest.raises(SourceUnreachable, match="too slowly"):
        await get(fetcher, await script(talk), limits=limits)


async def test_a_slow_reader_is_no_slow_server(fetcher: Fetcher, serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 300_000)

    limits = Limits(slack_seconds=0.3, min_bytes_per_second=10**9)
    received = 0
    async with fetcher.request("GET", await serve(handler), limits=limits) as answer:
        async for block in answer.blocks():
            received += len(block)
            await asyncio.sleep(0.1)

    assert received == 300_000


async def test_leaving_early_drops_the_rest(fetcher: Fetcher, serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 5_000_000)

    url = await serve(handler)
    async with fetcher.request("GET", url) as answer:
        first = await anext(answer.blocks())
    async with fetcher.request("HEAD", url) as answer:
        head = (answer.status, answer.size_bytes, await answer.read())

    assert (first[:1], head) == (b"x", (200, 5_000_000, b""))


async def test_a_closed_port_is_unreachable(fetcher: Fetcher) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    with pytest.raises(SourceUnreachable, match="no connection"):
        await get(fetcher, f"http://127.0.0.1:{port}/")
