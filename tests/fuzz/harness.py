"""Mutants through the real workers, and a verdict on each: an answer, a reason, or a finding."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from cache.staging import Staging
from edge.sandbox.pool import Sandbox
from edge.sandbox.problems import (
    DeadlineExceeded,
    MediaProblem,
    SentGarbage,
    WorkerDied,
    signal_name,
)
from tests.fuzz import jobs
from tests.fuzz.cases import Case
from tests.fuzz.jobs import Usage
from tests.support.engine import read
from transforms.audio.timeline import Resolved, resolve
from transforms.formats import Format
from transforms.plan import Clip, Limits, RenderReport, SourceFacts, TrimMode
from transforms.planner import TransformUrl
from transforms.problems import OutputTooLarge, TransformProblem

JOBS = f"{jobs.__name__}:JOBS"
# Less than production allows: 100 KB of AMR can be half an hour, which is work and no finding.
LIMITS = Limits(duration_ms=120_000, file_bytes=1 << 26)
# More than there are processors, because a worker is waited for between its two jobs.
LANES = 4
# What a worker says of a Python exception that nobody thought of.
UNFORESEEN = "The media could not be processed."

_Answer = TypeVar("_Answer")


class Verdict(StrEnum):
    """How a case ended; all but the first two are findings."""

    MADE = "made"
    REFUSED = "refused"
    DIED = "died"
    LATE = "late"
    UNFORESEEN = "unforeseen"
    UNREASONED = "unreasoned"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a case; ``why`` is for people."""

    verdict: Verdict
    code: str
    why: str = ""
    seconds: float = 0.0
    usage: Usage = field(default_factory=Usage)

    @property
    def found(self) -> bool:
        """Whether it is one that may not be."""
        return self.verdict not in (Verdict.MADE, Verdict.REFUSED)


@dataclass(slots=True, kw_only=True)
class Summary:
    """Many outcomes: how often each, what was found, and the most that one job took."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[Case, Outcome]] = field(default_factory=list)
    seconds: float = 0.0
    usage: Usage = field(default_factory=Usage)
    longest: Case | None = None
    largest: Case | None = None

    def add(self, case: Case, outcome: Outcome) -> None:
        """Count one."""
        self.counts[f"{outcome.verdict} {outcome.code}"] += 1
        if outcome.verdict is Verdict.REFUSED:
            self.reasons[f"{outcome.code}: {outcome.why}"] += 1
        if outcome.found:
            self.findings.append((case, outcome))
        if outcome.seconds > self.seconds:
            self.seconds, self.longest = outcome.seconds, case
        if outcome.usage.peak_kib > self.usage.peak_kib:
            self.largest = case
        self.usage = self.usage.most(outcome.usage)

    @property
    def total(self) -> int:
        """How many cases there were."""
        return self.counts.total()

    def of(self, *verdicts: Verdict) -> list[tuple[Case, Outcome]]:
        """List the findings of some kinds."""
        return [finding for finding in self.findings if finding[1].verdict in verdicts]


class _Reader:
    """A source in memory, given to the worker as a descriptor or read for it."""

    def __init__(self, content: bytes, *, remote: bool) -> None:
        self._content = content
        self._remote = remote
        self._descriptor = os.memfd_create("mutant")
        self.size_bytes = len(content)
        os.truncate(self._descriptor, jobs.allotted_bytes(self.size_bytes))
        os.pwrite(self._descriptor, content, 0)

    def fileno(self) -> int | None:
        return None if self._remote else self._descriptor

    async def read_at(self, offset: int, length: int) -> bytes:
        return self._content[offset : offset + length]

    async def aclose(self) -> None:
        os.close(self._descriptor)

    def take_usage(self) -> Usage:
        return jobs.take_usage(self._descriptor, self.size_bytes)


class Fuzzer:
    """Gives cases to one sandbox, as production would, and judges what comes back."""

    def __init__(
        self, sandbox: Sandbox, folder: Path, *, appended: bytes, deadline_seconds: float
    ) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._appended = appended
        self._deadline_seconds = deadline_seconds
        self._stagings = itertools.count()

    async def run(self, cases: Iterator[Case], summary: Summary) -> None:
        """Judge all *cases*, several at a time."""

        async def lane() -> None:
            for case in cases:
                summary.add(case, await self.judge(case))

        async with asyncio.TaskGroup() as group:
            for _ in range(LANES):
                group.create_task(lane())

    async def judge(self, case: Case) -> Outcome:
        """Do what a request for the file would do, and say how that ended."""
        url = read(case.query)
        contents = [case.content] + [self._appended] * (len(url.plan.clips) - 1)
        readers = [_Reader(content, remote=case.remote) for content in contents]
        directory = self._folder / str(next(self._stagings))
        directory.mkdir()
        work = _Work(self._sandbox, readers, Staging(directory), self._deadline_seconds)
        verdict, code, why = Verdict.MADE, str(url.plan.format), ""
        try:
            await work.answer(url, exact=case.exact)
        except Exception as problem:
            verdict, code, why = judged(problem)
        finally:
            shutil.rmtree(directory)
            for reader in readers:
                await reader.aclose()
        return Outcome(verdict=verdict, code=code, why=why, seconds=work.seconds, usage=work.usage)


class _Work:
    """The jobs of one case; ``seconds`` and ``usage`` are the most that one of them took."""

    def __init__(
        self,
        sandbox: Sandbox,
        readers: Sequence[_Reader],
        staging: Staging,
        deadline_seconds: float,
    ) -> None:
        self._sandbox = sandbox
        self._readers = readers
        self._staging = staging
        self._deadline_seconds = deadline_seconds
        self.seconds = 0.0
        self.usage = Usage()

    async def answer(self, url: TransformUrl, *, exact: bool) -> None:
        """Answer a URL as ``edge.fill`` does; raises whatever that does."""
        if url.plan.format is Format.META:
            document = await self._timed(
                self._sandbox.probe(self._readers[0], deadline_seconds=self._deadline_seconds)
            )
            msgspec.json.encode(document)
            return
        resolved = await self._resolved(url, exact=exact)
        # Somebody waits for what comes second, which then is made first where that can be.
        wants: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
        wants.put_nowait((0, 1))
        report = await self._timed(
            self._sandbox.render(
                resolved.render,
                self._readers,
                self._staging,
                on_progress=lambda _: None,
                on_segment=lambda _: None,
                wants=wants,
                threads=2,
                deadline_seconds=self._deadline_seconds,
            )
        )
        self._check(report)

    async def _resolved(self, url: TransformUrl, *, exact: bool) -> Resolved:
        try:
            return resolve(url.plan, await self._facts(url, exact=exact), LIMITS)
        except OutputTooLarge:
            if exact:
                raise
        return resolve(url.plan, await self._facts(url, exact=True), LIMITS)

    async def _facts(self, url: TransformUrl, *, exact: bool) -> Sequence[SourceFacts]:
        clips = zip(url.plan.clips, self._readers, strict=True)
        return [await self._survey(clip, reader, exact=exact) for clip, reader in clips]

    async def _survey(self, clip: Clip, reader: _Reader, *, exact: bool) -> SourceFacts:
        return await self._timed(
            self._sandbox.survey(
                reader,
                track=clip.track,
                exact=exact or clip.trim_mode is TrimMode.AFTER_REPEAT,
                deadline_seconds=self._deadline_seconds,
            )
        )

    async def _timed(self, job: Awaitable[_Answer]) -> _Answer:
        began = time.monotonic()
        try:
            return await job
        finally:
            self.seconds = max(self.seconds, time.monotonic() - began)
            self.usage = self.usage.most(self._readers[0].take_usage())

    def _check(self, report: RenderReport) -> None:
        """See that an artifact that was reported could be published."""
        files = self._staging.complete({file.path: file.media_type for file in report.files})
        sizes = {path: file.stat().st_size for path, file in files.items()}
        if sizes != {file.path: file.size_bytes for file in report.files}:
            raise AssertionError(f"reported were {report.files}, staged is {sizes}")


def judged(problem: Exception) -> tuple[Verdict, str, str]:
    """Tell a refusal with a reason from a finding."""
    match problem:
        case MediaProblem() | TransformProblem():
            if problem.message == UNFORESEEN:
                return Verdict.UNFORESEEN, problem.code, problem.message
            reasoned = problem.code and len(problem.message) > 1 and problem.message.endswith(".")
            verdict = Verdict.REFUSED if reasoned else Verdict.UNREASONED
            return verdict, problem.code, problem.message
        case DeadlineExceeded():
            return Verdict.LATE, "deadline", str(problem)
        case SentGarbage():
            return Verdict.DIED, "garbage", problem.what
        case WorkerDied():
            number = problem.signal_number
            code = "exited" if number is None else signal_name(number)
            return Verdict.DIED, code, problem.reason
        case _:
            text = "".join(traceback.format_exception(problem))
            return Verdict.BROKEN, type(problem).__name__, text
