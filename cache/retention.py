"""
Which artifact goes first when the store is full: the one that was used least recently.

Sizes and times of use are kept in memory and rebuilt from a listing at start. The time of use
outlives the process as the modification time of the receipt, written at most once a minute for
each artifact, so a popular one costs no disk work.

The artifact published last is never chosen, even if it is larger than the limit by itself:
whoever paid for it is about to fetch it. So the store may exceed its limit by one artifact.
"""

import heapq
from collections.abc import KeysView
from dataclasses import dataclass

TOUCH_INTERVAL_MS = 60_000


@dataclass(slots=True)
class _Use:
    size_bytes: int
    used_ms: int
    touched_ms: int


class Retention:
    """Counts bytes and remembers uses; decides, but deletes nothing itself."""

    def __init__(self, max_bytes: int | None) -> None:
        self._max_bytes = max_bytes
        self._uses: dict[str, _Use] = {}
        # Pairs of (used_ms, key). A use does not move its pair: victim() corrects the pairs
        # that come to the top, which keeps the hot path at one dictionary look-up.
        self._queue: list[tuple[int, str]] = []
        self._newest: str | None = None
        self.total_bytes = 0

    @property
    def keys(self) -> KeysView[str]:
        """Return the keys that are kept."""
        return self._uses.keys()

    def keep(self, key: str, *, size_bytes: int, used_ms: int) -> None:
        """Count an artifact found in the store, or correct what is known of it."""
        known = self._uses.get(key)
        if known is None:
            self._uses[key] = _Use(size_bytes, used_ms, touched_ms=used_ms)
            heapq.heappush(self._queue, (used_ms, key))
        else:
            self.total_bytes -= known.size_bytes
            known.size_bytes = size_bytes
            known.used_ms = max(known.used_ms, used_ms)
        self.total_bytes += size_bytes

    def published(self, key: str, *, size_bytes: int, used_ms: int) -> None:
        """Count a new artifact and protect it until the next one is published."""
        self.keep(key, size_bytes=size_bytes, used_ms=used_ms)
        self._newest = key

    def use(self, key: str, now_ms: int) -> bool:
        """Note a use and return whether it is time to write it down durably."""
        known = self._uses.get(key)
        if known is None:
            return False
        known.used_ms = max(known.used_ms, now_ms)
        due = now_ms - known.touched_ms >= TOUCH_INTERVAL_MS
        if due:
            known.touched_ms = now_ms
        return due

    def forget(self, key: str) -> None:
        """Stop counting an artifact; an unknown key is no error."""
        known = self._uses.pop(key, None)
        if known is not None:
            self.total_bytes -= known.size_bytes
        if key == self._newest:
            self._newest = None

    def victim(self) -> str | None:
        """Return the key to remove next, None while the store is within its limit."""
        if self._max_bytes is None or self.total_bytes <= self._max_bytes:
            return None
        spared = None
        while self._queue:
            used_ms, key = self._queue[0]
            known = self._uses.get(key)
            if known is None:
                heapq.heappop(self._queue)
            elif known.used_ms != used_ms:
                heapq.heapreplace(self._queue, (known.used_ms, key))
            elif key == self._newest:
                spared = heapq.heappop(self._queue)
            else:
                break
        chosen = self._queue[0][1] if self._queue else None
        if spared is not None:
            heapq.heappush(self._queue, spared)
        return chosen
