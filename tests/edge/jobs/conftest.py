from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.billing.store import Ledger
from edge.jobs.store import Jobs
from edge.records.engine import open_records
from edge.records.migrate import migrate


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """A migrated SQLite file of the test's own."""
    engine = open_records(f"sqlite+aiosqlite:///{tmp_path}/records.db")
    await migrate(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
def jobs(records: AsyncEngine) -> Jobs:
    """A store with leases long enough not to lapse by themselves."""
    return Jobs(records, lease_ms=3_600_000)


@pytest.fixture
def ledger(records: AsyncEngine) -> Ledger:
    """The ledger of the same records."""
    return Ledger(records)
