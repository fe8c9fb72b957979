"""
What a hit is given from, brought once: its evidence, then its bytes or a descriptor of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from enum import Enum, auto

from cache.artifacts import ArtifactMissing
from cache.source import SourceProblem
from edge.web.hits.ground import Folders, evidence_of
from edge.web.hits.held import Held
from edge.web.hits.hit import Hit, Openers


class Outcome(Enum):
    """What came of loading a hit."""

    LOADED = auto()
    GONE = auto()
    """Its bytes are no longer there."""
    BARRED = auto()
    """Nothing here can tell whether it holds."""


async def load(hit: Hit, openers: Openers, folders: Folders, *, most_bytes: int) -> Outcome:
    """
    Bring what a hit is given from.

    Args:
        most_bytes: What is longer is held open instead of being read.
    """
    try:
        return await _load(hit, openers, folders, most_bytes)
    except (ArtifactMissing, SourceProblem, OSError):
        return Outcome.GONE


async def _load(hit: Hit, openers: Openers, folders: Folders, most_bytes: int) -> Outcome:
    async with contextlib.AsyncExitStack() as stack:
        reader = await openers.bytes()
        stack.push_async_callback(reader.aclose)
        descriptor = reader.fileno()
        made = None
        if openers.made is not None:
            made = descriptor
            if made is None:
                # The answer was written from the artifact's file, as playlists are.
                file = await openers.made()
                stack.push_async_callback(file.aclose)
                made = file.fileno()
        size_bytes = hit.representation.size_bytes
        small = size_bytes <= most_bytes
        if descriptor is None and not small:
            return Outcome.BARRED
        evidence = await asyncio.to_thread(evidence_of, hit.ground, folders, made)
        # A raw file of another host: to ask whether it is still there is to ask for it.
        if evidence is None or (descriptor is None and made is None and not evidence.told):
            return Outcome.BARRED
        if descriptor is None or small:
            content = await reader.read_at(0, size_bytes)
            if len(content) != size_bytes:
                return Outcome.GONE
            hit.take(evidence, content, None)
        else:
            hit.take(evidence, None, Held(descriptor, version=_version_of(hit, folders)))
        return Outcome.LOADED


def _version_of(hit: Hit, folders: Folders) -> str | None:
    """Tell the version of a user's own file, which may be rewritten in place; no other ever is."""
    source = hit.ground.sources[0]
    own = hit.ground.key is None and (hit.ground.account, source.mount) in folders
    return source.version if own else None
