"""One upload under way, and the parts it is in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from edge.ids import random_base58
from edge.library.media.media import Draft

# S3 takes no parts below this, and ten thousand of them at most.
_LEAST_PART_BYTES = 5 << 20
_MOST_PARTS = 10_000
_PART_STEP_BYTES = 1 << 20
_PART_RANDOM_LENGTH = 16
_BLOB_RANDOM_LENGTH = 21

MOST_PART_NUMBER = (1 << 31) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """
    A file that was announced: where it will be, and what will be known of it.

    ``part_bytes`` of None leaves it to whoever sends the parts how long they are. ``digest`` is
    that of the whole file, once it is there. Whether it may take the place of another is settled
    at the beginning, by who began it.
    """

    id: str
    account: str
    path: str
    blob: str
    size_bytes: int
    part_bytes: int | None
    mime: str
    original_name: str | None = None
    media: str
    draft: Draft = field(default_factory=Draft)
    overwrites: bool
    digest: str | None = None
    created_ms: int

    @property
    def done(self) -> bool:
        """Whether the file is in its place."""
        return self.digest is not None

    @property
    def parts(self) -> int:
        """How many parts there are; an empty file has one, of no bytes."""
        return max(1, -(-self.size_bytes // (self.part_bytes or self.size_bytes or 1)))

    def range(self, number: int) -> tuple[int, int] | None:
        """Tell the bytes of a part, end excluded; None for a number that none has."""
        if self.part_bytes is None or not 0 <= number < self.parts:
            return None
        begin = number * self.part_bytes
        return begin, min(begin + self.part_bytes, self.size_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some bytes of an upload that have arrived, kept as ``blob``; ``digest`` is theirs."""

    number: int
    blob: str
    begin_bytes: int
    size_bytes: int
    digest: str


def missing_from(parts: Iterable[Part], size_bytes: int) -> int | None:
    """Tell where the first byte is that none of the parts has; None if they are the whole file."""
    reached = 0
    for part in sorted(parts, key=lambda each: each.begin_bytes):
        if part.begin_bytes != reached:
            break
        reached += part.size_bytes
    return None if reached == size_bytes else reached


def whole_of(parts: Iterable[Part], size_bytes: int) -> tuple[Part, ...] | None:
    """
    Choose parts that are the whole file one behind the other; None if they are not all there.

    Whoever begins again with parts of another length leaves some that overlap.
    """
    if size_bytes == 0:
        return ()
    reached_by: dict[int, Part] = {}
    for part in sorted(parts, key=lambda each: each.begin_bytes):
        end = part.begin_bytes + part.size_bytes
        if part.size_bytes and (part.begin_bytes == 0 or part.begin_bytes in reached_by):
            reached_by.setdefault(end, part)
    chosen: list[Part] = []
    at = size_bytes
    while at:
        if at not in reached_by:
            return None
        chosen.append(reached_by[at])
        at = reached_by[at].begin_bytes
    return tuple(reversed(chosen))


def part_bytes_for(size_bytes: int) -> int:
    """Choose how large the parts of a file are: whole mebibytes, five at least."""
    least = -(-size_bytes // _MOST_PARTS)
    return max(_LEAST_PART_BYTES, -(-least // _PART_STEP_BYTES) * _PART_STEP_BYTES)


def new_blob(account: str, path: str, now_ms: int) -> str:
    """Name the bytes of a file as Picora does: ``audio/{user}/{YYYY-MM}/{nanoid}.{ext}``."""
    month = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m")
    _, dot, extension = path.rpartition("/")[2].rpartition(".")
    safe = extension.isascii() and extension.isalnum() and len(extension) <= 8
    suffix = f".{extension.lower()}" if dot and safe else ""
    return f"audio/{account}/{month}/{random_base58(_BLOB_RANDOM_LENGTH)}{suffix}"


def new_part_blob(upload_id: str, number: int) -> str:
    """Name the bytes of a part; names are never used twice, so none is taken for another's."""
    return f"parts/{upload_id}/{number:05}-{random_base58(_PART_RANDOM_LENGTH)}"
