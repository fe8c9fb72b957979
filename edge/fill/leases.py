"""
Work that goes on for as long as its lease can be renewed, and no longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from edge.jobs.job import Lease
from edge.jobs.store import Jobs
from edge.records.problems import RecordsAway

RENEWED_EVERY_SECONDS = 1.0

_Result = TypeVar("_Result")


class LeaseLost(Exception):
    """The job was cancelled, or passed on to another owner."""


class Progress:
    """What was said last about how far a job is, from 0 to 1."""

    def __init__(self) -> None:
        self.fraction = 0.0
        self._rose_at = time.monotonic()

    def note(self, fraction: float) -> None:
        """Say how far it is; it never goes back."""
        if fraction > self.fraction:
            self.fraction = min(1.0, fraction)
            self._rose_at = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """How long ago the last news was."""
        return time.monotonic() - self._rose_at


async def while_leased(
    jobs: Jobs,
    lease: Lease,
    work: Coroutine[Any, Any, _Result],
    progress: Progress,
    check: Callable[[], None] = lambda: None,
) -> _Result:
    """
    Let work go on for as long as its lease can be renewed.

    Args:
        check: Is asked each second, and raises if the work is not to go on.

    Raises:
        LeaseLost: The lease is; the work was cancelled.
    """
    working = asyncio.create_task(work, name=f"work on {lease.job_id}")
    try:
        while True:
            done, _ = await asyncio.wait({working}, timeout=RENEWED_EVERY_SECONDS)
            if done:
                return working.result()
            check()
            # While the database is away nobody can take the job over, and if somebody has before
            # it is heard of as soon as that can be.
            with contextlib.suppress(RecordsAway):
                if not await jobs.renew(lease, progress.fraction):
                    raise LeaseLost
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await working
