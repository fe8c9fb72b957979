from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.records.engine import open_records
from tests.support.migrated import migrated


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """A migrated SQLite file of the test's own."""
    file = tmp_path / "records.db"
    file.write_bytes(migrated())
    engine = open_records(f"sqlite+aiosqlite:///{file}")
    yield engine
    await engine.dispose()
