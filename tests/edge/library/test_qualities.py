"""What makes qualities, and how far media are, by the jobs of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.fill.filler import Filler
from edge.fill.wanted import find
from edge.jobs.store import Jobs
from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import add
from edge.library.media.media import Description, Draft, Media, Quality, new_media_id
from edge.library.media.qualities import (
    Status,
    Transcoding,
    fitting_rates,
    placed,
)
from edge.library.media.store import MediaRows, Search, Sort
from edge.records.engine import writing

ACCOUNT = "W142hJk"
HIGH = Quality(name="highest", protocol="hls", container="ts", bitrate_bps=320_000)
LOW = Quality(name="standard", protocol="hls", container="ts", bitrate_bps=128_000)


def entry(media: str = "", blob: str = "audio/a") -> FileEntry:
    return FileEntry(
        account=ACCOUNT,
        path=f"/media/{media or 'a b'}.mp3",
        blob=blob,
        size_bytes=1,
        digest="0" * 64,
        mime="audio/mpeg",
        media=media,
        created_ms=1,
        modified_ms=1,
    )


def media(*qualities: Quality) -> Media:
    return Media(
        id=new_media_id(),
        account=ACCOUNT,
        title="A",
        qualities=qualities,
        created_ms=1,
        updated_ms=1,
        file=entry(),
    )


def subjects(*qualities: Quality) -> list[tuple[str, int]]:
    return [(each.wanted.subject, each.variant) for each in placed(media(*qualities))]


def test_qualities_alike_are_variants_of_one_transform() -> None:
    url = f"/{ACCOUNT}/audio/media/a%20b.mp3?f=hls-aac&container=ts&br=320&sr=48&br=128&sr=48"

    assert subjects(HIGH, LOW) == [(url, 0), (url, 1)]


def test_another_protocol_container_or_track_is_another_transform() -> None:
    def with_(**told: Any) -> Quality:
        return Quality(**{"name": "a", "protocol": "hls", "container": "ts", **told})

    base = f"/{ACCOUNT}/audio/media/a%20b.mp3?f="

    assert subjects(
        with_(), with_(container="mp4"), with_(protocol="dash", container="mp4"), with_(track=1)
    ) == [
        (f"{base}hls-aac&container=ts&br=96&sr=48", 0),
        (f"{base}hls-aac&container=mp4&br=96&sr=48", 0),
        (f"{base}dash-aac&container=mp4&br=96&sr=48", 0),
        (f"{base}hls-aac&container=ts&track=2&br=96&sr=48", 0),
    ]


def test_what_would_be_the_same_is_made_once() -> None:
    in_english = replace_language(LOW, "en")

    assert [variant for _, variant in subjects(LOW, HIGH, in_english)] == [0, 1, 0]


def replace_language(quality: Quality, language: str) -> Quality:
    return Quality(
        name=quality.name,
        protocol=quality.protocol,
        container=quality.container,
        bitrate_bps=quality.bitrate_bps,
        language=language,
    )


def test_an_eleventh_variant_begins_another_transform() -> None:
    many = [
        Quality(name="a", protocol="hls", container="ts", bitrate_bps=bps * 1000)
        for bps in (64, 80, 96, 112, 128, 160, 192, 224, 256, 288, 320)
    ]
    made = placed(media(*many))

    assert [each.variant for each in made] == [*range(10), 0]
    assert len({each.wanted.key for each in made}) == 2


@pytest.mark.parametrize(
    ("wished", "made"),
    [
        ((None, None), (96_000, 48_000)),
        ((1, 44_100), (16_000, 16_000)),
        ((130_000, 44_100), (128_000, 44_100)),
        ((144_000, 44_100), (160_000, 44_100)),
        ((10_000_000, 44_100), (576_000, 48_000)),
        ((20_000, 11_025), (20_000, 12_000)),
        ((128_000, 8_000), (128_000, 32_000)),
    ],
)
def test_rates_are_the_nearest_that_are_made(
    wished: tuple[int | None, int | None], made: tuple[int, int]
) -> None:
    fit = fitting_rates(*wished)

    assert made == (fit.bitrate_bps, fit.sample_rate_hz)


async def test_the_key_is_that_of_the_same_url() -> None:
    (made,) = placed(media(LOW))

    class Shelf:
        async def find(self, account: str, path: str) -> object:
            assert (account, path) == (ACCOUNT, "/media/a b.mp3")
            return entry().source

    assert made.wanted == await find(cast(Any, Shelf()), made.wanted.url)


def test_without_a_file_there_is_nothing_to_make() -> None:
    assert placed(replace(media(LOW), file=None)) == ()


TOLD = Description(duration_seconds=1.0)


@pytest.fixture
def transcoding(records: AsyncEngine) -> Transcoding:
    """As it tells; nothing is begun here."""
    return Transcoding(rows=MediaRows(records), jobs=Jobs(records), filler=cast(Filler, None))


async def bring(
    records: AsyncEngine,
    rows: MediaRows,
    title: str,
    *qualities: Quality,
    told: Description = TOLD,
) -> Media:
    """Announce media, and bring their file."""
    draft = Draft(title=title, qualities=qualities)
    announced = await rows.announce(new_media_id(), ACCOUNT, draft)
    blob = f"audio/{announced.id}"
    async with writing(records) as connection:
        await add(connection, entry(announced.id, blob), draft=Draft(), overwrites=False)
    await rows.describe(announced.id, blob, told, title=title)
    found = await rows.get(ACCOUNT, announced.id)
    assert found is not None
    return found


async def begin(jobs: Jobs, found: Media, end: str | None) -> None:
    for each in {each.wanted.key: each.wanted for each in placed(found)}.values():
        job, lease = await jobs.submit(
            key=each.key, account=ACCOUNT, subject=each.subject, priority=0, owner="node"
        )
        assert lease is not None
        match end:
            case "done":
                await jobs.finish(lease, charge=None, details="{}")
            case "failed":
                await jobs.fail(lease, code="render_failed", message="It failed.")
            case "cancelled":
                await jobs.cancel(ACCOUNT, job.id)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("done", Status.DONE),
        (None, Status.TRANSCODING),
        ("failed", Status.FAIL),
        ("cancelled", Status.FAIL),
    ],
)
async def test_media_are_as_far_as_their_jobs(
    records: AsyncEngine, transcoding: Transcoding, end: str | None, status: Status
) -> None:
    found = await bring(records, transcoding.rows, "A", HIGH, LOW)
    (before,) = await transcoding.progress([found])
    await begin(transcoding.jobs, found, end)
    (after,) = await transcoding.progress([found])

    assert (before.status, before.qualities) == (Status.NEW, (Status.NEW, Status.NEW))
    assert (after.status, after.qualities) == (status, (status, status))


async def test_what_is_under_way_comes_before_what_failed(
    records: AsyncEngine, transcoding: Transcoding
) -> None:
    dash = Quality(name="standard", protocol="dash", container="mp4")
    found = await bring(records, transcoding.rows, "A", LOW, dash)
    hls_only = replace(found, qualities=(LOW,))
    dash_only = replace(found, qualities=(dash,))
    await begin(transcoding.jobs, hls_only, "failed")
    (one,) = await transcoding.progress([found])
    await begin(transcoding.jobs, dash_only, None)
    (two,) = await transcoding.progress([found])

    assert (one.status, one.qualities) == (Status.FAIL, (Status.FAIL, Status.NEW))
    assert (two.status, two.qualities) == (
        Status.TRANSCODING,
        (Status.FAIL, Status.TRANSCODING),
    )


async def test_media_without_qualities_are_done_when_they_are_described(
    records: AsyncEngine, transcoding: Transcoding
) -> None:
    found = await bring(records, transcoding.rows, "A")
    undescribed = replace(found, described_ms=None)
    broken = replace(found, flaw="This is no sound.", qualities=(LOW,))
    told = await transcoding.progress([found, undescribed, broken])

    assert [each.status for each in told] == [Status.DONE, Status.TRANSCODING, Status.FAIL]
    assert told[2].qualities == (Status.FAIL,)


async def test_media_are_found_by_how_far_they_are_page_by_page(
    records: AsyncEngine, transcoding: Transcoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.library.media.qualities._LOOKED_AT_ONCE", 2)
    for number in range(7):
        found = await bring(records, transcoding.rows, f"{number}", LOW)
        await begin(transcoding.jobs, found, "done" if number % 2 == 0 else None)
    gone = await transcoding.rows.announce(new_media_id(), ACCOUNT, Draft(title="gone"))
    await transcoding.rows.bury(ACCOUNT, gone.id)

    async def page(
        *statuses: Status, offset: int, limit: int, deleted: bool | None = False
    ) -> tuple[list[str], int]:
        found, total = await transcoding.find(
            ACCOUNT,
            Search(deleted=deleted),
            statuses,
            sort=Sort.TITLE,
            descending=False,
            offset=offset,
            limit=limit,
        )
        return [each.media.title for each in found], total

    assert await page(offset=0, limit=3) == (["0", "1", "2"], 7)
    assert await page(Status.DONE, offset=0, limit=3) == (["0", "2", "4"], 4)
    assert await page(Status.DONE, offset=3, limit=3) == (["6"], 4)
    assert await page(Status.TRANSCODING, offset=1, limit=1) == (["3"], 3)
    assert await page(Status.FAIL, offset=0, limit=3) == ([], 0)
    assert await page(Status.DELETED, offset=0, limit=3, deleted=True) == (["gone"], 1)
    assert await page(Status.DELETED, Status.DONE, offset=4, limit=9, deleted=None) == (
        ["gone"],
        5,
    )


async def test_sounds_that_turn_out_to_be_none_are_found_by_who_looks_for_them(
    records: AsyncEngine, transcoding: Transcoding
) -> None:
    rows = transcoding.rows
    await bring(records, rows, "broken", LOW, told=Description(flaw="No sound."))

    assert (await rows.find(ACCOUNT, Search()))[1] == 0
    assert (await rows.find(ACCOUNT, Search(broken=True)))[1] == 1


async def test_media_are_located_without_their_account(
    records: AsyncEngine, transcoding: Transcoding
) -> None:
    rows = transcoding.rows
    found = await bring(records, rows, "A")

    assert await rows.locate(found.id) == found
    assert await rows.locate(new_media_id()) is None
    await rows.bury(ACCOUNT, found.id)
    assert await rows.locate(found.id) is None
