"""Work on the queue: what comes of a task, whatever the library and the network make of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from cache.origins.fetch import Fetcher
from cache.source import SourceForbidden, SourceTooLarge, SourceUnreachable
from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import StorageFull
from edge.library.importing.importer import MOST_ATTEMPTS, Importer, NoSound
from edge.library.importing.store import ImportTasks, TooManyImports
from edge.library.importing.task import ImportState, ImportTask
from edge.library.library import MediaGone
from edge.library.media.media import Draft, Media
from edge.library.uploads.intake import Wish
from edge.library.uploads.upload import Upload
from edge.library.webhooks.store import Events
from edge.records.engine import writing
from edge.records.tables import imports
from edge.sandbox.problems import ZygoteLost

ACCOUNT, OTHER = "W142hJk", "W142hJm"
URL = "https://a.example/My%20Song.MP3?token=x"


@dataclass(kw_only=True)
class Library:
    """A library that has what was fetched, and fails as it is told to."""

    known: dict[str, Media] = field(default_factory=dict)
    deleted: dict[str, Media] = field(default_factory=dict)
    under_way: set[str] = field(default_factory=set)
    fetched: list[tuple[str, str, str]] = field(default_factory=list)
    fails: Exception | None = None
    flaw: str | None = None
    held: asyncio.Event | None = None

    @property
    def rows(self) -> Library:
        return self

    @property
    def uploads(self) -> Library:
        return self

    async def of_media(self, media_id: str) -> Upload | None:
        come = media_id in self.under_way | self.known.keys() | self.deleted.keys()
        return upload(media_id) if come else None

    async def give_up(self, given_up: Upload) -> bool:
        there = given_up.media in self.under_way
        self.under_way.discard(given_up.media)
        return there

    async def get(self, account: str, media_id: str, *, deleted: bool = False) -> Media | None:
        return (self.deleted if deleted else self.known).get(media_id)

    async def fetch(self, account: str, url: str, wish: Wish, *, timeout_seconds: float) -> Media:
        self.fetched.append((account, url, str(wish.path.whole)))
        if self.held is not None:
            await self.held.wait()
        if self.fails is not None:
            raise self.fails
        self.known[wish.media] = media(account, wish.media, self.flaw)
        return self.known[wish.media]

    async def described(self, entry: FileEntry) -> Media:
        if self.fails is not None:
            raise self.fails
        return self.known[entry.media]

    async def delete(self, account: str, media_id: str) -> bool:
        if media_id not in self.known:
            return False
        self.deleted[media_id] = self.known.pop(media_id)
        return True


def upload(media_id: str) -> Upload:
    return Upload(
        id="u",
        account=ACCOUNT,
        path=f"/clips/{media_id}.mp3",
        blob="x",
        size_bytes=1,
        part_bytes=1,
        mime="audio/mpeg",
        media=media_id,
        draft=Draft(),
        overwrites=True,
        created_ms=0,
    )


def media(account: str, media_id: str, flaw: str | None = None) -> Media:
    file = FileEntry(
        account=account,
        path=f"/clips/{media_id}.mp3",
        blob="x",
        size_bytes=1,
        digest="",
        mime="audio/mpeg",
        media=media_id,
        created_ms=0,
        modified_ms=0,
    )
    return Media(
        id=media_id, account=account, title="", flaw=flaw, created_ms=0, updated_ms=0, file=file
    )


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
async def importer(
    records: AsyncEngine, tasks: ImportTasks, library: Library
) -> AsyncIterator[Importer]:
    async with Fetcher() as fetcher:
        importer = Importer(
            library=library,
            tasks=tasks,
            events=Events(records),
            fetcher=fetcher,
            owner="me",
            lease_seconds=0.03,
        )
        yield importer
        await importer.aclose()


async def claimed(importer: Importer) -> ImportTask:
    await importer.submit(ACCOUNT, URL, "https://b.example/hook")
    task = await importer.tasks.claim("me")
    assert task is not None
    return task


async def told(records: AsyncEngine, account: str = ACCOUNT) -> list[dict[str, object]]:
    events, _ = await Events(records).list(account)
    return [json.loads(event.body) for event in events]


async def until(settled: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not settled():
            await asyncio.sleep(0.01)


async def test_a_sound_comes_to_a_place_named_by_its_id(
    records: AsyncEngine, importer: Importer, library: Library
) -> None:
    task = await claimed(importer)

    await importer.do(task)

    assert [(ACCOUNT, URL, f"/clips/{task.media}.mp3")] == library.fetched
    assert [
        {"task_id": task.id, "clip_id": task.media, "code": 200, "message": "success"}
    ] == await told(records)


@pytest.mark.parametrize(
    ("url", "extension"),
    [
        *(("https://a.example/", ""), ("https://a.example/a.tar.gz", ".gz")),
        *(("https://a.example/a.b%5Cc", ""), ("https://a.example/.mp3", "")),
        *(("https://a.example/a.%2Fx", ""), ("https://a.example/a.mp3%00", "")),
    ],
)
async def test_only_what_looks_like_an_extension_is_one(
    importer: Importer, library: Library, url: str, extension: str
) -> None:
    found = await importer.fetch(ACCOUNT, url)

    assert [(ACCOUNT, url, f"/clips/{found.id}{extension}")] == library.fetched


async def test_what_has_come_before_a_crash_is_not_fetched_again(
    records: AsyncEngine, importer: Importer, library: Library
) -> None:
    task = await claimed(importer)
    library.known[task.media] = media(ACCOUNT, task.media)

    await importer.do(task)

    assert library.fetched == []
    assert [task.media] == [message["clip_id"] for message in await told(records)]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        *((SourceUnreachable("http://10.0.0.1: status 404"), 400), (SourceTooLarge("x"), 400)),
        *((SourceForbidden("http://10.0.0.1: redirect"), 403), (MediaGone("/x"), 400)),
        (StorageFull(used_bytes=1, quota_bytes=1), 402),
    ],
)
async def test_what_cannot_be_had_is_told_without_where_it_was_looked_for(
    records: AsyncEngine, importer: Importer, library: Library, problem: Exception, code: int
) -> None:
    library.fails = problem

    await importer.do(await claimed(importer))

    (message,) = await told(records)
    assert (None, code) == (message["clip_id"], message["code"])
    assert "10.0.0.1" not in str(message["message"])


async def test_what_is_no_sound_is_not_kept(
    records: AsyncEngine, importer: Importer, library: Library
) -> None:
    library.flaw = "It is a page."

    await importer.do(await claimed(importer))
    with pytest.raises(NoSound, match="It is a page"):
        await importer.fetch(ACCOUNT, URL)

    assert library.known == {}
    (message,) = await told(records)
    assert (
        message["code"],
        message["message"],
    ) == (400, "The URL leads to no sound: It is a page.")


async def test_what_may_pass_is_begun_again_so_many_times(
    records: AsyncEngine, importer: Importer, library: Library
) -> None:
    library.fails = ZygoteLost()
    task = await claimed(importer)
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(ZygoteLost):
            await importer.do(task)
        assert await told(records) == []
        async with writing(records) as connection:
            await connection.execute(update(imports).values(lease_until_ms=1))
        again = await importer.tasks.claim("me")
        assert again is not None
        task = again

    await importer.do(task)

    (message,) = await told(records)
    assert (task.id, None, 500) == (message["task_id"], message["clip_id"], message["code"])
    assert len(library.fetched) == MOST_ATTEMPTS


async def test_what_came_for_a_task_that_was_lost_too_often_is_taken_away(
    records: AsyncEngine, importer: Importer, library: Library
) -> None:
    task = await claimed(importer)
    library.known[task.media] = media(ACCOUNT, task.media)
    async with writing(records) as connection:
        await connection.execute(update(imports).values(attempts=MOST_ATTEMPTS + 1))

    await importer.do(replace(task, attempts=MOST_ATTEMPTS + 1))

    assert library.known == {}
    (message,) = await told(records)
    assert (message["clip_id"], message["code"]) == (None, 500)


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ("It is a page.", "The URL leads to no sound: It is a page."),
        (None, "The file was deleted while it was looked at."),
    ],
)
async def test_what_has_come_and_gone_before_a_crash_is_not_fetched_again(
    records: AsyncEngine, importer: Importer, library: Library, flaw: str | None, said: str
) -> None:
    task = await claimed(importer)
    library.deleted[task.media] = media(ACCOUNT, task.media, flaw)

    await importer.do(task)

    assert (library.fetched, library.known) == ([], {})
    assert [(None, 400, said)] == [
        (message["clip_id"], message["code"], message["message"]) for message in await told(records)
    ]


async def test_an_upload_that_was_cut_short_is_begun_anew(
    importer: Importer, library: Library
) -> None:
    task = await claimed(importer)
    # Even of a process that has stopped in good order, whose attempt does not count.
    assert task.attempts == 1
    library.under_way.add(task.media)

    await importer.do(task)

    assert (library.under_way, list(library.known)) == (set(), [task.media])


async def test_a_task_that_another_has_taken_over_is_stopped(
    records: AsyncEngine, importer: Importer, library: Library
) -> None:
    library.held = asyncio.Event()
    loop = asyncio.create_task(importer.run())
    task = await importer.submit(ACCOUNT, URL, "https://b.example/hook")
    await until(lambda: library.fetched)
    async with writing(records) as connection:
        await connection.execute(update(imports).values(owner="another", attempts=2))

    await until(lambda: not importer._running)
    library.held.set()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)

    there = await importer.tasks.get(ACCOUNT, task.id)
    assert there is not None
    assert (there.owner, there.state, await told(records)) == ("another", ImportState.RUNNING, [])


async def test_one_account_s_slow_files_do_not_keep_another_s_waiting(
    records: AsyncEngine, importer: Importer, library: Library
) -> None:
    library.held = asyncio.Event()
    for _ in range(5):
        await importer.submit(ACCOUNT, URL, "https://b.example/hook")
    await importer.submit(OTHER, URL, "https://b.example/hook")
    loop = asyncio.create_task(importer.run())

    await until(lambda: len(library.fetched) == 3)
    assert [account for account, *_ in library.fetched] == [ACCOUNT, ACCOUNT, OTHER]
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    await importer.aclose()

    # Whoever stops gives back what they have begun, uncounted.
    again = await importer.tasks.claim("another")
    assert again is not None and again.attempts == 1


async def test_somebody_may_wait_for_so_many_files(importer: Importer, library: Library) -> None:
    library.held = asyncio.Event()
    waiting = [asyncio.create_task(importer.fetch(ACCOUNT, URL)) for _ in range(8)]
    await until(lambda: len(library.fetched) == 8)

    with pytest.raises(TooManyImports):
        await importer.fetch(ACCOUNT, URL)
    library.held.set()
    await asyncio.gather(*waiting)
    assert (await importer.fetch(ACCOUNT, URL)).account == ACCOUNT
