"""
The ``Range`` header, read into the bytes to send.

Starlette has a parser inside its file response, but it is tied to a path on disk, answers a
malformed header with 400 where RFC 9110 wants it ignored, and allows a hundred ranges.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Players ask for one range, download managers and PDF viewers for a handful. RFC 9110 section
# 17.15 names many small or overlapping ranges as an attack.
MAX_RANGES: Final = 16

_RANGE_SPEC: Final = re.compile(r"(?P<first>[0-9]+)-(?P<last>[0-9]*)|-(?P<suffix>[0-9]+)")

# No file is longer than what 19 digits can say, and int() refuses to read thousands of them.
_MAX_DIGITS: Final = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Some bytes of a representation, from *start* up to but not including *stop*."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """Count the bytes."""
        return self.stop - self.start

    def content_range(self, size_bytes: int) -> str:
        """Spell the range as a ``Content-Range`` value, whose last position is inclusive."""
        return f"bytes {self.start}-{self.stop - 1}/{size_bytes}"


class Unsatisfiable(Exception):
    """Every range asked for lies outside of the representation."""


def select_ranges(header: str | None, size_bytes: int) -> tuple[ByteRange, ...]:
    """
    Choose the bytes that a ``Range`` header asks for.

    Args:
        header: The field value, or None when there was none.

        size_bytes: Length of the whole representation.

    Returns:
        Ranges that neither touch nor overlap, in the order they were asked for. None at all
        means the whole representation: the header is absent, malformed, in another unit, asks
        for more than ``MAX_RANGES`` ranges, or for more bytes than there are.

    Raises:
        Unsatisfiable: The header is well formed, but no byte it asks for exists.

    RFC 9110 sections 14.1.2, 14.2 and 15.3.7.2.
    """
    specs = _range_specs(header) if header is not None else ()
    if not specs or len(specs) > MAX_RANGES:
        return ()
    selected = [found for spec in specs if (found := _locate(spec, size_bytes)) is not None]
    if not selected:
        raise Unsatisfiable
    if sum(found.length for found in selected) > size_bytes:
        return ()
    # A suffix of an empty file is satisfiable, but no Content-Range can say so.
    return _coalesce([found for found in selected if found.length])


def _range_specs(header: str) -> tuple[re.Match[str], ...]:
    """Split a field value into its range-specs; nothing if any of them is malformed."""
    unit, _, range_set = header.partition("=")
    if unit.lower() != "bytes" or len(range_set) > 4096:
        return ()
    matches = []
    for element in range_set.split(","):
        if not (text := element.strip(" \t")):
            continue
        match = _RANGE_SPEC.fullmatch(text)
        if match is None or _is_backwards(match):
            return ()
        matches.append(match)
    return tuple(matches)


def _is_backwards(spec: re.Match[str]) -> bool:
    return bool(spec["last"]) and _position(spec["last"]) < _position(spec["first"])


def _locate(spec: re.Match[str], size_bytes: int) -> ByteRange | None:
    """Place one range-spec inside the representation, or return None where it lies outside."""
    if spec["suffix"]:
        length = _position(spec["suffix"])
        return ByteRange(start=max(0, size_bytes - length), stop=size_bytes) if length else None
    start = _position(spec["first"])
    if start >= size_bytes:
        return None
    stop = _position(spec["last"]) + 1 if spec["last"] else size_bytes
    return ByteRange(start=start, stop=min(stop, size_bytes))


def _position(digits: str) -> int:
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) < _MAX_DIGITS else sys.maxsize


def _coalesce(ranges: Sequence[ByteRange]) -> tuple[ByteRange, ...]:
    """Join ranges that touch or overlap; a joined range stands where its first one stood."""
    joined: list[tuple[int, ByteRange]] = []
    for place, found in sorted(enumerate(ranges), key=lambda item: item[1].start):
        if joined and found.start <= joined[-1][1].stop:
            first_place, before = joined[-1]
            union = ByteRange(start=before.start, stop=max(before.stop, found.stop))
            joined[-1] = (min(first_place, place), union)
        else:
            joined.append((place, found))
    return tuple(found for _, found in sorted(joined, key=lambda item: item[0]))
