"""
Jobs that are no transforms: what somebody has asked for by the hundred, or will not wait for.

A chore's subject is its name and its order as JSON, so that any node can take it over from one
that died; whoever does a chore does it so that doing half of it twice is no harm. Chores take no
slot: some wait for transforms, which need one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from edge import ids
from edge.fill.leases import LeaseLost, Progress, while_leased
from edge.jobs.job import ORDINARY_PRIORITY, Job, Lease
from edge.jobs.store import Jobs
from edge.records.patience import until_there


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """
    What an account has asked for: *text* is JSON that only the chore understands.

    ``at_ms`` is when, by the database's clock; ``begun_before`` says that somebody may have done
    a part of it already.
    """

    account: str
    text: bytes
    at_ms: int
    begun_before: bool = False


Chore: TypeAlias = Callable[[Order, Progress], Awaitable[Mapping[str, object]]]
"""Does what was ordered, and returns what is to be said of it in the job."""


class UnknownChore(Exception):
    """A job that is neither a transform nor a chore this node knows."""


class Chores:
    """The chores a node knows how to do."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._known: dict[str, Chore] = {}

    def know(self, name: str, chore: Chore) -> None:
        """Let the node do chores of a *name*, which has no space in it."""
        self._known[name] = chore

    async def submit(
        self, account: str, name: str, order: bytes, *, owner: str
    ) -> tuple[Job, Lease | None]:
        """Write a chore down for *owner* to do at once."""
        return await self._jobs.submit(
            key=hashlib.sha256(ids.new_job_id().encode()).hexdigest(),
            account=account,
            subject=f"{name} {order.decode()}",
            priority=ORDINARY_PRIORITY,
            owner=owner,
        )

    async def do(self, lease: Lease) -> None:
        """
        Do a chore, and say so in its job.

        Raises:
            LeaseLost: It was cancelled, or passed on.
            UnknownChore: It is none of this node's.
        """
        name, _, text = lease.subject.partition(" ")
        chore = self._known.get(name)
        if chore is None:
            raise UnknownChore(name)
        progress = Progress()
        order = Order(
            account=lease.account,
            text=text.encode(),
            at_ms=lease.created_ms,
            begun_before=lease.epoch > 1,
        )
        work = _done(chore(order, progress))
        told = await while_leased(self._jobs, lease, work, progress)
        details = json.dumps(dict(told))
        if not await until_there(lambda: self._jobs.finish(lease, charge=None, details=details)):
            raise LeaseLost


def is_chore(subject: str) -> bool:
    """Tell a chore's subject from a transform's, which is the path of a URL."""
    return not subject.startswith("/")


async def _done(work: Awaitable[Mapping[str, object]]) -> Mapping[str, object]:
    return await work
