"""
Forgetting artifacts on purpose.

A reset is a chore, because clients of this API expect a job to poll. What is made again afterwards
is not billed again: the ledger knows its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from cache.artifacts import Artifacts
from edge.fill.chores import Chores, Order
from edge.fill.leases import Progress
from edge.jobs.sources.store import JobSources

RESET = "reset"

_API = "/audio"


class Reset(msgspec.Struct, frozen=True, kw_only=True):
    """
    Artifacts to be forgotten.

    ``pattern`` is a path with its API, such as ``/audio/talk.mp3``, or a prefix before ``*``.
    Without ``permanent`` only caches in front are meant, which this edge does not hold.
    """

    pattern: str
    permanent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The source paths that a pattern means: those that begin with *stem*, or the one it is."""

    stem: str
    whole: bool


class CacheResets:
    """Removes artifacts by a URL pattern."""

    def __init__(self, artifacts: Artifacts, sources: JobSources) -> None:
        self._artifacts = artifacts
        self._sources = sources

    def teach(self, chores: Chores) -> None:
        """Let a node do resets."""
        chores.know(RESET, self.reset)

    async def reset(self, order: Order, _: Progress) -> Mapping[str, object]:
        """Remove the artifacts whose URL below the account matches."""
        wanted = msgspec.json.decode(order.text, type=Reset)
        if not wanted.permanent:
            return {"removed": 0}
        return {"removed": await self.remove(order.account, wanted.pattern)}

    async def remove(self, account: str, pattern: str) -> int:
        """Remove the artifacts whose primary source a pattern means; return their number."""
        reach = reach_of(pattern)
        if reach is None:
            return 0
        keys = await self._sources.keys_led_by(account, reach.stem, whole=reach.whole)
        try:
            return await self._artifacts.purge(keys)
        finally:
            # Some are gone even if it broke off.
            await self._sources.tell_removed(keys)


def reach_of(pattern: str) -> Reach | None:
    """
    Read a URL pattern; None if it means nothing that is kept.

    The pattern names the API first, as the URLs do; ``/*`` means every API. Only transforms are
    kept, so a pattern of another API matches nothing.
    """
    stem, star = pattern.removesuffix("*"), pattern.endswith("*")
    if star and _API.startswith(stem.rstrip("/")):
        return Reach(stem="/", whole=False)
    if not stem.startswith(f"{_API}/"):
        return None
    return Reach(stem=stem.removeprefix(_API), whole=not star)
