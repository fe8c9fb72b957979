"""
The ledger: one row for every canonical key that was ever billed.

Rows are written by ``record`` inside the transaction that marks the job done, never beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from sqlalchemy import BigInteger, cast, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.billing.charge import Charge
from edge.records.dialects import insert_into, now_ms, utc_month
from edge.records.engine import reading
from edge.records.paging import newest_first
from edge.records.tables import jobs, ledger

_MICROSECONDS = 1_000_000
_BILLED_US = cast(func.sum(ledger.c.duration_ms * ledger.c.multiplier_thousandths), BigInteger)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """A charge, and when it was recorded."""

    key: str
    account: str
    url: str
    duration_ms: int
    multiplier_thousandths: int
    at_ms: int

    @property
    def billed_us(self) -> int:
        """What was taken from the quota, in microseconds of audio."""
        return self.duration_ms * self.multiplier_thousandths

    @property
    def billed_seconds(self) -> Fraction:
        """The same in seconds, exactly."""
        return Fraction(self.billed_us, _MICROSECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthTotal:
    """What an account used in one calendar month (UTC)."""

    account: str
    month: str
    billed_us: int
    entry_count: int

    @property
    def billed_seconds(self) -> Fraction:
        """The billed audio in seconds, exactly."""
        return Fraction(self.billed_us, _MICROSECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The canonical keys on which jobs and ledger disagree; both lists are empty in health."""

    jobs_without_entry: tuple[str, ...]
    entries_without_job: tuple[str, ...]


async def record(connection: AsyncConnection, charge: Charge) -> None:
    """Write *charge* in the caller's transaction; a key that was billed before changes nothing."""
    await connection.execute(
        insert_into(connection, ledger)
        .values(
            key=charge.key,
            account=charge.account,
            url=charge.url,
            duration_ms=charge.duration_ms,
            multiplier_thousandths=charge.multiplier_thousandths,
            at_ms=now_ms(),
        )
        .on_conflict_do_nothing(index_elements=[ledger.c.key])
    )


class Ledger:
    """What was billed, to whom and when."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def entries(
        self, account: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[tuple[LedgerEntry, ...], str | None]:
        """
        Return a page of the account's entries, newest first, and the cursor of the next.

        Raises:
            BadCursor: The cursor is not one of ours.
        """
        columns = [ledger.c[field.name] for field in fields(LedgerEntry)]
        query = select(*columns).where(ledger.c.account == account)
        async with reading(self._engine) as connection:
            rows, further = await newest_first(
                connection, query, ledger.c.at_ms, ledger.c.key, cursor=cursor, limit=limit
            )
        return tuple(LedgerEntry(**row) for row in rows), further

    async def month_total(self, account: str, month: str | None = None) -> MonthTotal:
        """
        Sum up *account*'s *month*, like ``2026-11``; the database's current one if None.

        Raises:
            ValueError: There is no such month.
        """
        async with reading(self._engine) as connection:
            if month is None:
                month = (await connection.execute(select(utc_month(now_ms())))).scalar_one()
            first_ms, end_ms = _bounds_ms(month)
            query = select(_BILLED_US, func.count()).where(
                ledger.c.account == account, ledger.c.at_ms >= first_ms, ledger.c.at_ms < end_ms
            )
            billed_us, entry_count = (await connection.execute(query)).one()
        return MonthTotal(
            account=account, month=month, billed_us=billed_us or 0, entry_count=entry_count
        )

    async def totals(self, account: str | None = None) -> tuple[MonthTotal, ...]:
        """Sum up every month that has entries, newest first, of one account or of all."""
        month = utc_month(ledger.c.at_ms)
        query = select(ledger.c.account, month, _BILLED_US, func.count()).group_by(
            ledger.c.account, month
        )
        if account is not None:
            query = query.where(ledger.c.account == account)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        totals = [
            MonthTotal(account=owner, month=name, billed_us=billed_us, entry_count=count)
            for owner, name, billed_us, count in rows
        ]
        # A server may order text as a language does, so that is not left to the database.
        totals.sort(key=lambda total: total.account)
        totals.sort(key=lambda total: total.month, reverse=True)
        return tuple(totals)

    async def reconcile(self) -> Reconciliation:
        """List charged jobs that have no entry, and entries that have no charged job."""
        entry_of_job = exists().where(ledger.c.key == jobs.c.key)
        job_of_entry = exists().where(jobs.c.key == ledger.c.key, jobs.c.charged)
        async with reading(self._engine) as connection:
            without_entry = await connection.execute(
                select(jobs.c.key).distinct().where(jobs.c.charged, ~entry_of_job)
            )
            without_job = await connection.execute(select(ledger.c.key).where(~job_of_entry))
            return Reconciliation(
                jobs_without_entry=tuple(sorted(without_entry.scalars())),
                entries_without_job=tuple(sorted(without_job.scalars())),
            )


def _bounds_ms(month: str) -> tuple[int, int]:
    """Return a month's first instant and the next month's, so that an index can be used."""
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    end = (first + timedelta(days=31)).replace(day=1)
    return int(first.timestamp()) * 1000, int(end.timestamp()) * 1000
