"""
Which job is taken next, as one query that counts what runs everywhere.

Real-time jobs go first. Among equals it is the turn of the account with the fewest jobs running,
on whatever node, then of the oldest job: whoever queues a thousand jobs has one turn as everybody
else. So that real-time jobs of one account starve nobody, an account that has nothing running and
has waited for a minute counts as real-time, until it has something running.

A plain ``ORDER BY`` would sort the queue at every turn. Instead the query steps from account to
account through an index and looks at the head of each one's line, so that it takes as long as
there are accounts that wait, however long their lines are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Executable,
    FromClause,
    ScalarSelect,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from edge.jobs.job import REAL_TIME_PRIORITY, Job, JobState
from edge.records.dialects import now_ms
from edge.records.tables import jobs

PATIENCE_MS = 60_000
MOST_LOST_LEASES = 10

_AGE = (now_ms() - jobs.c.updated_ms).label("age_ms")
COLUMNS = tuple(_AGE if field.name == "age_ms" else jobs.c[field.name] for field in fields(Job))
LET_GO: Mapping[str, Any] = {"owner": None, "lease_until_ms": None}

# A clock that stands still or is set back must not hide a change from whoever compares.
TOUCHED = case((now_ms() > jobs.c.updated_ms, now_ms()), else_=jobs.c.updated_ms + 1)


# To put these statements together takes longer than to carry them out, and while it is done
# nobody is answered. So it is done once.
@cache
def anything_waits() -> Executable:
    """Select whether there is a job that somebody could take."""
    return select(
        select(jobs.c.id).where(or_(jobs.c.state == JobState.QUEUED, lapsed(jobs))).exists()
    )


@cache
def give_up() -> Executable:
    """Fail the jobs that too many owners went silent over, and return their ids."""
    return (
        update(jobs)
        .where(lapsed(jobs), jobs.c.lost_leases + 1 >= MOST_LOST_LEASES)
        .values(
            state=JobState.FAILED,
            lost_leases=jobs.c.lost_leases + 1,
            error_code="lost_too_often",
            error_message=f"{MOST_LOST_LEASES} nodes went silent while they made this.",
            updated_ms=TOUCHED,
            **LET_GO,
        )
        .returning(jobs.c.id)
    )


@cache
def take_next(*, least_priority: int | None) -> Executable:
    """
    Give the job whose turn it is to ``the_owner`` for ``lease_ms``, and return its row.

    Args:
        least_priority: Leave out jobs that are less urgent.
    """
    return _take().where(jobs.c.id == next_in_turn(least_priority=least_priority))


@cache
def take_any_in_line() -> Executable:
    """Do the same with any queued job that nobody else is just taking."""
    return _take().where(jobs.c.id == any_in_line())


def _take() -> ReturningUpdate[Any]:
    statement = update(jobs).values(
        state=JobState.RUNNING,
        owner=bindparam("the_owner"),
        lease_until_ms=now_ms() + bindparam("lease_ms"),
        epoch=jobs.c.epoch + 1,
        lost_leases=jobs.c.lost_leases + case((lapsed(jobs), 1), else_=0),
        progress=0.0,
        updated_ms=TOUCHED,
    )
    return statement.returning(*COLUMNS)


def lapsed(rows: FromClause) -> ColumnElement[bool]:
    """Tell the jobs whose owners went silent: they wait, whatever their state says."""
    return and_(rows.c.state == JobState.RUNNING, rows.c.lease_until_ms <= now_ms())


def next_in_turn(*, least_priority: int | None) -> ScalarSelect[str]:
    """
    Select the id of the job whose turn it is, locked, or nothing.

    Args:
        least_priority: Leave out jobs that are less urgent.
    """
    heads = _heads()
    running = _running()
    waiting = jobs.alias("waiting")
    turns = func.coalesce(running.c.jobs, 0)
    starved = and_(turns == 0, waiting.c.updated_ms <= now_ms() - PATIENCE_MS)
    urgency = case((starved, REAL_TIME_PRIORITY), else_=waiting.c.priority)
    return (
        select(waiting.c.id)
        .join(heads, heads.c.id == waiting.c.id)
        .outerjoin(running, running.c.account == waiting.c.account)
        # PostgreSQL asks this again of the row as it is once it has the lock.
        .where(_waits(waiting, least_priority))
        .order_by(urgency.desc(), turns, waiting.c.priority.desc(), waiting.c.created_ms)
        .order_by(waiting.c.id)
        .limit(1)
        .with_for_update(of=waiting, skip_locked=True)
        .scalar_subquery()
    )


def any_in_line() -> ScalarSelect[str]:
    """
    Select the id of any queued job that nobody else is just taking, locked, or nothing.

    For the moment in which others are taking the head of every line.
    """
    waiting = jobs.alias("waiting")
    return (
        select(waiting.c.id)
        .where(waiting.c.state == JobState.QUEUED)
        .order_by(*_line(waiting, waiting.c.account))
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


def _heads() -> CTE:
    """The job each account would have taken first, and those whose owners went silent."""
    accounts = _accounts()
    line = jobs.alias("line")
    head = (
        select(line.c.id)
        .where(line.c.state == JobState.QUEUED, line.c.account == accounts.c.account)
        .order_by(*_line(line))
        .limit(1)
        .correlate(accounts)
        .scalar_subquery()
    )
    silent = jobs.alias("silent")
    return union_all(
        select(head.label("id")).where(accounts.c.account.is_not(None)),
        select(silent.c.id).where(lapsed(silent)),
    ).cte("heads")


def _accounts() -> CTE:
    """List the accounts that have queued jobs, each found by one step through the index."""
    first, further = jobs.alias("first"), jobs.alias("further")
    accounts = (
        select(func.min(first.c.account).label("account"))
        .where(first.c.state == JobState.QUEUED)
        .cte("accounts_in_line", recursive=True)
    )
    following = (
        select(func.min(further.c.account))
        .where(further.c.state == JobState.QUEUED, further.c.account > accounts.c.account)
        .correlate(accounts)
        .scalar_subquery()
    )
    return accounts.union_all(select(following).where(accounts.c.account.is_not(None)))


def _running() -> Subquery:
    """Count each account's running jobs on all nodes; a lease that lapsed runs nowhere."""
    held = jobs.alias("held")
    return (
        select(held.c.account, func.count().label("jobs"))
        .where(held.c.state == JobState.RUNNING, held.c.lease_until_ms > now_ms())
        .group_by(held.c.account)
        .subquery("running")
    )


def _line(rows: FromClause, *before: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    """The order within one account's line, which is that of an index."""
    return (*before, rows.c.priority.desc(), rows.c.created_ms, rows.c.id)


def _waits(rows: FromClause, least_priority: int | None) -> ColumnElement[bool]:
    """Ask it in a way that no index answers: SQLite would sort the whole queue to use one."""
    waits = case((rows.c.state == JobState.QUEUED, True), else_=lapsed(rows))
    return waits if least_priority is None else and_(waits, rows.c.priority >= least_priority)
