"""Where guarded HTTP goes: addresses, names, ports, redirects."""

import asyncio
import socket

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from cache.origins.addresses import parse_networks
from cache.origins.fetch import Fetcher
from cache.source import SourceForbidden, SourceUnreachable
from tests.cache.origins.conftest import get


class Names(AbstractResolver):
    """Answers each look-up with the next of the given address lists."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",
        "2130706433",
        "0x7f.0.0.1",
        "0x7f000001",
        "017700000001",
        "①②⑦.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
async def test_this_machine_is_never_connected_to(guarded: Fetcher, canary, host: str) -> None:
    for port in ("", f":{canary.port}"):
        with pytest.raises(SourceForbidden):
            await get(guarded, f"http://{host}{port}/")

    assert canary.connections == 0


@pytest.mark.parametrize("host", ["localhost", "localhost.", "LOCALHOST", "inside.example"])
async def test_names_of_this_machine_lead_nowhere(canary, host: str) -> None:
    async with Fetcher(resolver=Names(["127.0.0.1"])) as fetcher:
        for port in ("", f":{canary.port}"):
            with pytest.raises(SourceForbidden):
                await get(fetcher, f"http://{host}{port}/")

    assert canary.connections == 0


@pytest.mark.parametrize("host", ["①②⑦.0.0.1", "0x7f.0.0.1", "2130706433", "127.1"])
async def test_disguises_are_refused_even_where_the_network_is_listed(
    fetcher: Fetcher, canary, host: str
) -> None:
    with pytest.raises(SourceForbidden):
        await get(fetcher, f"http://{host}:{canary.port}/")

    assert canary.connections == 0


async def test_a_refused_address_never_becomes_a_socket(
    guarded: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_socket(*arguments: object) -> None:
        raise AssertionError("a socket was made")

    monkeypatch.setattr("cache.origins.fetch.socket.socket", no_socket)

    with pytest.raises(SourceForbidden):
        await get(guarded, "http://169.254.169.254/latest/meta-data")


@pytest.mark.parametrize("port", [22, 25, 8080, 65535])
async def test_public_addresses_are_asked_on_web_ports_only(guarded: Fetcher, port: int) -> None:
    with pytest.raises(SourceForbidden, match="address or port not allowed"):
        await get(guarded, f"http://1.1.1.1:{port}/")


async def test_a_name_with_private_addresses_only_is_forbidden(canary) -> None:
    names = Names(["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254"])
    async with Fetcher(resolver=names) as fetcher:
        with pytest.raises(SourceForbidden):
            await get(fetcher, f"http://inside.example:{canary.port}/")

    assert canary.connections == 0


async def test_of_several_addresses_only_the_allowed_ones_are_used(script, canary) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    port = (await script(talk, host="127.0.0.2")).rpartition(":")[2]
    names = Names(["127.0.0.1", "::1", "127.0.0.2"])
    outside = parse_networks(["127.0.0.2/32"])

    async with Fetcher(resolver=names, allow_networks=outside) as fetcher:
        body = await get(fetcher, f"http://mixed.example:{port}/")

    assert (body, canary.connections) == (b"ok", 0)


def redirecting(status: int, location: str):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\n\r\n".encode())
        await writer.drain()

    return talk


async def test_a_name_that_changes_its_address_is_checked_each_time(script, canary) -> None:
    location = f"http://rebind.example:{canary.port}/"
    port = (await script(redirecting(302, location), host="127.0.0.2")).rpartition(":")[2]
    names = Names(["127.0.0.2"], ["127.0.0.1"])
    outside = parse_networks(["127.0.0.2/32"])

    async with Fetcher(resolver=names, allow_networks=outside) as fetcher:
        with pytest.raises(SourceForbidden):
            await get(fetcher, f"http://rebind.example:{port}/")

    assert (names.asked, canary.connections) == (["rebind.example", "rebind.example"], 0)


async def test_a_name_without_address_is_unreachable(guarded: Fetcher) -> None:
    class NoNames(Names):
        async def resolve(self, *arguments: object, **more: object) -> list[ResolveResult]:
            raise OSError("no such name")

    async with Fetcher(resolver=NoNames()) as fetcher:
        with pytest.raises(SourceUnreachable):
            await get(fetcher, "http://nowhere.example/")


async def test_the_environments_proxy_is_ignored(
    fetcher: Fetcher, serve, canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"direct")

    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert (await get(fetcher, await serve(handler)), canary.connections) == (b"direct", 0)


@pytest.mark.parametrize(("hops", "arrives"), [(0, True), (3, True), (4, False)])
async def test_three_redirects_are_followed(
    fetcher: Fetcher, serve, hops: int, arrives: bool
) -> None:
    async def handler(request: web.Request) -> web.Response:
        left = int(request.path[1:])
        if left == 0:
            return web.Response(body=b"there")
        return web.Response(status=302, headers={"Location": f"/{left - 1}"})

    url = await serve(handler)
    if arrives:
        assert await get(fetcher, f"{url}/{hops}") == b"there"
    else:
        with pytest.raises(SourceForbidden, match="more than 3 redirects"):
            await get(fetcher, f"{url}/{hops}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_into_the_house_is_refused(script, canary, status: int) -> None:
    talk = redirecting(status, f"http://127.0.0.1:{canary.port}/")
    url = await script(talk, host="127.0.0.2")

    async with Fetcher(allow_networks=parse_networks(["127.0.0.2/32"])) as fetcher:
        with pytest.raises(SourceForbidden):
            await get(fetcher, url)

    assert canary.connections == 0


@pytest.mark.parametrize("location", ["ftp://x/", "http://user@x/", "http://[", None])
async def test_odd_redirects_are_not_followed(
    fetcher: Fetcher, serve, location: str | None
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location} if location else {})

    with pytest.raises(SourceForbidden if location else SourceUnreachable):
        await get(fetcher, await serve(handler))


async def test_credentials_stay_with_the_origin_they_are_for(fetcher: Fetcher, serve) -> None:
    seen = []

    async def stranger(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.Response(body=b"")

    elsewhere = await serve(stranger)

    async def handler(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        target = "/again" if request.path == "/" else elsewhere
        return web.Response(
            status=302, headers={"Location": target, "Set-Cookie": "session=1; Path=/"}
        )

    sent = {"Authorization": "Bearer s", "X-Api-Key": "s", "Cookie": "a=b", "Range": "bytes=0-0"}
    await get(fetcher, await serve(handler), headers=sent)

    told = [{name: headers[name] for name in sent if name in headers} for headers in seen]
    assert told == [sent, sent, {"Range": "bytes=0-0"}]
