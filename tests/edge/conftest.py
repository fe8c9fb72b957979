from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.records.engine import open_records
from edge.records.migrate import migrate


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """A migrated SQLite file of the test's own."""
    engine = open_records(f"sqlite+aiosqlite:///{tmp_path}/records.db")
    await migrate(engine)
    yield engine
    await engine.dispose()
