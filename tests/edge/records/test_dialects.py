from __future__ import annotations

import time

import pytest
from sqlalchemy import literal, make_url, select
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.records.dialects import now_ms, utc_month
from edge.records.engine import reading
from edge.records.tables import ledger


async def test_the_database_clock_counts_epoch_milliseconds(records: AsyncEngine) -> None:
    before_ms = time.time_ns() // 1_000_000
    async with reading(records) as connection:
        there_ms = (await connection.execute(select(now_ms()))).scalar_one()
    after_ms = time.time_ns() // 1_000_000

    # SQLite rounds its own clock to a millisecond.
    assert before_ms - 1 <= there_ms <= after_ms + 1


@pytest.mark.parametrize(
    ("epoch_ms", "expected"),
    [
        (0, "1970-01"),
        (1_672_531_199_999, "2022-12"),
        (1_672_531_200_000, "2023-01"),
        (1_709_251_199_999, "2024-02"),
        (1_709_251_200_000, "2024-03"),
    ],
)
async def test_a_month_begins_at_midnight_utc(
    records: AsyncEngine, epoch_ms: int, expected: str
) -> None:
    async with reading(records) as connection:
        month = (await connection.execute(select(utc_month(literal(epoch_ms))))).scalar_one()

    assert expected == month


def test_postgresql_has_its_own_spelling() -> None:
    dialect = make_url("postgresql://").get_dialect()()

    assert (
        str(now_ms().compile(dialect=dialect)),
        str(utc_month(ledger.c.at_ms).compile(dialect=dialect)),
    ) == (
        "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)",
        "to_char(to_timestamp(ledger.at_ms / 1000) AT TIME ZONE 'UTC', 'YYYY-MM')",
    )
