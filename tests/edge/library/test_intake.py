"""Files on their way in: parts in any order, again, at once; and what is in the way."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.library.catalogue.store import Catalogue, PathTaken, StorageFull
from edge.library.paths import PathWish
from edge.library.storage import BodyTooLong, Storage
from edge.library.uploads.intake import Intake, Wish, WrongPart
from edge.library.uploads.store import PartTaken
from edge.library.uploads.upload import Upload, part_bytes_for

ACCOUNT, OTHER = "W142hJk", "W142hJm"
PART = 5 << 20
CONTENT = bytes(range(256)) * (PART * 2 // 256) + b"the end"


async def body(content: bytes, piece: int = 100_000) -> AsyncIterator[bytes]:
    for at in range(0, len(content), piece):
        yield content[at : at + piece]


def wish(path: str = "/a/b.mp3", *, size: int = len(CONTENT), overwrites: bool = True) -> Wish:
    return Wish(path=PathWish(whole=path), size_bytes=size, overwrites=overwrites)


def part(upload: Upload, number: int) -> bytes:
    begin, end = upload.range(number) or (0, 0)
    return CONTENT[begin:end]


async def stored(storage: Storage, catalogue: Catalogue, path: str = "/a/b.mp3") -> bytes:
    entry = await catalogue.find(ACCOUNT, path)
    assert entry is not None
    reader = await storage.open(entry.blob)
    try:
        return await reader.read_at(0, reader.size_bytes)
    finally:
        await reader.aclose()


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_parts_may_come_in_any_order(
    intake: Intake, catalogue: Catalogue, storage: Storage, tmp_path: Path
) -> None:
    upload = await intake.begin(ACCOUNT, wish())
    assert (upload.parts, upload.range(2), upload.range(3)) == (
        *(3, (2 * PART, 2 * PART + 7)),
        None,
    )

    for number in (2, 0, 1):
        assert number in await intake.remaining(upload)
        digest = await intake.receive(upload, number, body(part(upload, number)))
        assert await catalogue.find(ACCOUNT, "/a/b.mp3") is None
        entry = await intake.complete(upload, number, digest)
        assert (entry is None) == (number != 1)

    assert entry is not None
    assert (entry.size_bytes, entry.mime) == (len(CONTENT), "audio/mpeg")
    assert entry.digest == hashlib.sha256(CONTENT).hexdigest()
    assert await stored(storage, catalogue) == CONTENT
    # Nothing is left of the parts.
    assert len(files_below(tmp_path / "files")) == 1
    assert files_below(tmp_path / "incoming") == []


async def test_a_part_may_come_again_and_differ(
    intake: Intake, catalogue: Catalogue, storage: Storage, tmp_path: Path
) -> None:
    upload = await intake.begin(ACCOUNT, wish(size=4))
    wrong = await intake.receive(upload, 0, body(b"oops"))
    right = await intake.receive(upload, 0, body(b"here"))

    with pytest.raises(WrongPart):
        await intake.complete(upload, 0, wrong)
    assert await intake.complete(upload, 0, right) is not None
    assert await stored(storage, catalogue) == b"here"
    assert len(files_below(tmp_path / "files")) == 1


async def test_whoever_asks_again_is_told_the_same(intake: Intake) -> None:
    upload = await intake.begin(ACCOUNT, wish(size=4))
    digest = await intake.receive(upload, 0, body(b"here"))
    first = await intake.complete(upload, 0, digest)
    upload = await intake.rows.get(upload.id) or upload
    again = await intake.complete(upload, 0, digest)

    assert first is not None
    assert again is not None
    assert first.etag == again.etag
    assert await intake.remaining(upload) == ()


async def test_two_may_finish_at_once(
    intake: Intake, catalogue: Catalogue, storage: Storage, tmp_path: Path
) -> None:
    for attempt in range(10):
        path = f"/a/{attempt}.mp3"
        upload = await intake.begin(ACCOUNT, wish(path))
        digests = [
            await intake.receive(upload, number, body(part(upload, number))) for number in range(3)
        ]
        finished = await asyncio.gather(
            *(intake.complete(upload, number, digests[number]) for number in (0, 1, 2, 2, 1)),
        )
        entries = [entry for entry in finished if entry is not None]
        assert entries
        assert len({entry.etag for entry in entries}) == 1
        assert await stored(storage, catalogue, path) == CONTENT
    assert len(files_below(tmp_path / "files")) == 10


@pytest.mark.parametrize("content", [b"", b"her", b"there"])
async def test_a_part_of_another_length_is_refused(
    intake: Intake, tmp_path: Path, content: bytes
) -> None:
    upload = await intake.begin(ACCOUNT, wish(size=4))

    with pytest.raises((WrongPart, BodyTooLong)):
        await intake.receive(upload, 0, body(content))
    with pytest.raises(WrongPart):
        await intake.receive(upload, 1, body(b"here"))
    assert files_below(tmp_path) == [tmp_path / "records.db"] or not any(
        path.is_relative_to(tmp_path / "files") for path in files_below(tmp_path)
    )


async def test_an_empty_file_has_one_part(
    intake: Intake, catalogue: Catalogue, storage: Storage
) -> None:
    upload = await intake.begin(ACCOUNT, wish(size=0))
    digest = await intake.receive(upload, 0, body(b""))

    assert (upload.parts, upload.range(0)) == (1, (0, 0))
    assert await intake.complete(upload, 0, digest) is not None
    assert await stored(storage, catalogue) == b""


async def test_what_is_there_is_overwritten_by_those_who_may(
    intake: Intake, catalogue: Catalogue, storage: Storage, tmp_path: Path
) -> None:
    await intake.bring(ACCOUNT, wish(size=100), body(b"old"))
    before = await catalogue.find(ACCOUNT, "/a/b.mp3")
    with pytest.raises(PathTaken):
        await intake.bring(ACCOUNT, wish(size=100, overwrites=False), body(b"new"))
    assert await stored(storage, catalogue) == b"old"

    await intake.bring(ACCOUNT, wish(size=100), body(b"new"))
    after = await catalogue.find(ACCOUNT, "/a/b.mp3")

    assert await stored(storage, catalogue) == b"new"
    assert before is not None
    assert after is not None
    assert before.source.version != after.source.version
    assert before.created_ms == after.created_ms
    assert len(files_below(tmp_path / "files")) == 1


async def test_a_path_that_is_taken_meanwhile_is_not_taken_twice(intake: Intake) -> None:
    upload = await intake.begin(ACCOUNT, wish(size=4, overwrites=False))
    digest = await intake.receive(upload, 0, body(b"late"))
    await intake.bring(ACCOUNT, wish(size=100), body(b"soon"))

    with pytest.raises(PathTaken):
        await intake.complete(upload, 0, digest)


async def test_a_fallback_is_for_when_the_name_is_taken(intake: Intake) -> None:
    named = PathWish(folder="/a", name="b.mp3", fallback_name="b-{UNIQUE_DIGITS_4}.mp3")
    paths = [
        (
            await intake.bring(
                ACCOUNT, Wish(path=named, size_bytes=9, overwrites=False), body(b"here")
            )
        ).path
        for _ in range(3)
    ]

    assert paths[0] == "/a/b.mp3"
    assert all(path.startswith("/a/b-") for path in paths[1:])
    assert len(set(paths)) == 3


async def test_accounts_have_files_of_their_own(intake: Intake, catalogue: Catalogue) -> None:
    await intake.bring(ACCOUNT, wish(size=100), body(b"mine"))
    await intake.bring(OTHER, wish(size=100, overwrites=False), body(b"theirs"))

    mine, theirs = [await catalogue.find(who, "/a/b.mp3") for who in (ACCOUNT, OTHER)]
    assert mine is not None
    assert theirs is not None
    assert (mine.size_bytes, theirs.size_bytes) == (4, 6)
    assert await catalogue.remove(OTHER, "/a/b.mp3") is not None
    assert await catalogue.find(ACCOUNT, "/a/b.mp3") == mine


async def test_what_has_no_room_is_not_begun(intake: Intake) -> None:
    await intake.bring(ACCOUNT, wish(size=100), body(b"here"))

    with pytest.raises(StorageFull) as refused:
        await intake.begin(ACCOUNT, wish("/c.mp3", size=(1 << 30) - 3))
    assert (refused.value.used_bytes, refused.value.quota_bytes) == (4, 1 << 30)
    await intake.begin(ACCOUNT, wish("/c.mp3", size=(1 << 30) - 4))
    await intake.begin(OTHER, wish("/c.mp3", size=1 << 30))


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 10_000 * PART, 10_000 * PART + 1, 5 << 40])
def test_there_are_never_more_than_ten_thousand_parts(size: int) -> None:
    assert part_bytes_for(size) >= PART
    assert part_bytes_for(size) % (1 << 20) == 0
    assert size <= 10_000 * part_bytes_for(size)


async def test_a_part_that_came_second_leaves_nothing(intake: Intake, tmp_path: Path) -> None:
    upload = await intake.begin(ACCOUNT, wish(size=4), in_pieces=True)

    async def keep(content: bytes, begin: int = 0) -> None:
        async with intake.receiving(body(content), most_bytes=4) as received:
            await intake.keep(upload, 0, begin, received, replaces=False)

    await keep(b"ab")
    await keep(b"ab")
    with pytest.raises(PartTaken):
        await keep(b"xyz")
    # The same bytes elsewhere are another part; what is there stays.
    with pytest.raises(PartTaken):
        await keep(b"ab", 2)

    (left,) = files_below(tmp_path / "files")
    assert left.read_bytes() == b"ab"
    assert [piece async for piece in intake.arrived(upload)] == [b"ab"]


async def test_a_part_of_an_upload_that_was_given_up_leaves_nothing(
    intake: Intake, tmp_path: Path
) -> None:
    upload = await intake.begin(ACCOUNT, wish(size=4), in_pieces=True)
    assert await intake.rows.abandon(upload)

    with pytest.raises(WrongPart, match="given up"):
        async with intake.receiving(body(b"ab"), most_bytes=4) as received:
            await intake.keep(upload, 0, 0, received)
    assert files_below(tmp_path / "files") == []


async def test_what_was_received_as_a_whole_is_told_later_where_it_belongs(
    intake: Intake, catalogue: Catalogue, storage: Storage
) -> None:
    async with intake.receiving(body(CONTENT), most_bytes=len(CONTENT)) as received:
        entry = await intake.place(ACCOUNT, wish(size=0), received)

    assert (entry.path, entry.size_bytes) == ("/a/b.mp3", len(CONTENT))
    assert await stored(storage, catalogue) == CONTENT
