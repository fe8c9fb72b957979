"""What the engine asks of a source: its bytes, by position, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

# Each of them is opened by itself, which takes some milliseconds.
MOST_LINKED_FILES = 1000


class Source(Protocol):
    """Random access to one source's bytes; synchronous, because decoders are."""

    @property
    def size_bytes(self) -> int: ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Read *length* bytes at *offset*; fewer only at the end of the source."""
        ...


class Linked:
    """
    A source that is several files in a row, each of which is to be read by itself.

    Whoever put them together knows where one ends. It need not show in what they hold: another
    transport stream may go on with the same streams at another time, or in another format.
    """

    def __init__(self, source: Source, starts: Sequence[int]) -> None:
        """Prepare; *starts* are the bytes where the second and all later files begin."""
        self._source = source
        self._bounds = (0, *starts, source.size_bytes)
        self.size_bytes = source.size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Read *length* bytes at *offset*; fewer only at the end of the source."""
        return self._source.read_at(offset, length)

    @property
    def first(self) -> LinkedFile:
        """The first of the files."""
        return LinkedFile(self._source, self._bounds)


class LinkedFile:
    """One of the files in a row, as a source."""

    def __init__(self, source: Source, bounds: tuple[int, ...]) -> None:
        """Take the file between the first two of *bounds*; others are behind it."""
        self._source = source
        self._bounds = bounds
        self._first, end = bounds[:2]
        self.size_bytes = end - self._first

    def read_at(self, offset: int, length: int) -> bytes:
        """Read *length* bytes at *offset*; fewer only at the end of the file."""
        wanted = max(0, min(length, self.size_bytes - offset))
        return self._source.read_at(self._first + offset, wanted) if wanted else b""

    def following(self) -> LinkedFile | None:
        """Return the file behind this one."""
        left = self._bounds[1:]
        return LinkedFile(self._source, left) if len(left) > 1 else None
