"""A folder on a web server as an origin."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from aiohttp import web

from cache.origins.fetch import Fetcher
from cache.origins.http import HttpFolder
from cache.origins.reader import MAX_BLOCK_BYTES, MIN_BLOCK_BYTES, HttpReader
from cache.source import (
    SourceChanged,
    SourceForbidden,
    SourceMissing,
    SourceObject,
    SourceUnreachable,
)

CONTENT = bytes(number % 251 for number in range(3_000_000))
TUESDAY = "Tue, 14 Nov 2023 22:13:20 GMT"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Server:
    """A web server whose single file and manners can be changed while it runs."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.etag: str | None = '"one"'
        self.last_modified: str | None = TUESDAY
        self.ranges = True
        self.head = True
        self.conditional = True
        self.chunked = False
        self.status = 200
        self.seen: list[tuple[str, str, str | None]] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        wanted = request.headers.get("Range")
        self.seen.append((request.method, request.raw_path, wanted))
        if self.gate is not None:
            await self.gate.wait()
        if request.method == "HEAD" and not self.head:
            return web.Response(status=405)
        if self.status != 200:
            return web.Response(status=self.status)
        headers = {"ETag": self.etag, "Last-Modified": self.last_modified}
        headers = {name: value for name, value in headers.items() if value is not None}
        if self.conditional and self.etag and request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304, headers=headers)
        if_range = request.headers.get("If-Range")
        if wanted and self.ranges and if_range in (None, self.etag):
            return self._part(wanted, headers)
        if self.chunked:
            response = web.StreamResponse(headers=headers)
            response.enable_chunked_encoding()
            await response.prepare(request)
            await response.write(self.content)
            return response
        return web.Response(body=self.content, headers=headers)

    def _part(self, wanted: str, headers: dict[str, str]) -> web.Response:
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last) + 1, len(self.content))
        if start >= len(self.content):
            headers["Content-Range"] = f"bytes */{len(self.content)}"
            return web.Response(status=416, headers=headers)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(self.content)}"
        return web.Response(status=206, body=self.content[start:end], headers=headers)


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
    return HttpFolder(f"{url}/base/", "/ext", fetcher, 60, clock=clock, spool_bytes=10_000_000)


async def found(folder: HttpFolder, path: str = "/a.mp3") -> SourceObject:
    source = await folder.find(path)
    assert source is not None
    return source


async def opened(folder: HttpFolder) -> HttpReader:
    return await folder.open(await found(folder))


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


async def test_any_part_can_be_read(folder: HttpFolder) -> None:
    reader = await opened(folder)
    spans = [(0, 10), (2_999_990, 100), (1_000_000, 70_000), (5, 0), (3_000_000, 1), (0, 3_000_000)]

    read = [await reader.read_at(*span) for span in spans]
    await reader.aclose()

    assert read == [CONTENT[offset : offset + length] for offset, length in spans]
    assert reader.fileno() is None


async def test_blocks_grow_while_reads_follow_one_another(
    folder: HttpFolder, server: Server
) -> None:
    reader = await opened(folder)
    server.seen.clear()

    for offset in range(0, 3_000_000, 10_000):
        await reader.read_at(offset, 10_000)
    await reader.aclose()

    starts = [int(wanted[6:].split("-")[0]) for _, _, wanted in server.seen if wanted]
    lengths = [after - before for before, after in pairwise(starts)]
    assert lengths == [MIN_BLOCK_BYTES << power for power in range(5)][: len(lengths)]
    assert max(lengths) == MAX_BLOCK_BYTES


async def test_a_jump_starts_small_again_and_near_blocks_are_kept(
    folder: HttpFolder, server: Server
) -> None:
    reader = await opened(folder)
    server.seen.clear()

    for offset in (0, 2_000_000, 100, 2_000_100, 1_000_000):
        await reader.read_at(offset, 50)
    await reader.aclose()

    assert [wanted for _, _, wanted in server.seen] == [
        "bytes=0-65535",
        "bytes=2000000-2065535",
        "bytes=1000000-1065535",
    ]


async def test_concurrent_reads_are_answered_apart(folder: HttpFolder) -> None:
    reader = await opened(folder)
    offsets = range(0, 3_000_000, 300_000)

    read = await asyncio.gather(*(reader.read_at(offset, 1000) for offset in offsets))
    await reader.aclose()

    assert read == [CONTENT[offset : offset + 1000] for offset in offsets]


def _new_tag(server: Server) -> None:
    server.etag = '"two"'


def _new_size(server: Server) -> None:
    server.etag = None
    server.content = CONTENT[:-1]


def _new_time(server: Server) -> None:
    server.etag = None
    server.last_modified = "Wed, 15 Nov 2023 22:13:20 GMT"


@pytest.mark.parametrize("change", [_new_tag, _new_size, _new_time])
@pytest.mark.parametrize("ranges", [True, False])
async def test_a_change_between_reads_is_noticed(
    folder: HttpFolder, server: Server, ranges: bool, change: Callable[[Server], None]
) -> None:
    if change is not _new_tag:
        server.etag = None
    reader = await opened(folder)
    await reader.read_at(0, 10)
    fresh = await opened(folder)
    server.ranges = ranges
    change(server)

    with pytest.raises(SourceChanged):
        await reader.read_at(1_000_000, 10)
    with pytest.raises(SourceChanged):
        await fresh.read_at(0, 10)
    await reader.aclose()
    await fresh.aclose()


async def test_a_part_of_another_version_is_noticed_even_if_the_condition_was_ignored(
    fetcher: Fetcher, serve
) -> None:
    etags = iter(['"one"', '"two"'])

    async def handler(request: web.Request) -> web.Response:
        headers = {"ETag": next(etags), "Content-Range": "bytes 0-4/5"}
        status = 200 if request.method == "HEAD" else 206
        return web.Response(status=status, body=b"12345", headers=headers)

    folder = HttpFolder(await serve(handler), "/", fetcher, 60)
    reader = await opened(folder)

    with pytest.raises(SourceChanged):
        await reader.read_at(0, 5)


@pytest.mark.parametrize(
    "content_range",
    [None, "bytes 1-5/5", "bytes 0-9/5", "bytes 4-0/5", "items 0-4/5", "bytes 0-4/", "bytes */5"],
)
async def test_another_range_than_asked_is_refused(
    fetcher: Fetcher, serve, content_range: str | None
) -> None:
    async def handler(request: web.Request) -> web.Response:
        headers = {"Content-Range": content_range} if content_range else {}
        status = 200 if request.method == "HEAD" else 206
        return web.Response(status=status, body=b"12345", headers=headers)

    reader = await opened(HttpFolder(await serve(handler), "/", fetcher, 60))

    with pytest.raises(SourceUnreachable, match="another range"):
        await reader.read_at(0, 5)


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (404, SourceMissing),
        (410, SourceMissing),
        (403, SourceMissing),
        (412, SourceChanged),
        (416, SourceChanged),
        (500, SourceUnreachable),
        (204, SourceUnreachable),
    ],
)
async def test_a_failing_read_says_why(
    folder: HttpFolder, server: Server, status: int, problem: type[Exception]
) -> None:
    reader = await opened(folder)
    server.status = status

    with pytest.raises(problem):
        await reader.read_at(0, 5)


@pytest.mark.parametrize("chunked", [False, True])
async def test_without_ranges_the_file_is_downloaded_once(
    folder: HttpFolder, server: Server, chunked: bool
) -> None:
    server.ranges = False
    reader = await opened(folder)
    server.chunked = chunked
    server.seen.clear()
    spans = [(1_000_000, 10), (0, 10), (2_999_990, 100), (0, 3_000_000)]

    read = [await reader.read_at(*span) for span in spans]
    await reader.aclose()
    await reader.aclose()

    assert read == [CONTENT[offset : offset + length] for offset, length in spans]
    assert len(server.seen) == 1


async def test_a_download_of_another_length_is_another_version(
    folder: HttpFolder, server: Server
) -> None:
    server.ranges = False
    reader = await opened(folder)
    server.chunked = True
    server.content = CONTENT[:-1]

    with pytest.raises(SourceChanged):
        await reader.read_at(0, 10)


async def test_without_ranges_a_long_file_can_only_be_begun(
    url: str, fetcher: Fetcher, server: Server
) -> None:
    server.ranges = False
    reader = await opened(HttpFolder(url, "/", fetcher, 60, spool_bytes=1_000_000))

    beginning = await reader.read_at(0, 10)

    assert beginning == CONTENT[:10]
    with pytest.raises(SourceUnreachable, match="ignores ranges"):
        await reader.read_at(1_000_000, 10)


async def test_opening_asks_again_when_nothing_is_remembered(
    folder: HttpFolder, url: str, fetcher: Fetcher, server: Server
) -> None:
    source = await found(folder)
    later = HttpFolder(f"{url}/base", "/ext", fetcher, 60)

    reader = await later.open(source)
    read = await reader.read_at(0, 5)
    await reader.aclose()
    server.etag = '"two"'

    assert read == CONTENT[:5]
    with pytest.raises(SourceChanged):
        await HttpFolder(f"{url}/base", "/ext", fetcher, 60).open(source)
    server.status = 404
    with pytest.raises(SourceMissing):
        await HttpFolder(f"{url}/base", "/ext", fetcher, 60).open(source)


async def test_a_source_of_another_mount_is_missing(folder: HttpFolder) -> None:
    source = SourceObject(
        path="/elsewhere/a", mount="/elsewhere", version="1", size_bytes=1, modified_ms=None
    )

    with pytest.raises(SourceMissing):
        await folder.open(source)


async def test_ranges_follow_a_redirect_to_another_host(
    url: str, fetcher: Fetcher, serve, server: Server
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"{url}{request.raw_path}?sig=1"})

    reader = await opened(HttpFolder(await serve(handler), "/", fetcher, 60))
    read = await reader.read_at(1_000_000, 10)
    await reader.aclose()

    assert read == CONTENT[1_000_000:1_000_010]
    assert server.seen[-1] == ("GET", "/a.mp3?sig=1", "bytes=1000000-1065535")


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
