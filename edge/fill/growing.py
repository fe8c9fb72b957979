"""
Segmented artifacts, those of HLS played while they are made.

Whoever makes one keeps each segment in the store, then lists it here: bytes exist before a
playlist names them. The list is also written beside the segments, as a note, at most once a
second, so that other processes can show the same playlists, and so that a run which follows a
crash begins with what was listed: the engine makes the same segments again, and a playlist that
somebody plays never becomes shorter.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import msgspec

from cache.artifacts import Artifacts
from cache.names import GROWTH, WANTED
from cache.receipts import ArtifactFile
from cache.staging import Staging
from edge.fill.showing import shown_variants
from edge.jobs.wakeups import Wakeups, wait
from transforms.manifests import parts
from transforms.manifests.grid import GRID
from transforms.plan import Container, Segment, TransformPlan

_log = logging.getLogger(__name__)

# Other processes' notes are looked at this often by whoever waits for news.
POLL_SECONDS = 0.25
_NOTED_EVERY_SECONDS = 1.0
_CONCURRENT_KEEPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """
    What there is of an artifact, as of one moment.

    ``variants`` lists the segments of each variant in order, ``files`` all files by path, and
    ``shown`` the variants of the multivariant playlist once that is decided. ``ended`` means that
    no segment will follow, although the artifact is not complete. ``grid`` tells which one the
    segments are of: what an older version has half made is not gone on with.
    """

    variants: tuple[tuple[Segment, ...], ...]
    files: Mapping[str, ArtifactFile] = field(default_factory=dict)
    shown: tuple[int, ...] | None = None
    ended: bool = False
    grid: str = ""

    @property
    def stage(self) -> tuple[object, ...]:
        """Something that differs whenever there is news."""
        return len(self.files), self.shown, self.ended

    def made_seconds(self, variant: int) -> Fraction:
        """Tell how much of the timeline a variant has."""
        segments = self.variants[variant]
        if not segments:
            return Fraction(0)
        last = segments[-1]
        return Fraction(last.first_sample + last.samples, last.sample_rate_hz)


class Growing:
    """An artifact that this process is making."""

    def __init__(
        self,
        *,
        key: str,
        plan: TransformPlan,
        staging: Staging,
        artifacts: Artifacts,
        told: Callable[[], None],
        before: Growth | None,
    ) -> None:
        self.key = key
        self.files: dict[str, ArtifactFile] = {}
        self.played = False
        self._plan = plan
        self._staging = staging
        self._artifacts = artifacts
        self._told = told
        self._before = before
        # Each variant's segments that follow each other from its beginning on.
        self._variants: list[list[Segment]] = [[] for _ in plan.variants]
        # Those that came before their turn, by where they begin.
        self._kept: list[dict[int, Segment]] = [{} for _ in plan.variants]
        self._shown = before.shown if before is not None else None
        self._began = time.monotonic()
        self._started: set[int] = set()
        self._made: asyncio.Queue[Segment] = asyncio.Queue()
        self._unnoted = asyncio.Event()
        self._writing = asyncio.Lock()
        self._snapped: tuple[int, tuple[int, ...] | None] = 0, self._shown
        self._snapshot = self._taken()
        # Segments that somebody waits for, by variant and number.
        self.wants: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
        self._keeping = asyncio.create_task(self._keep_made(), name=f"keep {key[:8]}")
        self._noting = asyncio.create_task(self._write_notes(), name=f"note {key[:8]}")
        self._listening = asyncio.create_task(self._listen(), name=f"listen {key[:8]}")

    @property
    def growth(self) -> Growth:
        """What there is now; never less than what was listed before."""
        if self._shown is None:
            self._shown = self._decided()
        if (len(self.files), self._shown) != self._snapped:
            self._snapped, self._snapshot = (len(self.files), self._shown), self._taken()
        return self._snapshot

    def _taken(self) -> Growth:
        variants = tuple(
            self._longer(number, segments) for number, segments in enumerate(self._variants)
        )
        files = self.files if self._before is None else {**self._before.files, **self.files}
        return Growth(variants=variants, files=dict(files), shown=self._shown, grid=GRID)

    def note(self, segment: Segment) -> None:
        """Take over a segment whose file is whole."""
        self._made.put_nowait(segment)

    def check(self) -> None:
        """Raise what went wrong with keeping or noting, if something did."""
        for task in (self._keeping, self._noting):
            if task.done() and not task.cancelled():
                task.result()

    async def settle(self) -> None:
        """
        Wait until all that was made is kept.

        Raises:
            OSError, ArtifactRefused: It cannot be.
        """
        joined = asyncio.ensure_future(self._made.join())
        await asyncio.wait({joined, self._keeping}, return_when=asyncio.FIRST_COMPLETED)
        joined.cancel()
        self.check()

    async def aclose(self) -> None:
        """Stop keeping, with no note under way that would be there after those are cleared."""
        tasks = (self._keeping, self._noting, self._listening)
        async with self._writing:
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def write_note(self, growth: Growth) -> None:
        """Write down what there is, for other processes and later runs."""
        await self._artifacts.write_note(self.key, GROWTH, msgspec.json.encode(growth))

    def produced_seconds(self) -> tuple[Fraction, ...]:
        """Tell how long each variant has become."""
        growth = Growth(variants=tuple(map(tuple, self._variants)), grid=GRID)
        return tuple(growth.made_seconds(number) for number in range(len(growth.variants)))

    def _decided(self) -> tuple[int, ...] | None:
        made = [float(seconds) for seconds in self.produced_seconds()]
        modes = [variant.real_time for variant in self._plan.variants]
        return shown_variants(modes, made, elapsed_seconds=time.monotonic() - self._began)

    def _longer(self, number: int, segments: list[Segment]) -> tuple[Segment, ...]:
        before = self._before.variants[number] if self._before is not None else ()
        return before if len(before) > len(segments) else tuple(segments)

    async def _keep_made(self) -> None:
        while True:
            segments = [await self._made.get()]
            while not self._made.empty() and len(segments) < _CONCURRENT_KEEPS:
                segments.append(self._made.get_nowait())
            paths = [path for segment in segments for path in self._paths(segment)]
            files = await asyncio.gather(*map(self._keep, paths))
            self.files |= {file.path: file for file in files}
            for segment in segments:
                self._kept[segment.variant][segment.first_sample] = segment
                _append_next(self._variants[segment.variant], self._kept[segment.variant])
                self._made.task_done()
            self._told()
            self._unnoted.set()

    async def _listen(self) -> None:
        """Hear of the segments that other processes wait for."""
        heard: bytes | None = None
        while True:
            # One that cannot be read now, or understood, is nothing to end over.
            with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
                text = await self._artifacts.read_note(self.key, WANTED)
                if text is not None and text != heard:
                    heard = text
                    self.wants.put_nowait(msgspec.json.decode(text, type=tuple[int, int]))
            await asyncio.sleep(POLL_SECONDS)

    async def _write_notes(self) -> None:
        """Write down what is there; who waits for the next segment does not wait for that."""
        while True:
            await self._unnoted.wait()
            self._unnoted.clear()
            async with self._writing:
                await self.write_note(self.growth)
            await asyncio.sleep(_NOTED_EVERY_SECONDS)

    def _paths(self, segment: Segment) -> Sequence[str]:
        """Name what a segment needs: its file, and with the first of fMP4 what comes once."""
        start = parts.initialisation_path(segment.variant)
        if self._plan.container is Container.MP4 and segment.variant not in self._started:
            self._started.add(segment.variant)
            return start, segment.path
        return (segment.path,)

    async def _keep(self, path: str) -> ArtifactFile:
        container = self._plan.container or Container.TS
        return await self._artifacts.keep(
            self.key, self._staging, path, media_type=parts.MEDIA_TYPES[container]
        )


def _append_next(segments: list[Segment], kept: dict[int, Segment]) -> None:
    """Move those whose turn it is from *kept* to the end of *segments*."""
    end = segments[-1].first_sample + segments[-1].samples if segments else 0
    while (segment := kept.pop(end, None)) is not None:
        segments.append(segment)
        end += segment.samples


class Growths:
    """All that grows, here and in other processes."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._growing: dict[str, Growing] = {}
        self._wakeups = Wakeups()

    async def begin(self, key: str, plan: TransformPlan, staging: Staging) -> Growing:
        """Begin to make an artifact in this process, with what an earlier run has listed."""
        before = await self.look(key)
        if before is not None and len(before.variants) != len(plan.variants):
            before = None
        growing = Growing(
            key=key,
            plan=plan,
            staging=staging,
            artifacts=self._artifacts,
            told=lambda: self._wakeups.wake(key),
            before=before,
        )
        self._growing[key] = growing
        return growing

    async def end(
        self, growing: Growing, *, complete: bool, unfinished: bool, ours: bool = True
    ) -> None:
        """
        Stop showing what was made here as growing.

        Args:
            complete: The artifact is published, and its receipt lists everything.

            unfinished: Somebody else will go on; else no segment will follow.

            ours: Nobody has begun anew elsewhere, and notes what there is.
        """
        await growing.aclose()
        growth = replace(growing.growth, ended=not unfinished)
        # Who cancels and asks again at once is served by the run that came after.
        current = ours and self._growing.get(growing.key) is growing
        if current and not complete and growth.files:
            with contextlib.suppress(OSError):
                await growing.write_note(growth)
            if growth.ended:
                size_bytes = sum(file.size_bytes for file in growth.files.values())
                self._artifacts.leave(growing.key, size_bytes)
        if self._growing.get(growing.key) is growing:
            del self._growing[growing.key]
        self._wakeups.wake(growing.key)

    async def want(self, key: str, variant: int, number: int) -> None:
        """Ask whoever makes an artifact to make a segment of it next."""
        if (growing := self._growing.get(key)) is not None:
            growing.wants.put_nowait((variant, number))
        else:
            await self._artifacts.write_note(key, WANTED, msgspec.json.encode((variant, number)))

    def makes(self, key: str) -> bool:
        """Tell whether this process is making an artifact."""
        return key in self._growing

    async def look(self, key: str) -> Growth | None:
        """Say what there is of an artifact that is not complete, None if nothing was listed."""
        if (growing := self._growing.get(key)) is not None:
            return growing.growth
        text = await self._artifacts.read_note(key, GROWTH)
        if text is None:
            return None
        try:
            growth = msgspec.json.decode(text, type=Growth)
        except (msgspec.DecodeError, UnicodeDecodeError):
            _log.warning("the note of %s cannot be read", key)
            return None
        return growth if growth.grid == GRID else None

    def note_played(self, key: str) -> None:
        """Note that somebody was given a part of what this process makes."""
        if (growing := self._growing.get(key)) is not None:
            growing.played = True

    async def changed(self, key: str, seen: Growth | None, seconds: float) -> None:
        """Wait until there is news since *seen*, or until the time is up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        stage = seen.stage if seen is not None else None
        with self._wakeups.listening(key) as woken:
            while (left := deadline - loop.time()) > 0:
                growth = await self.look(key)
                if (growth.stage if growth is not None else None) != stage:
                    return
                await wait(woken, min(left, POLL_SECONDS))
