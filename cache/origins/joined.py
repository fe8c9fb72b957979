"""
Several files, or pieces of them, read as if they were one.

Segmented recordings are stored as thousands of small files. A reader over all of them opens each
only when it is read, keeps a few open, and so costs memory and descriptors for those alone.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from cache.source import Reader, SourceChanged, SourceObject

_HELD_READERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """``length`` bytes from ``offset`` of one version of a file."""

    source: SourceObject
    offset: int
    length: int

    apart: bool = False
    """Whether what begins here has nothing to do with what comes before."""


class JoinedReader:
    """Random access to pieces laid end to end; the files are elsewhere, even if they are local."""

    def __init__(
        self, pieces: Sequence[Piece], opening: Callable[[SourceObject], Awaitable[Reader]]
    ) -> None:
        self._pieces = tuple(piece for piece in pieces if piece.length)
        *begins, size = itertools.accumulate((piece.length for piece in pieces), initial=0)
        apart = {at for at, piece in zip(begins, pieces, strict=True) if piece.apart}
        self.starts = tuple(sorted(apart - {0, size}))
        """The bytes with which something begins that has nothing to do with what is before."""
        self._opening = opening
        self._ends = list(itertools.accumulate(piece.length for piece in self._pieces))
        self._readers: OrderedDict[SourceObject, Reader] = OrderedDict()
        self._turn = asyncio.Lock()

    @property
    def size_bytes(self) -> int:
        """Return the length of all pieces together."""
        return self._ends[-1] if self._ends else 0

    def fileno(self) -> int | None:
        """Return None: there is no one file."""
        return None

    async def read_at(self, offset: int, length: int) -> bytes:
        """
        Read *length* bytes from *offset*, fewer only where the last piece ends.

        Raises:
            SourceProblem: A file cannot be read, or is not the version that was meant.
        """
        if offset < 0 or length < 0:
            raise ValueError(f"offset {offset} and length {length} must not be negative")
        end = min(offset + length, self.size_bytes)
        found: list[bytes] = []
        async with self._turn:
            index = bisect.bisect_right(self._ends, offset)
            while offset < end:
                piece = self._pieces[index]
                within = offset - (self._ends[index] - piece.length)
                wanted = min(piece.length - within, end - offset)
                reader = await self._reader(piece.source)
                content = await reader.read_at(piece.offset + within, wanted)
                if len(content) != wanted:
                    raise SourceChanged(piece.source.path)
                found.append(content)
                offset += wanted
                index += 1
        return b"".join(found)

    async def aclose(self) -> None:
        """Close what is open."""
        async with self._turn:
            while self._readers:
                await self._readers.popitem()[1].aclose()

    async def _reader(self, source: SourceObject) -> Reader:
        reader = self._readers.get(source)
        if reader is None:
            reader = await self._opening(source)
            self._readers[source] = reader
            if len(self._readers) > _HELD_READERS:
                await self._readers.popitem(last=False)[1].aclose()
        else:
            self._readers.move_to_end(source)
        return reader
