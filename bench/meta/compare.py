"""Our description of a file and MediaInfo's, field by field."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.meta import mediainfo
from bench.meta.reasons import Where, reason_for
from transforms.audio.describe.probe import probe
from transforms.problems import UnsupportedMedia

# MediaInfo rounds durations to a millisecond, up or down, before it calculates with them.
DURATION_SLACK_SECONDS = 0.001
RATE_SLACK = 0.001
_RATES = ("bitRate", "overallBitRate")


class Outcome(StrEnum):
    """How one field of one track compares."""

    SAME = "same"
    DIFFERENT = "different"
    OURS = "only ours"
    THEIRS = "only MediaInfo's"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One field of one track; ``reason`` is a key of ``reasons.REASONS``, or empty."""

    file: str
    track: str
    field: str
    ours: object
    theirs: object
    outcome: Outcome
    reason: str

    @property
    def unexplained(self) -> bool:
        """Whether the two differ for no reason that we know."""
        return self.outcome in (Outcome.DIFFERENT, Outcome.THEIRS) and not self.reason


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file as the engine reads it."""

    descriptor: int

    @property
    def size_bytes(self) -> int:
        """Bytes in the file."""
        return os.fstat(self.descriptor).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """Read *length* bytes at *offset*."""
        return os.pread(self.descriptor, length, offset)


def files_of(folder: Path) -> list[Path]:
    """List what there is to compare: no playlists, and nothing that describes the others."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".json", ".m3u8", ".md", ".txt")
    )


def describe(file: Path) -> list[mediainfo.Track]:
    """Describe a file as ``f=meta`` does; empty if it cannot be read."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        tracks = probe(FileSource(descriptor))["tracks"]
    except UnsupportedMedia:
        return []
    finally:
        os.close(descriptor)
    assert isinstance(tracks, list)
    return [_comparable(track) for track in tracks]


def compare(
    name: str, ours: Sequence[mediainfo.Track], theirs: Sequence[mediainfo.Track]
) -> list[Row]:
    """Compare two descriptions, tracks of a kind in their order."""
    rows: list[Row] = []
    for kind in ("General", "Audio", "Video"):
        mine = [track for track in ours if track["type"] == kind]
        other = [track for track in theirs if track["type"] == kind]
        for number in range(max(len(mine), len(other))):
            one = mine[number] if number < len(mine) else {}
            two = other[number] if number < len(other) else {}
            label = kind if kind == "General" else f"{kind} {number + 1}"
            where = Where(ours=ours, theirs=theirs, mine=one, other=two)
            for field in sorted({*one, *two} - {"type", "durationEstimated"}):
                rows.append(_row(name, label, field, one, two, where))
    return rows


def _row(
    name: str,
    label: str,
    field: str,
    one: Mapping[str, object],
    two: Mapping[str, object],
    where: Where,
) -> Row:
    mine, other = one.get(field), two.get(field)
    if field not in two:
        outcome = Outcome.OURS
    elif field not in one:
        outcome = Outcome.THEIRS
    else:
        outcome = Outcome.SAME if _agree(field, mine, other) else Outcome.DIFFERENT
    return Row(
        file=name,
        track=label,
        field=field,
        ours=mine,
        theirs=other,
        outcome=outcome,
        reason=reason_for(field, where) if outcome in (Outcome.DIFFERENT, Outcome.THEIRS) else "",
    )


def _agree(field: str, mine: object, other: object) -> bool:
    if isinstance(mine, int | float) and isinstance(other, int | float):
        slack = DURATION_SLACK_SECONDS if field in ("duration", "frameRate") else 0.0
        if field in _RATES:
            slack = RATE_SLACK * float(other)
        return abs(mine - other) <= slack + 1e-9
    return str(mine).strip() == str(other).strip()


def _comparable(track: mediainfo.Track) -> mediainfo.Track:
    chapters = track.get("chapters")
    if track["type"] != "General":
        return track
    return track | {"chapters": len(chapters) if isinstance(chapters, list) else 0}
