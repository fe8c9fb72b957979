"""Files looked at in the background: those that cannot be keep no other waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from cache.source import SourceMissing, SourceObject
from edge.fill.wanted import Wanted
from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import add
from edge.library.debris.store import Debris
from edge.library.media.describing import Describer
from edge.library.media.media import Description, Draft, Media, new_media_id
from edge.library.media.store import MediaRows
from edge.library.playlists import bad
from edge.library.storage import Storage
from edge.records.dialects import now_ms
from edge.records.engine import reading, writing
from edge.records.tables import debris, media

ACCOUNT = "W142hJk"
MINUTE_MS = 60_000
TOLD = {"tracks": [{"type": "General", "format": "Wave", "duration": 2.5, "title": "Told"}]}


@dataclass(kw_only=True)
class Worker:
    """Tells the same of every file, and fails with some as it is told to."""

    fails: dict[str, Exception] = field(default_factory=dict)
    looked_at: list[str] = field(default_factory=list)
    held: asyncio.Event | None = None

    async def metadata(self, wanted: Wanted) -> bytes:
        path = wanted.sources[0].path
        self.looked_at.append(path)
        if self.held is not None:
            await self.held.wait()
        if path in self.fails:
            raise self.fails[path]
        return msgspec.json.encode(TOLD)

    async def find(self, account: str, path: str) -> SourceObject | None:
        """A playlist lists something unless it is told that it does not."""
        if path in self.fails:
            raise self.fails[path]
        self.looked_at.append(f"listed by {path}")
        return SourceObject(
            path=path, mount="uploads", version="listed", size_bytes=1, modified_ms=None
        )

    async def thumbnail(self, account: str, source: SourceObject) -> bytes:
        return b"\xff\xd8 a picture"


@pytest.fixture
def rows(records: AsyncEngine) -> MediaRows:
    return MediaRows(records)


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
async def describer(
    records: AsyncEngine, rows: MediaRows, storage: Storage, worker: Worker
) -> AsyncIterator[Describer]:
    describer = describer_of(rows, worker, storage, records)
    yield describer
    await describer.aclose()


def describer_of(
    rows: MediaRows, worker: Worker, storage: Storage, records: AsyncEngine
) -> Describer:
    return Describer(rows, worker, worker, storage, Debris(records, storage), worker)  # type: ignore[arg-type]


async def bring(records: AsyncEngine, path: str, blob: str | None = None) -> FileEntry:
    entry = FileEntry(
        account=ACCOUNT,
        path=path,
        blob=blob or f"audio/{new_media_id()}",
        size_bytes=3,
        digest="0" * 64,
        mime="audio/wav",
        media=new_media_id(),
        created_ms=1,
        modified_ms=1,
    )
    async with writing(records) as connection:
        there, _ = await add(connection, entry, draft=Draft(), overwrites=True)
    return there


async def known(rows: MediaRows, entry: FileEntry) -> Media:
    found = await rows.get(ACCOUNT, entry.media)
    assert found is not None
    return found


async def wait_no_more(records: AsyncEngine) -> None:
    """Let every pause be over."""
    async with writing(records) as connection:
        await connection.execute(update(media).values(describe_due_ms=0))


async def noted_debris(records: AsyncEngine) -> list[str]:
    async with reading(records) as connection:
        return list((await connection.execute(select(debris.c.blob))).scalars())


def pictures(folder: Path) -> list[str]:
    return sorted(file.name for file in (folder / "files" / "thumbnails").glob("*"))


async def test_files_that_cannot_be_looked_at_keep_no_other_waiting(
    records: AsyncEngine, rows: MediaRows, worker: Worker, describer: Describer
) -> None:
    for number in range(45):
        await bring(records, f"/lost/{number}")
        worker.fails[f"/lost/{number}"] = SourceMissing("gone")
    last = await bring(records, "/last")

    assert await describer.describe_left() == 46
    assert (await known(rows, last)).title == "Told"
    assert await describer.describe_left() == 0
    assert len(worker.looked_at) == 46


async def test_each_attempt_puts_a_file_off_for_longer(
    records: AsyncEngine, rows: MediaRows, worker: Worker, describer: Describer
) -> None:
    entry = await bring(records, "/a")
    worker.fails["/a"] = SourceMissing("gone")
    pauses = []
    query = select(media.c.describe_due_ms - now_ms()).where(media.c.id == entry.media)
    for _ in range(12):
        await wait_no_more(records)
        assert await describer.describe_left() == 1
        async with reading(records) as connection:
            pauses.append((await connection.execute(query)).scalar_one() / MINUTE_MS)

    doubled = [2.0 * 2 ** min(attempt, 9) for attempt in range(12)]
    assert pauses == pytest.approx(doubled, abs=1.9)
    assert sorted(pauses[:10]) == pauses[:10]
    # Whatever replaces it has not been tried yet.
    await bring(records, "/a", "audio/another")
    assert [each.id for each in await rows.undescribed(limit=9)] == [entry.media]


async def test_what_is_wrong_with_one_file_is_written_down_and_harms_no_other(
    records: AsyncEngine, rows: MediaRows, worker: Worker, describer: Describer
) -> None:
    odd = await bring(records, "/odd")
    good = await bring(records, "/good")
    worker.fails["/odd"] = RuntimeError("nobody has thought of that")

    assert await describer.describe_left() == 2
    assert (await known(rows, odd)).flaw == "It could not be described."
    assert (await known(rows, good)).title == "Told"


class Narrow(MediaRows):
    """Columns that hold no length."""

    async def describe(self, media_id: str, blob: str, told: Description, *, title: str) -> bool:
        if told.duration_seconds is not None:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return await super().describe(media_id, blob, told, title=title)


async def test_what_no_column_holds_is_a_flaw_and_leaves_no_picture(
    records: AsyncEngine, rows: MediaRows, worker: Worker, storage: Storage, tmp_path: Path
) -> None:
    entry = await bring(records, "/a")
    describer = describer_of(Narrow(records), worker, storage, records)

    assert await describer.describe_left() == 1
    assert (await known(rows, entry)).flaw == "It could not be described."
    assert (pictures(tmp_path), await noted_debris(records)) == ([], [])


class Mortal(MediaRows):
    """A process that is killed before it has written anything down."""

    async def describe(self, media_id: str, blob: str, told: Description, *, title: str) -> bool:
        raise asyncio.CancelledError


async def test_a_picture_that_no_row_names_is_swept_away(
    records: AsyncEngine, rows: MediaRows, worker: Worker, storage: Storage, tmp_path: Path
) -> None:
    entry = await bring(records, "/a")
    killed = describer_of(Mortal(records), worker, storage, records)
    with pytest.raises(asyncio.CancelledError):
        await killed.describe(entry)
    orphans = pictures(tmp_path)
    assert await noted_debris(records) == [f"thumbnails/{name}" for name in orphans]

    await describer_of(rows, worker, storage, records).describe(entry)
    async with writing(records) as connection:
        await connection.execute(update(debris).values(since_ms=0))
    assert await Debris(records, storage).sweep() == len(orphans) == 1

    thumbnail = (await known(rows, entry)).thumbnail
    assert [thumbnail] == [f"thumbnails/{name}" for name in pictures(tmp_path)]
    assert await noted_debris(records) == []


async def test_of_two_who_look_at_a_file_one_keeps_its_picture(
    records: AsyncEngine, rows: MediaRows, worker: Worker, storage: Storage, tmp_path: Path
) -> None:
    entry = await bring(records, "/a")
    worker.held = asyncio.Event()
    both = [describer_of(rows, worker, storage, records) for _ in range(2)]
    looking = [asyncio.create_task(each.describe(entry)) for each in both]
    async with asyncio.timeout(60):
        while len(worker.looked_at) < 2:
            await asyncio.sleep(0.01)
    worker.held.set()
    found = await asyncio.gather(*looking)

    there = await known(rows, entry)
    assert found == [there, there]
    assert [there.thumbnail] == [f"thumbnails/{name}" for name in pictures(tmp_path)]
    assert await noted_debris(records) == []


async def test_so_many_files_wait_in_memory_and_the_others_in_the_records(
    records: AsyncEngine,
    worker: Worker,
    describer: Describer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.library.media.describing._MOST_NOTED", 3)
    entries = [await bring(records, f"/{number}") for number in range(5)]
    for entry in entries:
        describer.note(entry)
    async with asyncio.timeout(60):
        while describer._tasks:
            await asyncio.sleep(0.01)

    assert worker.looked_at == ["/0", "/1", "/2"]
    assert await describer.describe_left() == 2
    assert worker.looked_at == ["/0", "/1", "/2", "/3", "/4"]


async def test_a_playlist_is_described_once_what_it_lists_has_come(
    records: AsyncEngine, rows: MediaRows, worker: Worker, describer: Describer
) -> None:
    song = await bring(records, "/song.m3u8")
    worker.fails["/song.m3u8"] = bad("Not there yet.")
    await describer.describe_left()
    assert (await known(rows, song)).described_ms is None
    worker.fails.clear()
    await wait_no_more(records)
    await describer.describe_left()

    assert (await known(rows, song)).title == "Told"
    assert "listed by /song.m3u8" in worker.looked_at


async def test_a_playlist_that_leads_nowhere_is_given_up(
    records: AsyncEngine, rows: MediaRows, worker: Worker, describer: Describer
) -> None:
    song = await bring(records, "/song.m3u8")
    worker.fails["/song.m3u8"] = bad("It is none.")
    for _ in range(4):
        await wait_no_more(records)
        await describer.describe_left()

    assert (await known(rows, song)).flaw == "It is none."
