from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.databases import Databases, empty, patient
from tests.support.migrated import migrated


@pytest.fixture(scope="session")
def shared_database(postgres_server: Databases) -> Iterator[str]:
    """The URL of a PostgreSQL database that the tests of this process use one after the other."""
    with postgres_server.fresh() as url:
        yield url


@pytest.fixture
async def sqlite_records(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """A migrated SQLite file of the test's own."""
    file = tmp_path / "records.db"
    file.write_bytes(migrated())
    engine = patient(f"sqlite+aiosqlite:///{file}")
    yield engine
    await engine.dispose()


@pytest.fixture
async def postgresql_records(shared_database: str) -> AsyncIterator[AsyncEngine]:
    """A migrated PostgreSQL database in which there is nothing yet."""
    engine = patient(shared_database)
    await empty(engine)
    yield engine
    await engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, on each of those that there can be."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/new.db"
        return
    server: Databases = request.getfixturevalue("postgres_server")
    with server.fresh(migrated=False) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request: pytest.FixtureRequest) -> AsyncEngine:
    """Empty records, on each of the databases that there can be."""
    engine: AsyncEngine = request.getfixturevalue(f"{request.param}_records")
    return engine
