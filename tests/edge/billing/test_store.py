from __future__ import annotations

from fractions import Fraction

import pytest
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.billing.charge import Charge
from edge.billing.store import Ledger, LedgerEntry, MonthTotal, Reconciliation, record
from edge.jobs.store import Jobs
from edge.records.dialects import now_ms, utc_month
from edge.records.engine import reading, writing
from edge.records.paging import BadCursor
from edge.records.tables import ledger

ACCOUNT = "W142hJk"
NEW_YEAR_2023_MS = 1_672_531_200_000


def _entry(key: str, at_ms: int, duration_ms: int = 60_000, account: str = ACCOUNT) -> LedgerEntry:
    return LedgerEntry(
        key=key,
        account=account,
        url=f"/{key}.mp3?f=aac",
        duration_ms=duration_ms,
        multiplier_thousandths=750,
        at_ms=at_ms,
    )


def _charge(entry: LedgerEntry) -> Charge:
    return Charge(
        key=entry.key,
        account=entry.account,
        url=entry.url,
        duration_ms=entry.duration_ms,
        multiplier_thousandths=entry.multiplier_thousandths,
    )


async def _write(records: AsyncEngine, *entries: LedgerEntry) -> None:
    async with writing(records) as connection:
        for entry in entries:
            await connection.execute(
                insert(ledger).values(
                    key=entry.key,
                    account=entry.account,
                    url=entry.url,
                    duration_ms=entry.duration_ms,
                    multiplier_thousandths=entry.multiplier_thousandths,
                    at_ms=entry.at_ms,
                )
            )


async def test_a_key_is_billed_once_at_its_first_price(records: AsyncEngine) -> None:
    for duration_ms in (60_000, 90_000):
        async with writing(records) as connection:
            await record(connection, _charge(_entry("k", 0, duration_ms)))

    entries, cursor = await Ledger(records).entries(ACCOUNT)

    assert cursor is None
    assert [_entry("k", entries[0].at_ms)] == list(entries)
    assert entries[0].billed_seconds == 45


async def test_entries_come_newest_first_in_pages(records: AsyncEngine) -> None:
    # The middle two share their millisecond.
    written = [_entry("a", 1), _entry("b", 2), _entry("c", 2), _entry("d", 3)]
    await _write(records, *written, _entry("e", 2, account="another"))
    books = Ledger(records)

    pages = []
    cursor: str | None = None
    while True:
        page, cursor = await books.entries(ACCOUNT, cursor=cursor, limit=2)
        pages.append(page)
        if cursor is None:
            break

    assert [(written[3], written[2]), (written[1], written[0])] == pages


async def test_a_page_is_not_moved_by_what_arrives_meanwhile(records: AsyncEngine) -> None:
    await _write(records, _entry("a", 1), _entry("b", 2))
    books = Ledger(records)
    _, cursor = await books.entries(ACCOUNT, limit=1)
    await _write(records, _entry("c", 3))

    assert ((_entry("a", 1),), None) == await books.entries(ACCOUNT, cursor=cursor, limit=1)


async def test_a_foreign_cursor_is_refused(records: AsyncEngine) -> None:
    with pytest.raises(BadCursor):
        await Ledger(records).entries(ACCOUNT, cursor="page2")


async def test_a_month_is_a_calendar_month_in_utc(records: AsyncEngine) -> None:
    await _write(
        records,
        _entry("before", NEW_YEAR_2023_MS - 1),
        _entry("first", NEW_YEAR_2023_MS),
        _entry("last", NEW_YEAR_2023_MS + 31 * 86_400_000 - 1, 10_001),
        _entry("after", NEW_YEAR_2023_MS + 31 * 86_400_000),
        _entry("another's", NEW_YEAR_2023_MS, account="another"),
    )
    january = MonthTotal(account=ACCOUNT, month="2023-01", billed_us=52_500_750, entry_count=2)
    books = Ledger(records)

    assert january == await books.month_total(ACCOUNT, "2023-01")
    assert january.billed_seconds == Fraction("52.50075")
    assert [
        MonthTotal(account=ACCOUNT, month="2023-02", billed_us=45_000_000, entry_count=1),
        january,
        MonthTotal(account=ACCOUNT, month="2022-12", billed_us=45_000_000, entry_count=1),
    ] == list(await books.totals(ACCOUNT))


async def test_totals_of_all_accounts_are_told_apart(records: AsyncEngine) -> None:
    await _write(records, _entry("a", 0), _entry("b", 0, account="another"))

    assert [
        MonthTotal(account=account, month="1970-01", billed_us=45_000_000, entry_count=1)
        for account in (ACCOUNT, "another")
    ] == list(await Ledger(records).totals())


async def test_the_current_month_is_the_databases(records: AsyncEngine) -> None:
    async with writing(records) as connection:
        await record(connection, _charge(_entry("k", 0)))
        month = (await connection.execute(select(utc_month(now_ms())))).scalar_one()

    assert MonthTotal(
        account=ACCOUNT, month=month, billed_us=45_000_000, entry_count=1
    ) == await Ledger(records).month_total(ACCOUNT)


async def test_a_month_without_entries_is_nothing(records: AsyncEngine) -> None:
    nothing = MonthTotal(account=ACCOUNT, month="2023-01", billed_us=0, entry_count=0)

    assert nothing == await Ledger(records).month_total(ACCOUNT, "2023-01")


@pytest.mark.parametrize("month", ["2023", "2023-13", "january", ""])
async def test_what_is_no_month_is_refused(records: AsyncEngine, month: str) -> None:
    with pytest.raises(ValueError):
        await Ledger(records).month_total(ACCOUNT, month)


async def test_reconciliation_names_what_is_missing_on_either_side(records: AsyncEngine) -> None:
    jobs = Jobs(records)
    for key in ("balanced", "free", "bill lost"):
        _, lease = await jobs.submit(
            key=key, account=ACCOUNT, subject="/", priority=0, owner="node"
        )
        assert lease is not None
        charge = None if key == "free" else _charge(_entry(key, 0))
        await jobs.finish(lease, charge=charge, details="{}")
    await jobs.submit(key="queued", account=ACCOUNT, subject="/", priority=0, owner=None)
    books = Ledger(records)
    healthy = await books.reconcile()
    async with writing(records) as connection:
        await connection.execute(delete(ledger).where(ledger.c.key == "bill lost"))
    await _write(records, _entry("job lost", 0), _entry("queued", 0))

    assert Reconciliation(jobs_without_entry=(), entries_without_job=()) == healthy
    assert (
        Reconciliation(
            jobs_without_entry=("bill lost",), entries_without_job=("job lost", "queued")
        )
        == await books.reconcile()
    )


async def test_the_ledger_survives_reopening(records: AsyncEngine) -> None:
    await _write(records, _entry("a", 1))
    await records.dispose()

    async with reading(records) as connection:
        assert (await connection.execute(select(ledger.c.key))).scalar_one() == "a"
