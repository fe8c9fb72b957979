from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.accounts.seal import Seal
from edge.accounts.store import Accounts
from edge.library.importing.store import ImportTasks


@pytest.fixture
async def tasks(records: AsyncEngine) -> ImportTasks:
    """The queue of an installation with two accounts."""
    accounts = Accounts(records, Seal(bytes(32)))
    for account in ("W142hJk", "W142hJm"):
        await accounts.ensure(account)
    return ImportTasks(records, lease_ms=30_000)
