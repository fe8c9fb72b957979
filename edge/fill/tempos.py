"""
Tempos of files, found out once per version by a worker and kept in the hot cache.
"""

from __future__ import annotations

import hashlib

import msgspec

from cache.hot import HotCache
from cache.singleflight import SingleFlight
from cache.source import SourceObject
from edge.fill.poison import Poison
from edge.fill.shelf import Shelf
from edge.sandbox.pool import Sandbox
from transforms.audio.tempo import Tempo

# Three minutes of sound take a second; a machine may be busy, and an origin far away.
TEMPO_SECONDS = 120.0

# A new number forgets what older engines found out.
_TEMPO = "tempo1"


class Tempos:
    """How fast files are, from the hot cache or from a worker."""

    def __init__(self, sandbox: Sandbox, shelf: Shelf, poison: Poison, hot: HotCache) -> None:
        self._sandbox = sandbox
        self._shelf = shelf
        self._poison = poison
        self._hot = hot
        self._flights: SingleFlight[bytes] = SingleFlight()

    async def bpm(self, account: str, source: SourceObject) -> Tempo | None:
        """
        Find the tempo of a file's first audio track; None if it has no beat.

        Raises:
            MediaProblem: It cannot be decoded, or has killed workers before.
            SourceProblem: The source cannot be read.
            WorkerDied, DeadlineExceeded: Listening to it took a worker down.
        """
        name = _name(source)
        known = await self._hot.get(name)
        if known is None:
            await self._poison.refuse([source])
            known = await self._flights.do(name, lambda: self._found(name, account, source))
        return msgspec.json.decode(known, type=Tempo | None)

    async def aclose(self) -> None:
        """Stop what is being found out."""
        await self._flights.aclose()

    async def _found(self, name: str, account: str, source: SourceObject) -> bytes:
        reader = await self._shelf.open(account, source)
        try:
            async with self._poison.watching(source):
                tempo = await self._sandbox.tempo(reader, track=1, deadline_seconds=TEMPO_SECONDS)
        finally:
            await reader.aclose()
        text = msgspec.json.encode(tempo)
        await self._hot.put(name, text)
        return text


def _name(source: SourceObject) -> str:
    text = "\n".join((source.mount, source.path, source.version))
    return f"{_TEMPO}/{hashlib.sha256(text.encode()).hexdigest()}"
