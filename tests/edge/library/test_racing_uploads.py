"""Uploads that cross each other, and what is left of those that lose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.library.catalogue.store import Catalogue, StorageFull
from edge.library.folders.store import Folders
from edge.library.paths import PathWish
from edge.library.storage import Storage
from edge.library.uploads.intake import BadWish, Intake, Wish, WrongPart
from edge.library.uploads.upload import Upload
from edge.records.engine import reading, writing
from tests.edge.library.conftest import QUOTA

ACCOUNT = "W142hJk"


async def one(piece: bytes) -> AsyncIterator[bytes]:
    yield piece


def wish(path: str, size_bytes: int, **more: object) -> Wish:
    return Wish(  # type: ignore[arg-type]
        path=PathWish(whole=path), size_bytes=size_bytes, overwrites=True, **more
    )


async def begun(intake: Intake, path: str, content: bytes) -> tuple[Upload, str]:
    """Begin an upload of one part, and send that."""
    upload = await intake.begin(ACCOUNT, wish(path, len(content)))
    return upload, await intake.receive(upload, 0, one(content))


async def debris_of(records: AsyncEngine) -> set[str]:
    async with reading(records) as connection:
        found = await connection.exec_driver_sql("SELECT blob FROM debris")
        return {row[0] for row in found}


async def test_folders_are_told_apart_by_case(intake: Intake, records: AsyncEngine) -> None:
    for path in ("/Talks/a", "/talks/b", "/TALKS/deep/c"):
        await intake.bring(ACCOUNT, wish(path, 9), one(b"x"))
    folders = Folders(records)
    for path in ("/Talks/x", "/talks/x"):
        await folders.make(ACCOUNT, path, description=None, permissions=None)
    catalogue = Catalogue(records)

    assert [entry.path for entry in await catalogue.below(ACCOUNT, "/Talks")] == ["/Talks/a"]
    page = await catalogue.list(ACCOUNT, "/Talks", recursive=True)
    assert [each.path for each in (*page.files, *page.folders)] == ["/Talks/a", "/Talks/x"]
    made = await folders.made_in(ACCOUNT, "/Talks", recursive=True)
    assert [folder.path for folder in made] == ["/Talks/x"]


async def test_an_upload_that_was_given_up_is_not_completed(
    intake: Intake, records: AsyncEngine, storage: Storage
) -> None:
    upload, digest = await begun(intake, "/late.bin", b"late")
    await intake.rows.complete_part(upload.id, 0, digest)
    await storage.join(
        upload.blob, [part.blob for part in await intake.rows.completed_parts(upload.id)]
    )
    assert await intake.rows.abandon(upload)

    with pytest.raises(WrongPart, match="No part"):
        await intake.complete(upload, 0, digest)
    with pytest.raises(WrongPart):
        await intake._in_place(upload, digest)
    assert await Catalogue(records).find(ACCOUNT, "/late.bin") is None


async def test_an_upload_that_is_complete_takes_no_parts(
    intake: Intake, records: AsyncEngine
) -> None:
    upload, digest = await begun(intake, "/done.bin", b"done")
    assert await intake.complete(upload, 0, digest) is not None
    # As the client has it, and as whoever looks again.
    for known in (upload, await intake.rows.get(upload.id)):
        assert known is not None
        with pytest.raises(WrongPart):
            await intake.receive(known, 0, one(b"more"))
    async with reading(records) as connection:
        parts = await connection.exec_driver_sql("SELECT count(*) FROM upload_parts")
        assert parts.scalar_one() == 0
    assert await debris_of(records) == set()
    assert await intake.complete(upload, 0, digest) is not None


async def test_parts_that_cross_each_other_are_all_there(intake: Intake) -> None:
    upload = await intake.begin(ACCOUNT, wish("/crossed.bin", 4))
    for piece in (b"aaaa", b"bbbb", b"aaaa"):
        digest = await intake.receive(upload, 0, one(piece))
    entry = await intake.complete(upload, 0, digest)

    assert entry is not None
    reader = await intake.storage.open(entry.blob)
    assert await reader.read_at(0, 9) == b"aaaa"
    await reader.aclose()


async def test_many_who_complete_at_once_join_once(
    intake: Intake, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, digest = await begun(intake, "/once.bin", b"once")
    joined: list[str] = []
    join = Storage.join

    async def counting(self: Storage, blob: str, parts: list[str]) -> object:
        joined.append(blob)
        await asyncio.sleep(0.01)
        return await join(self, blob, parts)

    monkeypatch.setattr(Storage, "join", counting)
    done = await asyncio.gather(*(intake.complete(upload, 0, digest) for _ in range(8)))

    assert [entry is not None for entry in done] == [True] * 8
    assert joined == [upload.blob]


async def test_the_quota_holds_for_files_that_come_at_once(
    intake: Intake, records: AsyncEngine
) -> None:
    async with writing(records) as connection:
        await connection.exec_driver_sql(
            "INSERT INTO accounts (id, created_ms, storage_quota_bytes) VALUES ('W142hJk', 1, 10)"
        )
    begun_at_once = [await begun(intake, f"/{number}.bin", b"1234") for number in range(2)]
    # What has arrived counts, whoever begins next.
    with pytest.raises(StorageFull):
        await intake.begin(ACCOUNT, wish("/third.bin", 4))
    async with writing(records) as connection:
        await connection.exec_driver_sql("UPDATE accounts SET storage_quota_bytes = 6")
    first, second = begun_at_once
    assert await intake.complete(first[0], 0, first[1]) is not None
    with pytest.raises(StorageFull) as refused:
        await intake.complete(second[0], 0, second[1])

    assert (refused.value.used_bytes, refused.value.quota_bytes) == (4, 6)
    assert await Catalogue(records).stored_bytes(ACCOUNT) == 4
    async with writing(records) as connection:
        await connection.exec_driver_sql("UPDATE accounts SET storage_quota_bytes = 8")
    assert await intake.complete(second[0], 0, second[1]) is not None


async def test_a_part_that_nothing_names_yet_is_debris_of_the_future(
    intake: Intake, records: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    upload = await intake.begin(ACCOUNT, wish("/killed.bin", 4))
    monkeypatch.setattr(type(intake.rows), "note_part", die)
    with pytest.raises(KeyboardInterrupt):
        await intake.receive(upload, 0, one(b"gone"))

    [blob] = await debris_of(records)
    assert blob.startswith(f"parts/{upload.id}/")
    assert await intake.debris.sweep() == 0
    monkeypatch.setattr("edge.library.debris.store._CLEARED_BY_ITSELF_MS", -7_200_000)
    assert await intake.debris.sweep() == 1


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"mime": "a" * 256}, "mime"),
        ({"original_name": "a" * 256}, "originalFileName"),
        ({"original_name": "a\0b"}, "originalFileName"),
    ],
)
async def test_what_no_records_can_keep_is_refused(
    intake: Intake, more: dict[str, str], field: str
) -> None:
    with pytest.raises(BadWish) as refused:
        await intake.begin(ACCOUNT, wish("/a", QUOTA // 2, **more))
    assert refused.value.field == field


@pytest.mark.parametrize("number", [-1, 1, 1 << 40, 10**20])
async def test_a_part_that_there_is_not_cannot_be_completed(intake: Intake, number: int) -> None:
    upload, digest = await begun(intake, "/numbers.bin", b"1234")
    with pytest.raises(WrongPart, match="parts 0 to 0"):
        await intake.complete(upload, number, digest)
