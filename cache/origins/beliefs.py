"""
What an origin that is far away last said of its files, and how long that is believed.

An answer holds for a while, then the origin is asked again. When it cannot be reached, the last
answer serves a while longer, since what was made from the file is usually still in the cache and
needs nothing from there.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from cache.singleflight import SingleFlight
from cache.source import SourceUnreachable

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Belief(Generic[V]):
    """What the origin last said of a path."""

    version: V | None
    """None when there was no such file."""

    asked: float
    """When it said so, in seconds of the clock."""

    until: float
    """When to ask again."""


class Beliefs(Generic[V]):
    """Remembers the version of each path, and asks for what it has forgotten."""

    def __init__(
        self,
        ask: Callable[[str, V | None], Awaitable[V | None]],
        *,
        ttl_seconds: float,
        missing_seconds: float = 5,
        stale_seconds: float = 3600,
        remembered: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Prepare; nothing is asked yet.

        Args:
            ask: Returns the version of the file at a path, None when there is none; it is told
                the version that was there when it was asked before.

            ttl_seconds: How long a file is believed to be unchanged.

            missing_seconds: How long a file is believed to be missing.

            stale_seconds: How long past *ttl_seconds* an answer serves while the origin fails.

            remembered: Paths kept in memory.
        """
        self._ask = ask
        self._ttl_seconds = ttl_seconds
        self._missing_seconds = missing_seconds
        self._stale_seconds = stale_seconds
        self._remembered = remembered
        self._clock = clock
        self._beliefs: OrderedDict[str, _Belief[V]] = OrderedDict()
        self._flights: SingleFlight[V | None] = SingleFlight()

    async def version(self, path: str) -> V | None:
        """
        Return the version at *path*, from memory while that is fresh.

        Raises:
            SourceUnreachable: The origin failed, and there is no answer left to go by.
        """
        belief = self._beliefs.get(path)
        if belief is not None and self._clock() < belief.until:
            self._beliefs.move_to_end(path)
            return belief.version
        return await self.asked(path)

    def believed(self, path: str) -> V | None:
        """Return the version that was last heard of, however long ago."""
        belief = self._beliefs.get(path)
        return belief.version if belief is not None else None

    async def asked(self, path: str) -> V | None:
        """Ask the origin, whatever is believed; raises what ``version`` does."""
        return await self._flights.do(path, lambda: self._asked(path))

    def forget(self, path: str) -> None:
        """Believe nothing of *path* any more."""
        self._beliefs.pop(path, None)

    async def _asked(self, path: str) -> V | None:
        belief = self._beliefs.get(path)
        known = belief.version if belief is not None else None
        now = self._clock()
        try:
            version = await self._ask(path, known)
        except SourceUnreachable:
            if belief is None or known is None or now >= self._stale_at(belief):
                raise
            self._remember(path, replace(belief, until=now + self._missing_seconds))
            return known
        seconds = self._ttl_seconds if version is not None else self._missing_seconds
        self._remember(path, _Belief(version=version, asked=now, until=now + seconds))
        return version

    def _stale_at(self, belief: _Belief[V]) -> float:
        return belief.asked + self._ttl_seconds + self._stale_seconds

    def _remember(self, path: str, belief: _Belief[V]) -> None:
        self._beliefs[path] = belief
        self._beliefs.move_to_end(path)
        if len(self._beliefs) > self._remembered:
            self._beliefs.popitem(last=False)
