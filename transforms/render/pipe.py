"""
Blocks on their way from the decoder to an encoder's thread.

``queue.Queue`` cannot be given up from either end before Python 3.13, and a thread that waits for
a dead one would keep its worker until the deadline kills it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

from transforms.audio.filters import Block

# In blocks of 32 AAC frames: 33 s at 48 kHz, 13 MB of stereo, shared by variants of one kind.
DEPTH = 48


class Abandoned(Exception):
    """The other end of the pipe has failed; what it failed of is told elsewhere."""


class Pipe:
    """A bounded hand-over between two threads."""

    def __init__(self, depth: int = DEPTH) -> None:
        self._depth = depth
        self._blocks: deque[Block] = deque()
        self._moved = threading.Condition()
        self._closed = False
        self._abandoned = False

    @property
    def full(self) -> bool:
        """Whether ``put`` would have to wait."""
        return len(self._blocks) >= self._depth

    def put(self, block: Block) -> None:
        """
        Hand a block over, waiting while the pipe is full.

        Raises:
            Abandoned: Nobody takes it any more.
        """
        with self._moved:
            self._moved.wait_for(lambda: not self.full or self._abandoned)
            if self._abandoned:
                raise Abandoned
            self._blocks.append(block)
            self._moved.notify_all()

    def close(self) -> None:
        """Say that no block will follow."""
        with self._moved:
            self._closed = True
            self._moved.notify_all()

    def abandon(self) -> None:
        """Give up, from either end: both find out as soon as they look."""
        with self._moved:
            self._abandoned = True
            self._blocks.clear()
            self._moved.notify_all()

    def __iter__(self) -> Iterator[Block]:
        """
        Take the blocks until the pipe is closed.

        Raises:
            Abandoned: The other end gave up.
        """
        while True:
            with self._moved:
                self._moved.wait_for(lambda: self._blocks or self._closed or self._abandoned)
                if self._abandoned:
                    raise Abandoned
                if not self._blocks:
                    return
                block = self._blocks.popleft()
                self._moved.notify_all()
            yield block
