"""Reading files of a folder on a web server."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from aiohttp import web

from cache.origins.fetch import Fetcher
from cache.origins.http import HttpFolder
from cache.readahead import MAX_BLOCK_BYTES, MIN_BLOCK_BYTES
from cache.source import SourceChanged, SourceMissing, SourceObject, SourceUnreachable
from tests.cache.origins.conftest import found, opened
from tests.support.web_file import CONTENT, Server


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
    quarter = MAX_BLOCK_BYTES // 4
    early = [MIN_BLOCK_BYTES, MIN_BLOCK_BYTES * 2, quarter, quarter, quarter, quarter]
    assert lengths == [*early, MAX_BLOCK_BYTES // 2, MAX_BLOCK_BYTES][: len(lengths)]
    assert len(lengths) > len(early)


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


async def test_who_reads_after_somebody_has_looked_does_not_ask_again(
    folder: HttpFolder, server: Server
) -> None:
    source = await found(folder)
    server.seen.clear()
    for _ in range(3):
        reader = await folder.open(source)
        await reader.read_at(0, 100)
        await reader.aclose()

    assert [wanted for _, _, wanted in server.seen] == ["bytes=0-65535"]
