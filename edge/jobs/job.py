"""
The nouns of work: a job is what a client polls, a lease what an owner holds while working on it.

A job goes ``queued -> running -> done | failed | cancelled``, and back to ``queued`` when its
owner dies or leaves, or when its artifact has to be made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

ORDINARY_PRIORITY: Final = 0
# Somebody sits before a player and waits.
REAL_TIME_PRIORITY: Final = 10


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def settled(self) -> bool:
        """Whether nothing more happens unless somebody asks again."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


UNSETTLED: Final = tuple(state for state in JobState if not state.settled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """
    One job as it stood when it was read.

    ``subject`` is the transform URL's path and parameters. ``attempts`` counts the tries that
    killed their worker, ``lost_leases`` the owners that went silent. ``epoch`` grows with every
    acquisition. ``progress`` is 0 to 1, ``details`` JSON text that only the fill understands.
    ``updated_ms`` grows with every change, so that a poller can tell by it; ``age_ms`` is how long
    ago that was when the row was read, by the database's clock: a node's own may be wrong.
    """

    id: str
    key: str
    account: str
    subject: str
    state: JobState
    priority: int
    progress: float
    attempts: int
    lost_leases: int
    epoch: int
    owner: str | None
    lease_until_ms: int | None
    error_code: str | None
    error_message: str | None
    details: str
    created_ms: int
    updated_ms: int
    # Two looks at the same row see the same job.
    age_ms: int = field(compare=False)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Job:
        """Read a job from a *row* that has a column for every field."""
        return cls(**{**row, "state": JobState(row["state"])})

    def leased_to(self, owner: str) -> Lease:
        """Return the lease *owner* has just acquired."""
        return Lease(
            job_id=self.id,
            key=self.key,
            account=self.account,
            subject=self.subject,
            owner=owner,
            epoch=self.epoch,
            created_ms=self.created_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """
    The right to work on a job until it lapses; its epoch tells it from every other.

    ``created_ms`` is when the job was asked for, by the database's clock.
    """

    job_id: str
    key: str
    account: str
    subject: str
    owner: str
    epoch: int
    created_ms: int
