"""
Forgetting artifacts on purpose.

A reset is a chore, because clients of this API expect a job to poll. What is made again afterwards
is not billed again: the ledger knows its key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from cache.artifacts import Artifacts
from edge.fill.chores import Chores
from edge.fill.leases import Progress

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


class CacheResets:
    """Removes artifacts by a URL pattern."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts

    def teach(self, chores: Chores) -> None:
        """Let a node do resets."""
        chores.know(RESET, self.reset)

    async def reset(self, account: str, order: bytes, _: Progress) -> Mapping[str, object]:
        """Remove the artifacts whose URL below the account matches."""
        wanted = msgspec.json.decode(order, type=Reset)
        if not wanted.permanent:
            return {"removed": 0}
        return {"removed": await self._artifacts.purge(account, matcher(wanted.pattern))}


def matcher(pattern: str) -> Callable[[str], bool]:
    """
    Read a URL pattern as a test of source paths.

    The pattern names the API first, as the URLs do; ``/*`` means every API. Only transforms are
    kept, so a pattern of another API matches nothing.
    """
    stem, star = pattern.removesuffix("*"), pattern.endswith("*")
    if star and _API.startswith(stem.rstrip("/")):
        return lambda _: True
    if not stem.startswith(f"{_API}/"):
        return lambda _: False
    path = stem.removeprefix(_API)
    return (lambda known: known.startswith(path)) if star else (lambda known: known == path)
