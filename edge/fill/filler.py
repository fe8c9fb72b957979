"""
Obtaining artifacts: found if they are there, joined if they are being made, begun otherwise.

The order is the promise: what exists is answered from the store; what is being made is waited for
by everyone who asks; only then are plan, quota and budgets looked at, and one job begun. Two
hundred requests at once for one cold URL pass through one survey and start one job.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from cache.artifacts import Artifacts
from cache.receipts import ArtifactFile, Receipt
from cache.singleflight import SingleFlight
from cache.source import Reader, SourceProblem
from edge.clock import Clock
from edge.fill.admission import Admission
from edge.fill.failures import failure_of
from edge.fill.growing import Growth, Growths
from edge.fill.problems import OverQuota
from edge.fill.runner import MOST_ATTEMPTS, Runner
from edge.fill.shelf import Finding, Shelf
from edge.fill.surveys import Surveys
from edge.fill.wanted import Wanted, find
from edge.jobs.job import ORDINARY_PRIORITY, REAL_TIME_PRIORITY, Job, JobState, Lease
from edge.jobs.store import POLL_SECONDS, Jobs
from edge.sandbox.problems import (
    DeadlineExceeded,
    MediaProblem,
    SandboxProblem,
    WorkerDied,
    ZygoteLost,
)
from transforms.audio.timeline import Resolved
from transforms.plan import Limits, Playlist
from transforms.planner import TransformUrl

# Failures that may pass by themselves are tried again, but not by every poll.
_RETRIED_AFTER_MS = 30_000
_PASSING_FAILURES = (
    *("source_unreachable", "source_changed", "source_missing", "storage_failed"),
    *("storage_full", "internal_error", "deadline_exceeded", "lost_too_often"),
)
# How long the maker of a stream takes at most to say where it ended, once its job has.
_LAST_WORD_MS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a wanted artifact stands; ``receipt`` is there exactly when it can be served."""

    wanted: Wanted
    job: Job
    receipt: Receipt | None


class Filler:
    """Answers what stands for a transform URL, beginning the work if nobody has."""

    def __init__(
        self,
        *,
        shelf: Shelf,
        artifacts: Artifacts,
        jobs: Jobs,
        surveys: Surveys,
        admission: Admission,
        runner: Runner,
        growths: Growths,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._shelf = shelf
        self._artifacts = artifacts
        self._jobs = jobs
        self._surveys = surveys
        self._admission = admission
        self._runner = runner
        self._growths = growths
        self._limits = limits
        self._clock = clock
        self._beginnings: SingleFlight[Job] = SingleFlight()
        self._admitting = asyncio.Lock()
        self._ending = False

    async def find(self, url: TransformUrl, seen: Finding | None = None) -> Wanted:
        """
        Find the files of a URL.

        Args:
            url: What is asked for.

            seen: The files as whoever asks may see them; None is the account itself.

        Raises:
            FileNotThere, SourceProblem: As ``edge.fill.wanted.find`` says.
        """
        return await find(seen or self._shelf, url)

    async def look(self, wanted: Wanted) -> Standing | None:
        """Say where an artifact stands without beginning anything; ``None`` if nowhere."""
        job = await self._jobs.by_key(wanted.key)
        if job is None:
            return None
        receipt = None
        if job.state is JobState.DONE:
            receipt = await self._artifacts.receipt(wanted.key)
        return Standing(wanted=wanted, job=job, receipt=receipt)

    async def obtain(self, wanted: Wanted) -> Standing:
        """
        Say where an artifact stands, beginning its job if that is what is missing.

        Raises:
            FillProblem: The work is refused.
            TransformProblem: The plan does not fit its sources.
            SourceProblem: A source cannot be read now.
        """
        standing = await self.look(wanted)
        if standing is None or self._begins_again(standing):
            job = await self._beginnings.do(wanted.key, lambda: self._begin(wanted, standing))
            standing = Standing(wanted=wanted, job=job, receipt=None)
        return standing

    async def wait(self, standing: Standing, seconds: float) -> Standing:
        """Wait until the job has settled, *seconds* have passed, or this process is to end."""
        deadline = self._clock.now_ms() + int(seconds * 1000)
        job: Job | None = standing.job
        while job is not None and not job.state.settled and not self._ending:
            left = (deadline - self._clock.now_ms()) / 1000
            if left <= 0:
                break
            job = await self._jobs.changed(job.id, job.updated_ms, min(left, POLL_SECONDS))
        return await self.look(standing.wanted) or standing

    async def watch(
        self, standing: Standing, ready: Callable[[Growth], bool], seconds: float
    ) -> tuple[Standing, Growth | None]:
        """
        Wait until what there is of an artifact is *ready*, or nothing more will come of it.

        Returns:
            Where it stands then, and what there is of it if it is not complete. Neither needs to
            be what was waited for: *seconds* may have passed, or this process is to end.
        """
        key = standing.wanted.key
        looked = self._clock.now_ms()
        deadline = looked + int(seconds * 1000)
        while True:
            growth = await self._growth(standing)
            now = self._clock.now_ms()
            enough = growth is not None and (growth.ended or ready(growth))
            if enough or standing.job.state.settled or now >= deadline or self._ending:
                return standing, growth
            await self._growths.changed(key, growth, min((deadline - now) / 1000, POLL_SECONDS))
            # Segments come by the dozen, and many may wait for them: what grows is being made.
            if await self._growths.look(key) is None or now - looked >= POLL_SECONDS * 1000:
                standing, looked = await self.look(standing.wanted) or standing, now

    async def _growth(self, standing: Standing) -> Growth | None:
        """What there is; it has ended too if its maker has not come to say so."""
        key, job = standing.wanted.key, standing.job
        growth = await self._growths.look(key)
        if growth is None or not job.state.settled or self._growths.makes(key):
            return growth
        return replace(growth, ended=growth.ended or job.age_ms >= _LAST_WORD_MS)

    async def want(self, wanted: Wanted, variant: int, number: int) -> None:
        """Ask whoever makes an HLS artifact to make a segment of it next."""
        await self._growths.want(wanted.key, variant, number)

    def note_played(self, wanted: Wanted) -> None:
        """Note that somebody was given a part of an artifact that is being made."""
        self._growths.note_played(wanted.key)

    async def resolve(self, wanted: Wanted) -> Resolved:
        """
        Settle every number of a plan against its sources; raises as ``obtain``.

        A playlist that is to be whole at once needs lengths that are certain.
        """
        exact = wanted.url.playlist is Playlist.FULL
        return await self._surveys.resolve(wanted, self._limits, exact=exact)

    async def open(self, wanted: Wanted, file: ArtifactFile) -> Reader:
        """
        Open a file of an artifact whose receipt was just seen.

        Raises:
            ArtifactMissing: It was evicted since.
        """
        return await self._artifacts.open(wanted.key, file)

    async def is_there(self, job: Job) -> bool:
        """Tell whether the artifact of a job can be served now."""
        return await self._artifacts.receipt(job.key) is not None

    async def metadata(self, wanted: Wanted) -> bytes:
        """
        Describe the primary source as JSON (``f=meta``).

        A source that cannot be described leaves a failed job behind, and is answered from it.

        Raises:
            MediaProblem: The source cannot be decoded.
            SourceProblem: It cannot be read now.
        """
        standing = await self.look(wanted)
        if standing is not None and not self._begins_again(standing):
            job = standing.job
            raise MediaProblem(
                code=job.error_code or "", message=job.error_message or "", details={}
            )
        try:
            return await self._surveys.metadata(wanted)
        except ZygoteLost:
            # That says nothing about this source.
            raise
        except (MediaProblem, WorkerDied, DeadlineExceeded) as refusal:
            code, message = failure_of(refusal)
            await self._record_failure(wanted, code, message)
            raise

    def end_waits(self) -> None:
        """Let nobody wait any longer, because this process is to end."""
        self._ending = True

    async def aclose(self) -> None:
        """Stop beginning things."""
        await self._beginnings.aclose()

    def _begins_again(self, standing: Standing) -> bool:
        match standing.job.state:
            case JobState.DONE:
                return standing.receipt is None
            case JobState.CANCELLED:
                return True
            case JobState.FAILED:
                passed = standing.job.age_ms >= _RETRIED_AFTER_MS
                return passed and standing.job.error_code in _PASSING_FAILURES
            case _:
                return False

    async def _begin(self, wanted: Wanted, standing: Standing | None) -> Job:
        remake = standing is not None and standing.job.state is JobState.DONE
        refusal: SandboxProblem | SourceProblem | None = None
        resolved: Resolved | None = None
        try:
            resolved = await self.resolve(wanted)
        except (SandboxProblem, SourceProblem) as problem:
            refusal = problem
        # What one request was promised must count for the next, so they pass here in turn.
        async with self._admitting:
            price = Fraction(0)
            if not remake:
                price = await self._admit(wanted, resolved)
            if isinstance(refusal, MediaProblem | WorkerDied):
                return await self._note(wanted, refusal)
            return await self._submit(wanted, standing, price=price, remake=remake)

    async def _admit(self, wanted: Wanted, resolved: Resolved | None) -> Fraction:
        """Admit new work; nobody is over their quota for what a file only claims to hold."""
        try:
            return await self._admission.admit(wanted, resolved)
        except OverQuota:
            if resolved is None or resolved.exact:
                raise
        counted = await self._surveys.resolve(wanted, self._limits, exact=True)
        return await self._admission.admit(wanted, counted)

    async def _submit(
        self, wanted: Wanted, standing: Standing | None, *, price: Fraction, remake: bool
    ) -> Job:
        urgent = wanted.url.spec.real_time
        slot = self._runner.take_slot(urgent=urgent)
        lease = None
        try:
            job, lease = await self._jobs.submit(
                key=wanted.key,
                account=wanted.account,
                subject=wanted.subject,
                sources=wanted.paths,
                priority=REAL_TIME_PRIORITY if urgent else ORDINARY_PRIORITY,
                owner=self._runner.owner if slot else None,
                reserved_us=int(price * 1_000_000),
                remake=remake,
                retry_failed=standing is not None,
            )
        finally:
            if slot and lease is None:
                self._runner.give_slot_back()
        if lease is not None:
            self._runner.start(lease)
        return job

    async def _note(self, wanted: Wanted, refusal: MediaProblem | WorkerDied) -> Job:
        """Record what the survey found out, so that the next request need not find it again."""
        if isinstance(refusal, MediaProblem):
            return await self._record_failure(wanted, refusal.code, refusal.message)
        job, lease = await self._hold(wanted)
        if lease is not None:
            await self._jobs.retry(lease, max_attempts=MOST_ATTEMPTS)
        return await self._jobs.get(wanted.account, job.id) or job

    async def _record_failure(self, wanted: Wanted, code: str, message: str) -> Job:
        job, lease = await self._hold(wanted)
        if lease is not None:
            await self._jobs.fail(lease, code=code, message=message)
        return await self._jobs.get(wanted.account, job.id) or job

    async def _hold(self, wanted: Wanted) -> tuple[Job, Lease | None]:
        """Take the job of a key without running it."""
        return await self._jobs.submit(
            key=wanted.key,
            account=wanted.account,
            subject=wanted.subject,
            sources=wanted.paths,
            priority=ORDINARY_PRIORITY,
            owner=self._runner.owner,
            retry_failed=True,
        )
