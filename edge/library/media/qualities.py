"""
Qualities as transforms: what makes each of them, and how far that is.

Qualities of one protocol, container and track are variants of one transform, so that one decode
feeds them all and they are cut alike. How far a quality is follows from the job of its transform,
and is written down nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from edge.fill.filler import Filler
from edge.fill.wanted import Wanted
from edge.jobs.job import Job, JobState
from edge.jobs.store import Jobs
from edge.library.media.media import Media, Quality
from edge.library.media.store import MediaRows, Search, Sort
from transforms import canonical, grammar, planner, rates
from transforms.formats import MOST_VARIANTS, Format

_FORMATS = {"hls": Format.HLS_AAC, "dash": Format.DASH_AAC}
_LOOKED_AT_ONCE = 200


class Status(StrEnum):
    """How far media are, or one of their qualities."""

    NEW = "new"
    TRANSCODING = "transcoding"
    DONE = "done"
    FAIL = "fail"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A quality, the transform that makes it, and which of its variants it is."""

    quality: Quality
    wanted: Wanted
    variant: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far media are, and each of their qualities, in their order."""

    media: Media
    status: Status
    qualities: tuple[Status, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcoding:
    """Begins what makes qualities, and tells how far it is."""

    rows: MediaRows
    jobs: Jobs
    filler: Filler

    async def begin(self, media: Media) -> None:
        """
        Begin what makes the qualities of media whose file is there.

        Raises:
            FillProblem, TransformProblem, SourceProblem: As ``Filler.obtain`` says.
        """
        for wanted in {each.wanted.key: each.wanted for each in placed(media)}.values():
            await self.filler.obtain(wanted)

    async def progress(self, several: Sequence[Media]) -> list[Progress]:
        """Tell how far some media are."""
        made_by = [placed(media) for media in several]
        keys = {each.wanted.key for made in made_by for each in made}
        jobs = await self.jobs.by_keys(keys) if keys else {}
        return [_progress(*each, jobs) for each in zip(several, made_by, strict=True)]

    async def find(
        self,
        account: str,
        search: Search,
        statuses: Collection[Status],
        *,
        sort: Sort,
        descending: bool,
        offset: int,
        limit: int,
    ) -> tuple[list[Progress], int]:
        """
        Return a page of what is looked for, and how many there are altogether.

        Args:
            statuses: How far they have to be; none is any. As that is in no row, all that is
                looked for is gone through then.
        """
        if not statuses:
            found, total = await self.rows.find(
                account, search, sort=sort, descending=descending, offset=offset, limit=limit
            )
            return await self.progress(found), total
        page: list[Progress] = []
        seen = total = 0
        while True:
            some, count = await self.rows.find(
                account,
                search,
                sort=sort,
                descending=descending,
                offset=seen,
                limit=_LOOKED_AT_ONCE,
            )
            for each in await self.progress(some):
                if each.status in statuses:
                    if offset <= total < offset + limit:
                        page.append(each)
                    total += 1
            seen += len(some)
            if not some or seen >= count:
                return page, total


def placed(media: Media) -> tuple[Placed, ...]:
    """Tell what makes each quality of media, in their order; nothing while there is no file."""
    file = media.file
    if file is None:
        return ()
    wishes = [(_transform(quality), _variant(quality)) for quality in media.qualities]
    variants: dict[str, list[str]] = {}
    for transform, variant in wishes:
        known = variants.setdefault(transform, [])
        if variant not in known:
            known.append(variant)
    wanted = {
        (transform, first): _wanted(media, transform, known[first : first + MOST_VARIANTS])
        for transform, known in variants.items()
        for first in range(0, len(known), MOST_VARIANTS)
    }
    made = []
    for quality, (transform, variant) in zip(media.qualities, wishes, strict=True):
        whole, number = divmod(variants[transform].index(variant), MOST_VARIANTS)
        by = wanted[transform, whole * MOST_VARIANTS]
        made.append(Placed(quality=quality, wanted=by, variant=number))
    return tuple(made)


def status_of(job: Job | None) -> Status:
    """Tell how far a quality is by the job of its transform."""
    match None if job is None else job.state:
        case None:
            return Status.NEW
        case JobState.QUEUED | JobState.RUNNING:
            return Status.TRANSCODING
        case JobState.DONE:
            return Status.DONE
        case _:
            return Status.FAIL


def fitting_rates(bitrate_bps: int | None, sample_rate_hz: int | None) -> rates.Rates:
    """Find the rates nearest to those wished for that AAC is made with here."""
    wished_kbps = (bitrate_bps or rates.DEFAULT_BITRATE_KBPS * 1000) / 1000
    kbps = min(rates.AAC_BITRATES_KBPS, key=lambda each: (abs(each - wished_kbps), -each))
    return rates.fit_aac(kbps, sample_rate_hz or rates.DEFAULT_SAMPLE_RATE_HZ)


def _transform(quality: Quality) -> str:
    track = f"&track={quality.track + 1}" if quality.track else ""
    return f"f={_FORMATS[quality.protocol]}&container={quality.container}{track}"


def _variant(quality: Quality) -> str:
    fit = fitting_rates(quality.bitrate_bps, quality.sample_rate_hz)
    channels = f"&ch={quality.channels}" if quality.channels else ""
    return f"&br={fit.bitrate_bps // 1000}&sr={rates.khz(fit.sample_rate_hz)}{channels}"


def _wanted(media: Media, transform: str, variants: Iterable[str]) -> Wanted:
    assert media.file is not None
    source = media.file.source
    path = f"/{media.account}/audio{quote(source.path, safe='/')}"
    url = planner.plan(grammar.split(path, transform + "".join(variants)))
    key = canonical.key(url.plan, [f"{source.mount} {source.version}"])
    return Wanted(url=url, sources=(source,), key=key)


def _progress(media: Media, made: Sequence[Placed], jobs: dict[str, Job]) -> Progress:
    qualities = tuple(status_of(jobs.get(each.wanted.key)) for each in made)
    if media.flaw is not None:
        qualities = tuple(Status.FAIL for _ in media.qualities)
    elif not made:
        qualities = tuple(Status.NEW for _ in media.qualities)
    return Progress(media=media, status=_status(media, qualities), qualities=qualities)


def _status(media: Media, qualities: Sequence[Status]) -> Status:
    if media.deleted_ms is not None:
        return Status.DELETED
    if media.file is None:
        return Status.NEW
    if media.flaw is not None:
        return Status.FAIL
    if media.described_ms is None:
        return Status.TRANSCODING
    told = set(qualities)
    if not told or told == {Status.DONE}:
        return Status.DONE
    if told == {Status.NEW}:
        return Status.NEW
    # What is under way has no end yet, whatever became of the rest.
    failed = Status.FAIL in told and Status.TRANSCODING not in told
    return Status.FAIL if failed else Status.TRANSCODING
