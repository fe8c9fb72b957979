from __future__ import annotations

import asyncio
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.records.engine import open_records, reading
from edge.records.migrate import migrate
from edge.records.tables import metadata


def _differences(connection: Connection) -> object:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return compare_metadata(context, metadata)


async def test_the_migrations_make_the_tables_the_code_expects(records: AsyncEngine) -> None:
    async with reading(records) as connection:
        assert await connection.run_sync(_differences) == []


def _checks(connection: Connection) -> dict[str, object]:
    inspector = inspect(connection)
    return {
        table: [
            inspector.get_check_constraints(table),
            inspector.get_foreign_keys(table),
            inspector.get_pk_constraint(table),
            inspector.get_unique_constraints(table),
        ]
        for table in metadata.tables
    }


async def test_the_migrations_make_the_same_constraints(
    records: AsyncEngine, tmp_path: Path
) -> None:
    created = open_records(f"sqlite+aiosqlite:///{tmp_path}/created.db")
    async with created.begin() as connection:
        await connection.run_sync(metadata.create_all)
        expected = await connection.run_sync(_checks)
    await created.dispose()

    async with reading(records) as connection:
        assert str(expected) == str(await connection.run_sync(_checks))


async def test_nodes_that_start_together_migrate_once(tmp_path: Path) -> None:
    nodes = [open_records(f"sqlite+aiosqlite:///{tmp_path}/new.db") for _ in range(5)]
    await asyncio.gather(*(migrate(node) for node in nodes))
    async with reading(nodes[0]) as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    for node in nodes:
        await node.dispose()

    assert sorted(tables) == [
        *("accounts", "alembic_version", "api_keys", "debris", "events", "files", "folders"),
        *("imports", "jobs", "jwt_keys", "ledger", "media", "upload_parts", "uploads"),
    ]
