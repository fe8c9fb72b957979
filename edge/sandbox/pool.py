"""
The sandbox as the server uses it: a few calls, each of them one process that ends with it.

Decoding never runs in the server or in a thread of it. A 64 KB file can hold the interpreter's
lock for seconds and another one abort the process (both measured); neither can be stopped from
within, so work that hangs has to be killed and work that crashes has to crash alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from cache.origins.joined import JoinedReader
from cache.source import Reader
from cache.staging import Staging
from edge.sandbox import wire
from edge.sandbox.claims import Claims
from edge.sandbox.conversation import Conversation
from edge.sandbox.jobs import ENGINE
from edge.sandbox.nursery import Child, Nursery
from edge.sandbox.problems import (
    DeadlineExceeded,
    MediaProblem,
    SentGarbage,
    WorkerDied,
    ZygoteLost,
)
from transforms.audio.tempo import Tempo
from transforms.formats import FORMATS
from transforms.plan import RenderPlan, RenderReport, Segment, SourceFacts

# A zygote that keeps dying is not restarted more often than this.
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
MAX_STARTS_PER_CALL = 3
# The kernel's limits lie this far behind those that the server and the engine enforce.
SPARE_CPU_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """
    What workers may use.

    ``address_space_bytes`` is RLIMIT_AS. A warm zygote maps 219 MiB of it, nearly all libraries,
    and renders to MP3, AAC and WAV were measured to add 3 MiB; each encoder thread adds 8 MiB.
    """

    address_space_bytes: int = 1 << 30
    open_files: int = 128
    artifact_files: int = 200_000
    render_nice: int = 15
    # Somebody is listening: three times the share of an ordinary one, still far from the server's.
    real_time_nice: int = 10
    concurrent_surveys: int = 4
    # Each decodes minutes of sound, and nobody listens meanwhile.
    concurrent_tempos: int = 2


class Sandbox:
    """Does media work in worker processes; belongs to the event loop that starts it."""

    def __init__(self, settings: SandboxSettings | None = None, *, jobs: str = ENGINE) -> None:
        self._settings = settings or SandboxSettings()
        self._jobs = jobs
        self._nursery: Nursery | None = None
        self._closed = False
        self._starting = asyncio.Lock()
        self._deaths = 0
        self._surveys = asyncio.Semaphore(self._settings.concurrent_surveys)
        self._tempos = asyncio.Semaphore(self._settings.concurrent_tempos)

    async def start(self) -> None:
        """
        Start the zygote and wait until it is warm.

        Raises:
            ZygoteLost: It does not start; its reason is in the log.
        """
        await self._living_nursery()

    async def close(self) -> None:
        """End all processes; calls in flight fail as ``WorkerDied``."""
        self._closed = True
        async with self._starting:
            if self._nursery is not None:
                await self._nursery.close()
                self._nursery = None

    @property
    def zygote_pid(self) -> int | None:
        """Tell the zygote's pid while it lives."""
        nursery = self._nursery
        return nursery.pid if nursery is not None and nursery.alive else None

    @property
    def walls(self) -> wire.Walls | None:
        """Tell what workers are locked in by while the zygote lives."""
        nursery = self._nursery
        return nursery.walls if nursery is not None and nursery.alive else None

    async def survey(
        self, reader: Reader, *, track: int, exact: bool, deadline_seconds: float
    ) -> SourceFacts:
        """
        Find out what the planner must know of audio track *track*, counted from 1.

        Raises:
            MediaProblem: It cannot be decoded.

            WorkerDied, DeadlineExceeded: It took the worker down.

            Exception: Whatever *reader* raised.
        """
        job = wire.Survey(
            sources=_specs([reader]),
            limits=self._limits(deadline_seconds, file_bytes=0, nice=0),
            track=track,
            exact=exact,
        )
        async with self._surveys, self._worker(deadline_seconds) as child:
            match await Conversation(child).hold(job, [reader]):
                case wire.Surveyed(facts=facts):
                    return facts
                case answer:
                    _refuse(answer)

    async def probe(self, reader: Reader, *, deadline_seconds: float) -> dict[str, object]:
        """Describe a source as ``f=meta`` does; raises as ``survey``."""
        job = wire.Probe(
            sources=_specs([reader]),
            limits=self._limits(deadline_seconds, file_bytes=0, nice=0),
        )
        async with self._surveys, self._worker(deadline_seconds) as child:
            match await Conversation(child).hold(job, [reader]):
                case wire.Probed(document=document):
                    return document
                case answer:
                    _refuse(answer)

    async def picture(self, reader: Reader, *, cover: bool, deadline_seconds: float) -> bytes:
        """
        Make a JPEG of at most ``wire.MAX_PICTURE_BYTES`` that stands for a source.

        Of its cover if *cover* is true and it has one that can be used, else the icon of its
        format; raises as ``survey``.
        """
        job = wire.Picture(
            sources=_specs([reader]),
            limits=self._limits(deadline_seconds, file_bytes=0, nice=0),
            cover=cover,
        )
        async with self._surveys, self._worker(deadline_seconds) as child:
            match await Conversation(child).hold(job, [reader]):
                case wire.Pictured(jpeg=jpeg):
                    return jpeg
                case answer:
                    _refuse(answer)

    async def tempo(self, reader: Reader, *, track: int, deadline_seconds: float) -> Tempo | None:
        """Find the tempo of one audio track, None if it has no beat; raises as ``survey``."""
        job = wire.FindTempo(
            sources=_specs([reader]),
            limits=self._limits(deadline_seconds, file_bytes=0, nice=self._settings.render_nice),
            track=track,
        )
        async with self._tempos, self._worker(deadline_seconds) as child:
            match await Conversation(child).hold(job, [reader]):
                case wire.TempoFound(bpm=float(bpm), confidence=confidence):
                    return Tempo(bpm=bpm, confidence=confidence)
                case wire.TempoFound():
                    return None
                case answer:
                    _refuse(answer)

    async def render(
        self,
        plan: RenderPlan,
        readers: Sequence[Reader],
        staging: Staging,
        *,
        on_progress: Callable[[float], None],
        on_segment: Callable[[Segment], None] | None = None,
        wants: asyncio.Queue[tuple[int, int]] | None = None,
        deadline_seconds: float,
        threads: int = 1,
    ) -> RenderReport:
        """
        Make the artifact files of *plan* in *staging*.

        Args:
            on_progress: Called in the loop with 0 to 1, at most every 100 ms or every percent.

            on_segment: Called in the loop with each segment of an HLS format, whose file in
                *staging* is whole then; with several threads they come in no order.

            wants: Segments, by variant and number, that are to be made before others; taken as
                they come.

            threads: How many may encode at once.

        Raises as ``survey``, and whatever *staging* raised. How many run at once is the caller's
        business. What was created stays in *staging* whatever happens.
        """
        claims = Claims(plan, staging, max_files=self._settings.artifact_files)
        job = wire.Render(
            sources=_specs(readers),
            limits=self._limits(
                deadline_seconds,
                file_bytes=claims.file_bytes,
                nice=(
                    self._settings.real_time_nice
                    if FORMATS[plan.format].real_time
                    else self._settings.render_nice
                ),
            ),
            plan=plan,
            threads=threads,
        )
        async with self._worker(deadline_seconds) as child:
            conversation = Conversation(
                child,
                claims=claims,
                on_progress=on_progress,
                on_segment=on_segment,
                wants=wants,
            )
            match await conversation.hold(job, readers):
                case wire.Rendered(report=report):
                    return report
                case answer:
                    _refuse(answer)

    @contextlib.asynccontextmanager
    async def _worker(self, deadline_seconds: float) -> AsyncIterator[Child]:
        """Lend a fresh worker for at most *deadline_seconds*; it is gone afterwards."""
        child = await self._spawn()
        try:
            async with asyncio.timeout(deadline_seconds) as deadline:
                yield child
            self._deaths = 0
        except TimeoutError:
            # A reader may have timed out on its own.
            if deadline.expired():
                raise DeadlineExceeded(deadline_seconds) from None
            raise
        finally:
            await child.end()

    async def _spawn(self) -> Child:
        for _ in range(MAX_STARTS_PER_CALL):
            nursery = await self._living_nursery()
            # A worker that was not born was given no work, so asking again repeats nothing.
            with contextlib.suppress(ZygoteLost):
                return await nursery.spawn()
        raise ZygoteLost

    async def _living_nursery(self) -> Nursery:
        async with self._starting:
            if self._nursery is not None and self._nursery.alive:
                return self._nursery
            if self._nursery is not None:
                await self._nursery.close()
                self._nursery = None
                self._deaths += 1
            if self._deaths > 1:
                pause = FIRST_PAUSE_SECONDS * 2.0 ** (self._deaths - 2)
                await asyncio.sleep(min(pause, LONGEST_PAUSE_SECONDS))
            if self._closed:
                raise WorkerDied("the sandbox is closed")
            try:
                self._nursery = await Nursery.start(self._jobs)
            except ZygoteLost:
                self._deaths += 1
                raise
            return self._nursery

    def _limits(self, deadline_seconds: float, *, file_bytes: int, nice: int) -> wire.WorkerLimits:
        processors = os.cpu_count() or 1
        return wire.WorkerLimits(
            address_space_bytes=self._settings.address_space_bytes,
            cpu_seconds=math.ceil(deadline_seconds * processors) + SPARE_CPU_SECONDS,
            file_bytes=file_bytes,
            open_files=self._settings.open_files,
            nice=nice,
        )


def _specs(readers: Sequence[Reader]) -> tuple[wire.SourceSpec, ...]:
    if len(readers) > wire.MAX_SOURCES:
        raise ValueError(f"a job has at most {wire.MAX_SOURCES} sources, not {len(readers)}")
    return tuple(
        wire.SourceSpec(
            size_bytes=reader.size_bytes,
            remote=reader.fileno() is None,
            starts=reader.starts if isinstance(reader, JoinedReader) else (),
        )
        for reader in readers
    )


def _refuse(answer: wire.Answer) -> NoReturn:
    """Raise what an answer that is no result means."""
    if isinstance(answer, wire.Failed):
        raise MediaProblem(code=answer.code, message=answer.message, details=answer.details)
    raise SentGarbage(f"an answer to another job: {type(answer).__name__}")
