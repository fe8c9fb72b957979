"""A folder on a web server as an origin: what is found there, and how long that is believed."""

import asyncio

import pytest

from cache.origins.fetch import Fetcher
from cache.origins.http import HttpFolder
from cache.source import SourceForbidden, SourceObject, SourceUnreachable
from tests.cache.origins.conftest import Clock, found, opened
from tests.support.web_file import Server


async def test_a_file_is_described_by_its_headers(folder: HttpFolder, server: Server) -> None:
    source = await found(folder, "/music/a.mp3")

    assert source == SourceObject(
        path="/ext/music/a.mp3",
        mount="/ext",
        version=source.version,
        size_bytes=3_000_000,
        modified_ms=1_700_000_000_000,
    )
    assert server.seen == [("HEAD", "/base/music/a.mp3", None)]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/a b.mp3", "/base/a%20b.mp3"),
        ("/Größe/①.mp3", "/base/Gr%C3%B6%C3%9Fe/%E2%91%A0.mp3"),
        ("/50%/a?b#c;d=e&f+g.mp3", "/base/50%25/a%3Fb%23c%3Bd%3De%26f%2Bg.mp3"),
        ("/%2e%2e/a", "/base/%252e%252e/a"),
        ("/.hidden", "/base/.hidden"),
        ("/a:b@c!$'()*,~-_.", "/base/a%3Ab%40c%21%24%27%28%29%2A%2C~-_."),
    ],
)
async def test_paths_are_encoded_onto_the_base(
    folder: HttpFolder, server: Server, path: str, asked: str
) -> None:
    await folder.find(path)

    assert server.seen == [("HEAD", asked, None)]


async def test_a_file_is_asked_for_with_its_query_and_known_by_it(
    folder: HttpFolder, server: Server
) -> None:
    query = "token=a%2Fb&n=1+2"
    source = await folder.find("/a.mp3", query)
    assert source is not None
    assert source.query == query
    for _ in range(2):
        await folder.find("/a.mp3", query)
        await folder.find("/a.mp3")
    reader = await folder.open(source)
    await reader.read_at(0, 1)
    await reader.aclose()

    assert [(method, target) for method, target, _ in server.seen] == [
        ("HEAD", f"/base/a.mp3?{query}"),
        ("HEAD", "/base/a.mp3"),
        ("GET", f"/base/a.mp3?{query}"),
    ]


@pytest.mark.parametrize(
    "path", ["", "/", "a", "/../a", "/a/../../b", "/./a", "//evil.example/a", "/a/", "/a\\b", "/\0"]
)
async def test_ways_out_of_the_base_are_missing_and_not_asked_for(
    folder: HttpFolder, server: Server, path: str
) -> None:
    assert (await folder.find(path), server.seen) == (None, [])


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"last_modified": None}, True),
        ({"etag": '"two"'}, False),
        ({"content": b"short"}, False),
    ],
)
async def test_a_strong_tag_is_the_version(
    url: str, fetcher: Fetcher, server: Server, change: dict[str, object], same: bool
) -> None:
    before = await found(HttpFolder(url, "/", fetcher, 60))
    vars(server).update(change)
    after = await found(HttpFolder(url, "/", fetcher, 60))

    assert (before.version == after.version) is same
    assert (before.etag == after.etag) is same


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"last_modified": "Tue, 14 Nov 2023 22:13:21 GMT"}, False),
        ({"content": b"x"}, False),
    ],
)
async def test_without_one_time_and_size_are(
    url: str, fetcher: Fetcher, server: Server, etag: str | None, change: dict, same: bool
) -> None:
    server.etag = etag
    before = await found(HttpFolder(url, "/", fetcher, 60))
    vars(server).update(change)
    after = await found(HttpFolder(url, "/", fetcher, 60))

    assert (before.version == after.version) is same


@pytest.mark.parametrize("last_modified", [None, "yesterday", ""])
async def test_an_unknown_time_is_none(
    folder: HttpFolder, server: Server, last_modified: str | None
) -> None:
    server.last_modified = last_modified

    assert (await found(folder)).modified_ms is None


@pytest.mark.parametrize("ranges", [True, False])
async def test_without_head_a_byte_is_asked_for(
    folder: HttpFolder, server: Server, ranges: bool
) -> None:
    server.head = False
    server.ranges = ranges

    assert (await found(folder)).size_bytes == 3_000_000
    assert server.seen == [("HEAD", "/base/a.mp3", None), ("GET", "/base/a.mp3", "bytes=0-0")]


async def test_an_empty_file_is_a_file(folder: HttpFolder, server: Server) -> None:
    server.head = False
    server.content = b""
    reader = await opened(folder)

    assert (reader.size_bytes, await reader.read_at(0, 10)) == (0, b"")


async def test_a_file_of_unknown_length_is_unreachable(folder: HttpFolder, server: Server) -> None:
    server.head = server.ranges = False
    server.chunked = True

    with pytest.raises(SourceUnreachable, match="does not say how long"):
        await folder.find("/a.mp3")


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_missing_file_is_remembered_briefly(
    folder: HttpFolder, server: Server, clock: Clock, status: int
) -> None:
    server.status = status
    first = [await folder.find("/a.mp3"), await folder.find("/a.mp3")]
    asked = len(server.seen)

    server.status = 200
    clock.now += 6

    assert (first, asked) == ([None, None], 1)
    assert (await found(folder)).size_bytes == 3_000_000


@pytest.mark.parametrize("status", [400, 408, 429, 500, 503])
async def test_a_failing_origin_is_unreachable_not_missing(
    folder: HttpFolder, server: Server, status: int
) -> None:
    server.status = status

    with pytest.raises(SourceUnreachable, match=f"status {status}"):
        await folder.find("/a.mp3")


async def test_an_answer_is_believed_for_its_time_and_then_revalidated(
    folder: HttpFolder, server: Server, clock: Clock
) -> None:
    first = await found(folder)
    clock.now += 59
    second = await found(folder)
    asked = len(server.seen)
    clock.now += 2
    third = await found(folder)
    server.etag = '"two"'
    clock.now += 61
    fourth = await found(folder)

    assert (first, asked) == (second, 1)
    assert (first == third, first == fourth, len(server.seen)) == (True, False, 3)


async def test_a_lost_origin_is_bridged_for_a_while(
    folder: HttpFolder, server: Server, clock: Clock
) -> None:
    first = await found(folder)
    server.status = 503
    clock.now += 61
    bridged = [await found(folder), await found(folder)]
    asked = len(server.seen)
    clock.now += 3600

    assert (bridged, asked) == ([first, first], 2)
    with pytest.raises(SourceUnreachable):
        await folder.find("/a.mp3")


async def test_a_file_deleted_at_the_origin_is_missing_after_its_time(
    folder: HttpFolder, server: Server, clock: Clock
) -> None:
    await found(folder)
    server.status = 404
    clock.now += 61

    assert await folder.find("/a.mp3") is None


async def test_concurrent_finds_ask_once(folder: HttpFolder, server: Server) -> None:
    server.gate = asyncio.Event()
    finds = [asyncio.create_task(folder.find("/a.mp3")) for _ in range(5)]
    while not server.seen:
        await asyncio.sleep(0)
    server.gate.set()

    assert len(set(await asyncio.gather(*finds))) == 1
    assert len(server.seen) == 1


async def test_a_base_in_the_house_is_forbidden_without_a_connection(
    guarded: Fetcher, canary
) -> None:
    folder = HttpFolder(f"http://127.0.0.1:{canary.port}/", "/ext", guarded, 60)

    with pytest.raises(SourceForbidden):
        await folder.find("/a.mp3")
    assert canary.connections == 0


@pytest.mark.parametrize(
    ("base_url", "problem"),
    [
        ("ftp://example.com/", SourceForbidden),
        ("http://user@example.com/", SourceForbidden),
        ("http://127.1/", SourceForbidden),
        ("http://example.com/?q", ValueError),
    ],
)
def test_odd_bases_are_refused_at_once(base_url: str, problem: type[Exception]) -> None:
    with pytest.raises(problem):
        HttpFolder(base_url, "/ext", Fetcher(), 60)


async def test_only_so_many_paths_are_remembered(
    url: str, fetcher: Fetcher, server: Server
) -> None:
    folder = HttpFolder(url, "/", fetcher, 60, remembered=2)
    for path in ("/a", "/b", "/c", "/c", "/b", "/a"):
        await folder.find(path)

    assert [path for _, path, _ in server.seen] == ["/a", "/b", "/c", "/a"]
