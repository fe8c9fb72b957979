"""
The bytes of a hit as readers: those in memory, and those behind a descriptor that is kept open.

A kept descriptor is read on the event loop where the kernel has the bytes at hand
(``RWF_NOWAIT``: 128 KiB take 14 microseconds, by way of a thread 33 to 105), and in a thread where
it would have to wait for a disk.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from cache.files import version_of
from cache.source import SourceChanged
from edge.web.delivery.files import CHUNK_BYTES

# Where the kernel cannot say that it would have to wait, every read goes to a thread.
_NOWAIT: Final = getattr(os, "RWF_NOWAIT", 0)

# The event loop reads into the same place again and again: fresh memory of this size costs more
# than the bytes in it.
_ROOM: Final = memoryview(bytearray(CHUNK_BYTES))


class Held:
    """
    An open file, shared by all who are sent it, and closed when the last of them has it.

    It is not closed under anybody: its number could be that of another file then.
    """

    def __init__(self, descriptor: int, *, version: str | None) -> None:
        """Keep a file by a descriptor of its own; *version* is that of a user's file."""
        self.size_bytes = os.fstat(descriptor).st_size
        self._descriptor = os.dup(descriptor)
        self._version = version
        self._borrowers = 0
        self._released = False

    @property
    def unlinked(self) -> bool:
        """Tell whether the file has no name left, so that only this keeps it on the disk."""
        return os.fstat(self._descriptor).st_nlink == 0

    def borrow(self) -> Borrowed:
        """Lend the file to one answer."""
        if self._released:
            raise ValueError("a released file is lent to nobody")
        self._borrowers += 1
        return Borrowed(self)

    def release(self) -> None:
        """Lend the file to nobody else, and close it once it is given back."""
        if not self._released:
            self._released = True
            self._close_unused()

    def give_back(self) -> None:
        """End one loan."""
        self._borrowers -= 1
        self._close_unused()

    async def read_at(self, offset: int, length: int) -> bytes:
        """
        Read *length* bytes from *offset*, fewer only where the file ends.

        Raises:
            SourceChanged: The user's file was rewritten in place.
        """
        length = max(0, min(length, self.size_bytes - offset))
        content = self._at_hand(offset, length)
        if len(content) != length:
            content = await asyncio.to_thread(_read, self._descriptor, offset, length)
        # The check comes after the reading: before it, a writer could still slip in between.
        if self._version is not None and version_of(os.fstat(self._descriptor)) != self._version:
            raise SourceChanged("the file was rewritten while it was read")
        return content

    def _at_hand(self, offset: int, length: int) -> bytes:
        """Read what the kernel has in memory; nothing if that is not all of it."""
        if not _NOWAIT or length > CHUNK_BYTES:
            return b""
        try:
            count = os.preadv(self._descriptor, [_ROOM[:length]], offset, _NOWAIT)
        except OSError:
            # Not in memory now, or a file system that cannot tell.
            return b""
        return bytes(_ROOM[:length]) if count == length else b""

    def _close_unused(self) -> None:
        if self._released and not self._borrowers:
            os.close(self._descriptor)


class Borrowed:
    """A held file as one answer reads it."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._given_back = False

    @property
    def size_bytes(self) -> int:
        """Return the length at the time of opening."""
        return self._held.size_bytes

    async def read_at(self, offset: int, length: int) -> bytes:
        """Read as ``Held.read_at`` does."""
        return await self._held.read_at(offset, length)

    def fileno(self) -> int | None:
        """Return None: the descriptor is not this answer's own."""

    async def aclose(self) -> None:
        """End the loan; a second call does nothing."""
        if not self._given_back:
            self._given_back = True
            self._held.give_back()


def _read(descriptor: int, offset: int, length: int) -> bytes:
    pieces = []
    while length > 0 and (piece := os.pread(descriptor, length, offset)):
        pieces.append(piece)
        offset += len(piece)
        length -= len(piece)
    return b"".join(pieces)
