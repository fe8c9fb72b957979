"""
What sources are, found out once per version.

A survey costs a worker process and some reads; a popular file is asked for in many transforms,
so facts are kept in the hot cache under the version they were true of. They are typed when they
are read back: a cache file is data, not trusted code.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import msgspec

from cache.hot import HotCache
from cache.singleflight import SingleFlight
from cache.source import SourceObject
from edge.fill.poison import Poison
from edge.fill.shelf import Shelf
from edge.fill.wanted import Wanted
from edge.sandbox.pool import Sandbox
from transforms.audio.timeline import Resolved, resolve
from transforms.plan import Limits, SourceFacts, TrimMode
from transforms.problems import OutputTooLarge

_Make: TypeAlias = "Callable[[], Awaitable[bytes]]"

SURVEY_SECONDS = 60.0

_MOST_RECENT = 1_000

# A new number forgets what older engines found out.
_FACTS = "facts6"
_META = "meta3"


class Surveys:
    """Facts and metadata of sources, from the hot cache or from a worker."""

    def __init__(self, sandbox: Sandbox, shelf: Shelf, hot: HotCache) -> None:
        self._sandbox = sandbox
        self._shelf = shelf
        self._hot = hot
        self.poison = Poison(hot)
        self._flights: SingleFlight[bytes] = SingleFlight()
        # One request asks for the same facts several times, and the hot cache is on a disk.
        self._recent: OrderedDict[str, bytes] = OrderedDict()

    async def resolve(self, wanted: Wanted, limits: Limits, *, exact: bool = False) -> Resolved:
        """
        Settle every number of a plan against its sources.

        Args:
            exact: Count what the sources only claim.

        Raises:
            TransformProblem: The plan does not fit them.
            MediaProblem: A source cannot be decoded.
            SourceProblem: A source cannot be read.
            WorkerDied, DeadlineExceeded: Surveying it took the worker down.
        """
        plan = wanted.url.plan
        await self.poison.refuse(wanted.sources)
        facts = await self._facts_of_all(wanted, exact=exact)
        try:
            return resolve(plan, facts, limits)
        except OutputTooLarge:
            if exact or all(fact.exact for fact in facts):
                raise
        # A few bytes may claim years of sound; nobody is refused for what is only claimed.
        return resolve(plan, await self._facts_of_all(wanted, exact=True), limits)

    async def metadata(self, wanted: Wanted) -> bytes:
        """Describe the primary source as ``f=meta`` does, as JSON; raises as ``resolve``."""
        source = wanted.sources[0]
        name = _name(_META, source)
        await self.poison.refuse([source])

        async def probe() -> bytes:
            reader = await self._shelf.open(wanted.account, source)
            try:
                async with self.poison.watching(source):
                    document = await self._sandbox.probe(reader, deadline_seconds=SURVEY_SECONDS)
            finally:
                await reader.aclose()
            return msgspec.json.encode(document)

        return await self._remembered(name, probe)

    async def aclose(self) -> None:
        """Stop what is being found out."""
        await self._flights.aclose()

    async def _facts_of_all(self, wanted: Wanted, *, exact: bool) -> Sequence[SourceFacts]:
        clips = zip(wanted.url.plan.clips, wanted.sources, strict=True)
        return await asyncio.gather(
            *(
                # Where a repeated run is cut, the length of one play must be known.
                self._facts(
                    wanted.account, source, clip.track, exact or _needs_length(clip.trim_mode)
                )
                for clip, source in clips
            )
        )

    async def _facts(
        self, account: str, source: SourceObject, track: int, exact: bool
    ) -> SourceFacts:
        async def survey() -> bytes:
            reader = await self._shelf.open(account, source)
            try:
                async with self.poison.watching(source):
                    facts = await self._sandbox.survey(
                        reader, track=track, exact=exact, deadline_seconds=SURVEY_SECONDS
                    )
            finally:
                await reader.aclose()
            return msgspec.json.encode(facts)

        counted, claimed = (_name(_FACTS, source, track, exact) for exact in (True, False))
        text = None if exact else self._recent.get(counted) or self._recent.get(claimed)
        if text is None and not exact:
            text = await self._hot.get(counted)
        if text is None:
            text = await self._remembered(counted if exact else claimed, survey)
        return msgspec.json.decode(text, type=SourceFacts)

    async def _remembered(self, name: str, make: _Make) -> bytes:
        known = self._recent.get(name) or await self._hot.get(name)
        if known is not None:
            self._note_recent(name, known)
            return known

        async def fly() -> bytes:
            made = await make()
            await self._hot.put(name, made)
            self._note_recent(name, made)
            return made

        return await self._flights.do(name, fly)

    def _note_recent(self, name: str, text: bytes) -> None:
        self._recent[name] = text
        self._recent.move_to_end(name)
        if len(self._recent) > _MOST_RECENT:
            self._recent.popitem(last=False)


def _needs_length(mode: TrimMode) -> bool:
    return mode is TrimMode.AFTER_REPEAT


def _name(kind: str, source: SourceObject, *more: object) -> str:
    text = "\n".join((source.mount, source.path, source.version, *map(str, more)))
    return f"{kind}/{hashlib.sha256(text.encode()).hexdigest()}"
