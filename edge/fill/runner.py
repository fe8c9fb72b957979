"""
Working on jobs: from a lease to a published artifact and its bill.

A run never trusts that it is still wanted: it renews its lease every second, and stops as soon as
that fails, because then the job was cancelled or belongs to somebody else. Artifact first, then
one transaction for done and bill; everything before that can be lost without loss.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from dataclasses import replace

import msgspec

from cache.artifacts import Artifacts
from cache.receipts import Receipt
from cache.source import Reader, SourceChanged
from cache.staging import Staging
from edge.billing.charge import Charge, charge_for
from edge.fill.chores import Chores, is_chore
from edge.fill.failures import failure_of
from edge.fill.grants import Grants
from edge.fill.growing import Growing, Growths
from edge.fill.leases import LeaseLost, Progress, while_leased
from edge.fill.pricing import produced_by
from edge.fill.shelf import Shelf
from edge.fill.slots import Slots
from edge.fill.surveys import Surveys
from edge.fill.wanted import Wanted, find, understand
from edge.jobs.job import REAL_TIME_PRIORITY, Job, JobState, Lease
from edge.jobs.store import POLL_SECONDS, Jobs
from edge.jobs.wakeups import wait
from edge.records.patience import until_there
from edge.records.problems import RecordsAway
from edge.sandbox.pool import Sandbox
from edge.sandbox.problems import WorkerDied
from transforms.formats import FORMATS, Codec
from transforms.manifests.grid import GRID
from transforms.plan import Limits, RenderPlan, RenderReport

_log = logging.getLogger(__name__)

# A source whose decoding kills a worker is tried twice (DESIGN: hostile input).
MOST_ATTEMPTS = 2

# The engine has one thread for what is made of other codecs, whatever it is granted.
_ENCODED_BY_MANY = (Codec.AAC, Codec.MP3)

# Most chores are done by then, and a job that is done need not be polled.
_MOMENT_SECONDS = 0.5

_REPORT = "report"

# How long what has become of a stream is said to a database that is away, and when this process
# is to end.
_LAST_WORD_SECONDS = 60.0
_LAST_WORD_AT_THE_END_SECONDS = 2.0


class Runner:
    """
    Runs as many jobs at once as there are slots; further ones wait in the records.

    Args:
        slots: How many jobs may run at once, not counting streams; none: this node runs no job.

        grants: The encoder threads that runs share.

        chores: What jobs may be besides transforms; they take no slots.
    """

    def __init__(
        self,
        *,
        owner: str,
        slots: int,
        shelf: Shelf,
        artifacts: Artifacts,
        jobs: Jobs,
        surveys: Surveys,
        sandbox: Sandbox,
        grants: Grants,
        growths: Growths,
        chores: Chores,
        limits: Limits,
        deadline_seconds: float,
    ) -> None:
        self.owner = owner
        self.slots = Slots(slots)
        self._shelf = shelf
        self._artifacts = artifacts
        self._jobs = jobs
        self._surveys = surveys
        self._sandbox = sandbox
        self._grants = grants
        self._growths = growths
        self._chores = chores
        self._limits = limits
        self._deadline_seconds = deadline_seconds
        # A render that makes no headway for half of its time hangs, rather than being long.
        self._stuck_seconds = deadline_seconds / 2
        self._runs: set[asyncio.Task[None]] = set()
        self._growing: dict[Lease, Growing] = {}
        self._looking: list[asyncio.Task[None]] = []
        self._last_word_seconds = _LAST_WORD_SECONDS

    def open(self) -> None:
        """Begin to take jobs out of the queue."""
        self._looking = [
            asyncio.create_task(self._look_for_work(), name="look for work"),
            asyncio.create_task(self._look_for_streams(), name="look for streams"),
        ]

    def rest(self) -> None:
        """Take no more jobs out of the queue, because this process is to end."""
        for looking in self._looking:
            looking.cancel()

    async def aclose(self) -> None:
        """Stop every run and leave its job to the next owner."""
        self._last_word_seconds = _LAST_WORD_AT_THE_END_SECONDS
        tasks = [*self._runs, *self._looking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # If they are away, whoever comes next waits for the leases to lapse.
        with contextlib.suppress(RecordsAway):
            await self._jobs.release_owner(self.owner)

    def take_slot(self, *, urgent: bool = False) -> bool:
        """Reserve a slot, if one is free right now."""
        return self.slots.take(urgent=urgent)

    def give_slot_back(self) -> None:
        """Free a slot that was taken."""
        self.slots.give_back()

    def start(self, lease: Lease) -> None:
        """Run a leased job in a slot that was taken for it."""
        if is_chore(lease.subject):
            self.give_slot_back()
            self._begin(self._do_chore(lease), lease)
        else:
            self._begin(self._run(lease), lease)

    def _begin(self, work: Coroutine[None, None, None], lease: Lease) -> None:
        run = asyncio.create_task(work, name=f"job {lease.job_id}")
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)

    async def begin_chore(self, account: str, name: str, order: bytes) -> Job:
        """Begin a chore, and give it a moment; if this node dies, another does it."""
        job, lease = await self._chores.submit(account, name, order, owner=self.owner)
        if lease is not None:
            self._begin(self._do_chore(lease), lease)
        deadline = asyncio.get_running_loop().time() + _MOMENT_SECONDS
        while not job.state.settled and deadline > asyncio.get_running_loop().time():
            job = await self._jobs.changed(job.id, job.updated_ms, _MOMENT_SECONDS) or job
        return job

    async def _look_for_work(self) -> None:
        await self._look(self.slots.free, least_priority=None)

    async def _look_for_streams(self) -> None:
        """Take queued streams while only the slots that are for them are free."""
        await self._look(self.slots.free_for_streams, least_priority=REAL_TIME_PRIORITY)

    async def _look(self, free: asyncio.Event, *, least_priority: int | None) -> None:
        # Who listens before looking misses nothing.
        with self._jobs.arrivals() as arrived:
            while True:
                await free.wait()
                if not await self._took_work(least_priority):
                    await wait(arrived, POLL_SECONDS)

    async def _took_work(self, least_priority: int | None) -> bool:
        """Start a job out of the queue; tell whether it is worth to look again at once."""
        if not self.take_slot(urgent=least_priority is not None):
            return True
        lease = None
        try:
            lease = await self._jobs.claim(self.owner, least_priority=least_priority)
        except RecordsAway:
            pass
        except Exception:
            _log.exception("looking for work failed")
        if lease is None:
            self.give_slot_back()
            return False
        self.start(lease)
        return True

    async def _run(self, lease: Lease) -> None:
        try:
            await self._make(lease)
        except LeaseLost:
            _log.info("job %s was cancelled or passed on", lease.job_id)
        except WorkerDied as death:
            _log.warning("job %s: %s", lease.job_id, death)
            await until_there(lambda: self._jobs.retry(lease, max_attempts=MOST_ATTEMPTS))
        except RecordsAway:
            _log.warning("job %s is begun again, as the records went away", lease.job_id)
            await until_there(lambda: self._jobs.give_back(lease))
        except Exception as problem:
            await self._fail(lease, problem, how_far=self._how_far(lease))
        finally:
            try:
                await self._let_go(lease)
            finally:
                self.give_slot_back()

    async def _do_chore(self, lease: Lease) -> None:
        try:
            await self._chores.do(lease)
        except LeaseLost:
            _log.info("job %s was cancelled or passed on", lease.job_id)
        except RecordsAway:
            await until_there(lambda: self._jobs.give_back(lease))
        except Exception as problem:
            await self._fail(lease, problem)

    async def _fail(self, lease: Lease, problem: Exception, how_far: str = "") -> None:
        code, message = failure_of(problem)
        message += how_far
        _log.info("job %s failed: %s: %s", lease.job_id, code, message)
        await until_there(lambda: self._jobs.fail(lease, code=code, message=message))

    def _how_far(self, lease: Lease) -> str:
        """Say where a stream that was being played broke off."""
        growing = self._growing.get(lease)
        made_seconds = min(growing.produced_seconds()) if growing is not None else 0
        return f" The stream ends after {float(made_seconds):.3f} s." if made_seconds else ""

    async def _let_go(self, lease: Lease) -> None:
        """Stop showing an artifact as growing, and charge what a cancelled stream has played."""
        growing = self._growing.pop(lease, None)
        if growing is None:
            return
        try:
            async with asyncio.timeout(self._last_word_seconds):
                await until_there(lambda: self._say_the_end(lease, growing))
        except TimeoutError:
            await self._growths.end(growing, complete=False, unfinished=True, ours=False)

    async def _say_the_end(self, lease: Lease, growing: Growing) -> None:
        live = await self._jobs.by_key(lease.key)
        ours = live is None or (live.id, live.epoch) == (lease.job_id, lease.epoch)
        job = await self._jobs.get(lease.account, lease.job_id)
        state = job.state if job is not None else JobState.CANCELLED
        await self._growths.end(
            growing, complete=state is JobState.DONE, unfinished=not state.settled, ours=ours
        )
        if state is JobState.CANCELLED and growing.played:
            plan = understand(lease.subject).plan
            await self._jobs.settle(
                lease,
                charge=charge_for(
                    key=lease.key,
                    account=lease.account,
                    url=lease.subject,
                    produced=produced_by(plan, *growing.produced_seconds()),
                    multiplier=FORMATS[plan.format].multiplier,
                ),
            )

    async def _make(self, lease: Lease) -> None:
        progress = Progress()
        made = self._made(lease, progress)
        wanted, receipt = await while_leased(
            self._jobs, lease, made, progress, lambda: self._check(lease)
        )
        # A receipt that is there already was published by a run that died before it was billed.
        report = msgspec.json.decode(receipt.extra[_REPORT], type=RenderReport)
        charge, details = _charge(wanted, report), receipt.extra[_REPORT]
        if not await until_there(lambda: self._jobs.finish(lease, charge=charge, details=details)):
            raise LeaseLost

    async def _made(self, lease: Lease, progress: Progress) -> tuple[Wanted, Receipt]:
        wanted = await find(self._shelf, understand(lease.subject))
        if wanted.key != lease.key:
            raise SourceChanged(wanted.url.plan.clips[0].path)
        receipt = await self._artifacts.receipt(lease.key)
        if receipt is None or _REPORT not in receipt.extra:
            receipt = await self._fill(lease, wanted, progress)
        return wanted, receipt

    def _check(self, lease: Lease) -> None:
        """Raise what has gone wrong beside the work."""
        growing = self._growing.get(lease)
        if growing is not None:
            growing.check()

    async def _fill(self, lease: Lease, wanted: Wanted, progress: Progress) -> Receipt:
        resolved = await self._surveys.resolve(wanted, self._limits)
        staging = await self._artifacts.stage(lease.key)
        growing = None
        if wanted.url.spec.segmented:
            growing = await self._growths.begin(lease.key, wanted.url.plan, staging)
            self._growing[lease] = growing
        try:
            report = await self._rendered(wanted, resolved.render, staging, growing, progress)
            # A local file may have been rewritten in place while the worker read it.
            again = await until_there(lambda: find(self._shelf, wanted.url))
            if again.key != lease.key:
                raise SourceChanged(wanted.subject)
            if growing is not None:
                await growing.aclose()
            # Whoever was frozen and wakes up here must not put back what has been removed since.
            if not await until_there(lambda: self._jobs.renew(lease, progress.fraction)):
                raise LeaseLost
            # What is kept beside the files says what they are; the report need not say it again.
            text = msgspec.json.encode(replace(report, files=())).decode()
            return await self._artifacts.publish(
                staging,
                key=lease.key,
                account=wanted.account,
                source_path=wanted.url.plan.clips[0].path,
                media_types={file.path: file.media_type for file in report.files},
                extra={_REPORT: text, "subject": lease.subject, "grid": GRID},
                kept=growing.files if growing is not None else {},
            )
        finally:
            await staging.discard()

    async def _rendered(
        self,
        wanted: Wanted,
        plan: RenderPlan,
        staging: Staging,
        growing: Growing | None,
        progress: Progress,
    ) -> RenderReport:
        async with contextlib.AsyncExitStack() as stack:
            readers: list[Reader] = []
            for source in wanted.sources:
                reader = await self._shelf.open(wanted.account, source)
                stack.push_async_callback(reader.aclose)
                readers.append(reader)
            threads = stack.enter_context(self._threads_for(plan))
            render = self._sandbox.render(
                plan,
                readers,
                staging,
                on_progress=progress.note,
                on_segment=growing.note if growing is not None else None,
                wants=growing.wants if growing is not None else None,
                deadline_seconds=self._deadline_seconds,
                threads=threads,
            )
            try:
                async with self._surveys.poison.watching(
                    *wanted.sources, slow=lambda: progress.idle_seconds < self._stuck_seconds
                ):
                    report = await render
            except BaseException:
                # Whatever became of the rest, the segments that were finished can be played.
                if growing is not None:
                    with contextlib.suppress(Exception):
                        await growing.settle()
                raise
            if growing is not None:
                await growing.settle()
            return report

    def _threads_for(self, plan: RenderPlan) -> AbstractContextManager[int]:
        spec = FORMATS[plan.format]
        if spec.codec not in _ENCODED_BY_MANY:
            return self._grants.lent(most=1)
        # No variant of a stream that somebody waits for is to wait for another.
        return self._grants.lent(least=len(plan.encodings) if spec.real_time else 1)


def _charge(wanted: Wanted, report: RenderReport) -> Charge | None:
    if not FORMATS[wanted.url.plan.format].multiplier:
        return None
    return charge_for(
        key=wanted.key,
        account=wanted.account,
        url=wanted.subject,
        produced=produced_by(wanted.url.plan, report.duration),
        multiplier=FORMATS[wanted.url.plan.format].multiplier,
    )
