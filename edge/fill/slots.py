"""How many jobs a node works on at once."""

from __future__ import annotations

import asyncio


class Slots:
    """
    Places for jobs.

    Streams that somebody waits for may take as many again: sharing the processors with long jobs,
    they are still made faster than they play, and queued behind these they would be silent.
    """

    def __init__(self, count: int) -> None:
        """Prepare *count* places, and as many for streams."""
        self.count = count
        # Below nothing, places are taken that are for streams only.
        self._free = count
        self.free = asyncio.Event()
        """Set while any job may be begun."""
        self.free_for_streams = asyncio.Event()
        """Set while only streams may."""
        self._tell()

    @property
    def taken(self) -> int:
        """The number of jobs that are worked on."""
        return self.count - self._free

    def take(self, *, urgent: bool) -> bool:
        """Take a place, if one is free right now; *urgent* is a stream."""
        if self._free <= (-self.count if urgent else 0):
            return False
        self._free -= 1
        self._tell()
        return True

    def give_back(self) -> None:
        """Free a place that was taken."""
        self._free += 1
        self._tell()

    def _tell(self) -> None:
        for event, free in (
            (self.free, self._free > 0),
            (self.free_for_streams, -self.count < self._free <= 0),
        ):
            if free:
                event.set()
            else:
                event.clear()
