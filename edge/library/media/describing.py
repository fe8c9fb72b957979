"""
What files say of themselves, found out once they have come: their length, their title, a picture.

Whoever waits for a description gets it as soon as it is there; for all others it is made in the
background, one file at a time. What a process that ends leaves undescribed is found in the records
by the next. Each attempt puts the file off first, so that one that cannot be looked at keeps no
other waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from urllib.parse import quote

from cache.singleflight import SingleFlight
from cache.source import SourceMissing, SourceObject, SourceProblem
from edge.fill.looks import Looks
from edge.fill.problems import FillProblem
from edge.fill.surveys import Surveys
from edge.fill.wanted import Wanted
from edge.ids import random_base58
from edge.library.access import Finding
from edge.library.catalogue.entry import FileEntry
from edge.library.debris.store import Debris
from edge.library.media.facts import facts_of
from edge.library.media.media import Description, Media, stem_of
from edge.library.media.store import MediaRows
from edge.library.playlists import is_playlist
from edge.library.storage import Storage
from edge.sandbox.problems import SandboxProblem, ZygoteLost
from transforms import grammar, planner
from transforms.problems import TransformProblem

_log = logging.getLogger(__name__)

# Each holds 2 kB; what is over is found in the records.
_MOST_NOTED = 1000
_LEFT_AT_ONCE = 20
# So that a round comes to an end while others wait for the next.
_ROUND_SECONDS = 30.0
_MOST_PICTURE_BYTES = 8 << 20
# Each is twice as late as the one before, from two minutes on.
_MOST_ATTEMPTS_AT_A_PLAYLIST = 4
_UNTOLD = "It could not be described."


class Describer:
    """Looks at files, and writes down what they are."""

    def __init__(
        self,
        rows: MediaRows,
        surveys: Surveys,
        looks: Looks,
        storage: Storage,
        debris: Debris,
        shelf: Finding,
    ) -> None:
        """Prepare; on the *shelf* a playlist is the sound that it lists."""
        self._rows = rows
        self._shelf = shelf
        self._surveys = surveys
        self._looks = looks
        self._storage = storage
        self._debris = debris
        self._flights: SingleFlight[Media | None] = SingleFlight()
        self._turn = asyncio.Semaphore(1)
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, entry: FileEntry) -> None:
        """Describe a file when there is time, or leave it to a round if too many wait."""
        if len(self._tasks) >= _MOST_NOTED:
            return
        task = asyncio.get_running_loop().create_task(self._in_turn(entry))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def describe(self, entry: FileEntry) -> Media | None:
        """
        Describe a file now.

        Returns:
            What is known of it from now on; None if it was deleted or replaced meanwhile.

        Raises:
            ZygoteLost, SourceProblem, OSError: It cannot be looked at now.
        """
        return await self._flights.do(entry.blob, lambda: self._describe(entry))

    async def describe_left(self) -> int:
        """Describe what nobody has looked at, for a while; return how many files were looked at."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _ROUND_SECONDS
        seen: set[str] = set()
        while True:
            found = await self._rows.undescribed(limit=_LEFT_AT_ONCE)
            # What is found again could not be put off; another round may have more luck.
            left = [media for media in found if media.id not in seen]
            for media in left:
                if loop.time() > until:
                    return len(seen)
                seen.add(media.id)
                if media.file is not None:
                    await self._try(media.file)
            if not left:
                return len(seen)

    async def aclose(self) -> None:
        """Stop looking."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._flights.aclose()

    async def _in_turn(self, entry: FileEntry) -> None:
        async with self._turn:
            await self._try(entry)

    async def _try(self, entry: FileEntry) -> None:
        try:
            await self.describe(entry)
        except (SandboxProblem, SourceProblem, OSError) as problem:
            _log.info("%s was not described: %s", entry.path, problem)
        except Exception:
            # It has been put off, and the next file has nothing to do with it.
            _log.exception("%s was not described", entry.path)

    async def _describe(self, entry: FileEntry) -> Media | None:
        known = await self._is_there(entry)
        if known is None or known.described_ms is not None:
            return known
        attempt = await self._rows.begin_describing(entry.media, entry.blob)
        if attempt is None:
            return await self._is_there(entry)
        try:
            told = await self._told(entry, attempt)
        except SourceProblem:
            if not await self._is_there(entry):
                return None
            raise
        try:
            noted = await self._write(entry, told)
        except (ArithmeticError, ValueError):
            # A number or a text that no column holds, and never will.
            _log.exception("%s says what cannot be kept", entry.path)
            noted = False
            await self._write(entry, Description(flaw=_UNTOLD))
        if not noted and told.thumbnail is not None:
            await self._debris.clear(told.thumbnail)
        return await self._is_there(entry)

    async def _write(self, entry: FileEntry, told: Description) -> bool:
        title = told.title or stem_of(entry.original_name or entry.path)
        return await self._rows.describe(entry.media, entry.blob, told, title=title)

    async def _is_there(self, entry: FileEntry) -> Media | None:
        known = await self._rows.get(entry.account, entry.media)
        there = known is not None and known.file is not None and known.file.blob == entry.blob
        return known if there else None

    async def _told(self, entry: FileEntry, attempt: int) -> Description:
        try:
            source = await self._source_of(entry, attempt)
            facts = facts_of(await self._surveys.metadata(_wanted(entry, source)))
            picture = await self._looks.thumbnail(entry.account, source)
        except (ZygoteLost, SourceProblem, OSError):
            raise
        except (SandboxProblem, TransformProblem, FillProblem) as flaw:
            return Description(flaw=str(flaw))
        except Exception:
            # No other is known to pass by itself.
            _log.exception("%s could not be described", entry.path)
            return Description(flaw=_UNTOLD)
        return Description(
            title=facts.title,
            artist=facts.artist,
            album=facts.album,
            duration_seconds=facts.duration_seconds,
            bitrate_bps=facts.bitrate_bps,
            format=facts.format.value,
            thumbnail=await self._keep(entry, picture, attempt),
        )

    async def _source_of(self, entry: FileEntry, attempt: int) -> SourceObject:
        """Find what is to be looked at; what a playlist lists may come after it."""
        if not is_playlist(entry.path):
            return entry.source
        try:
            found = await self._shelf.find(entry.account, entry.path)
        except TransformProblem:
            if attempt >= _MOST_ATTEMPTS_AT_A_PLAYLIST:
                raise
            found = None
        if found is None:
            raise SourceMissing(entry.path)
        return found

    async def _keep(self, entry: FileEntry, picture: bytes, attempt: int) -> str:
        """Keep a picture under the name that Picora's have; each further one has its own."""
        first = attempt == 1 and entry.created_ms == entry.modified_ms
        blob = f"thumbnails/{entry.media}{'' if first else '-' + random_base58(8)}.jpg"
        async with self._storage.receiving(_one(picture), most_bytes=_MOST_PICTURE_BYTES) as got:
            await self._debris.expect(blob)
            await self._storage.keep(blob, got)
        return blob


def _wanted(entry: FileEntry, source: SourceObject) -> Wanted:
    url = planner.plan(
        grammar.split(f"/{entry.account}/audio{quote(entry.path, safe='/')}", "f=meta")
    )
    return Wanted(url=url, sources=(source,), key="")


async def _one(piece: bytes) -> AsyncIterator[bytes]:
    yield piece
