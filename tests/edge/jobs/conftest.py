from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.billing.store import Ledger
from edge.jobs.store import Jobs


@pytest.fixture
def jobs(records: AsyncEngine) -> Jobs:
    """A store with leases long enough not to lapse by themselves."""
    return Jobs(records, lease_ms=3_600_000)


@pytest.fixture
def ledger(records: AsyncEngine) -> Ledger:
    """The ledger of the same records."""
    return Ledger(records)
