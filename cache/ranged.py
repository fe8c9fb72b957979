"""Random access to bytes that are elsewhere, and are asked for by ranges."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable

from cache.readahead import ReadAhead
from cache.source import SourceChanged, SourceMissing


class RangedReader(ABC):
    """A reader of one version of a file, with read-ahead; one read at a time."""

    def __init__(self, ahead: ReadAhead, *, on_gone: Callable[[], object]) -> None:
        """
        Prepare to read; nothing is asked before the first read.

        Args:
            on_gone: Called when the version turns out to have been lost or replaced.
        """
        self._ahead = ahead
        self._on_gone = on_gone
        self._turn = asyncio.Lock()

    @property
    def size_bytes(self) -> int:
        """Return the length of this version."""
        return self._ahead.size_bytes

    def fileno(self) -> int | None:
        """Return None: the bytes are elsewhere."""
        return None

    async def aclose(self) -> None:
        """Drop what is held in memory."""
        self._ahead.close()

    async def read_at(self, offset: int, length: int) -> bytes:
        """
        Read *length* bytes from *offset*, fewer only where the file ends.

        Raises:
            SourceMissing, SourceChanged: This version is lost or replaced.

            SourceProblem: Whatever else went wrong where the file lives.
        """
        if offset < 0 or length < 0:
            raise ValueError(f"offset {offset} and length {length} must not be negative")
        end = min(offset + length, self.size_bytes)
        pieces = []
        async with self._turn:
            while offset < end:
                try:
                    piece = self._ahead.held(offset, end) or await self._piece(offset, end)
                except (SourceChanged, SourceMissing):
                    self._on_gone()
                    raise
                pieces.append(piece)
                offset += len(piece)
        return b"".join(pieces)

    async def _piece(self, offset: int, end: int) -> bytes:
        """Ask for a block, hold it, and return what of it is wanted, one byte at least."""
        block = await self._asked(offset, self._ahead.end_of_block(offset, end))
        self._ahead.hold(offset, block)
        return block[: end - offset]

    @abstractmethod
    async def _asked(self, offset: int, until: int) -> bytes:
        """Ask for the bytes from *offset* up to *until*; at least one comes."""
