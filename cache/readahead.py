"""
What of a remote file is asked for at once: more and more while reads follow one another.

A decoder probes here and there, then reads on: small blocks first, so that looking at a long file
costs little, then blocks twice as long each time. Somebody waits for what is made of the first
seconds, so blocks become really long only when reading has gone on for a while. The last few are
held, because a decoder also steps back.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

MIN_BLOCK_BYTES = 64 << 10
MAX_BLOCK_BYTES = 1 << 20
_EARLY_BLOCK_BYTES = 256 << 10
_EARLY_BYTES = 1 << 20
_HELD_BLOCKS = 4

# Files are looked at before they are decoded, by two readers one after the other.
_MOST_LEFT = 8
_MOST_LEFT_BYTES = 1 << 20
_LEFT_SECONDS = 10.0


def _nobody(_: "ReadAhead") -> None:
    """Leave it to nobody."""


class ReadAhead:
    """The blocks of one reader; asks for nothing itself."""

    def __init__(
        self, size_bytes: int, *, on_closed: Callable[["ReadAhead"], object] = _nobody
    ) -> None:
        """
        Prepare.

        Args:
            on_closed: Given this one when its reader needs it no more, if it holds little.
        """
        self.size_bytes = size_bytes
        self._on_closed = on_closed
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._block_bytes = MIN_BLOCK_BYTES
        self._next_offset: int | None = None
        self._run_bytes = 0

    def held(self, offset: int, end: int) -> bytes:
        """Return what is held from *offset*, at most up to *end*; empty if that is nothing."""
        for start, block in self._blocks.items():
            if start <= offset < start + len(block):
                self._blocks.move_to_end(start)
                return block[offset - start : end - start]
        return b""

    def end_of_block(self, offset: int, end: int) -> int:
        """Say up to where to ask from *offset*, when the bytes up to *end* are wanted."""
        if offset == self._next_offset:
            early = self._run_bytes < _EARLY_BYTES
            most = _EARLY_BLOCK_BYTES if early else MAX_BLOCK_BYTES
            self._block_bytes = min(self._block_bytes * 2, most)
        else:
            self._block_bytes, self._run_bytes = MIN_BLOCK_BYTES, 0
        length = min(max(end - offset, self._block_bytes), MAX_BLOCK_BYTES)
        return min(offset + length, self.size_bytes)

    def hold(self, offset: int, block: bytes) -> None:
        """Hold what was asked for, and let go of what was read the longest ago."""
        self._blocks[offset] = block
        self._run_bytes += len(block)
        if len(self._blocks) > _HELD_BLOCKS:
            self._blocks.popitem(last=False)
        self._next_offset = offset + len(block)

    def close(self) -> None:
        """Let go of everything, unless somebody else may want it."""
        if 0 < sum(map(len, self._blocks.values())) <= _MOST_LEFT_BYTES:
            self._on_closed(self)
        else:
            self._blocks.clear()


class Leftovers:
    """What readers held when they were closed, for whoever reads the same a moment later."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, ReadAhead]] = OrderedDict()

    def ahead_of(self, version: str, size_bytes: int) -> ReadAhead:
        """Take what is left of a version of a file, or begin anew; *version* names both."""
        found = self._left.pop(version, None)
        if found is not None and self._clock() < found[0]:
            return found[1]
        return ReadAhead(size_bytes, on_closed=lambda ahead: self._leave(version, ahead))

    def _leave(self, version: str, ahead: ReadAhead) -> None:
        self._left[version] = self._clock() + _LEFT_SECONDS, ahead
        if len(self._left) > _MOST_LEFT:
            self._left.popitem(last=False)
