from __future__ import annotations

import asyncio
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.library.catalogue.store import Catalogue
from edge.library.media.media import Draft
from edge.library.media.store import MediaRows, Search
from edge.library.uploads.store import UploadRows
from edge.records.engine import open_records, reading
from edge.records.migrate import MIGRATIONS, migrate, newest_revision, revision_of, upgrade
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
        *("imports", "job_sources", "jobs", "jwt_keys", "ledger", "media", "upload_parts"),
        "uploads",
    ]


def test_the_newest_revision_is_the_end_of_the_chain() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [newest_revision()]


async def test_a_database_says_its_revision(tmp_path: Path) -> None:
    engine = open_records(f"sqlite+aiosqlite:///{tmp_path}/old.db")
    async with engine.begin() as connection:
        empty = await connection.run_sync(revision_of)
        await connection.run_sync(upgrade, "0003")
        old = await connection.run_sync(revision_of)
    await migrate(engine)
    async with reading(engine) as connection:
        new = await connection.run_sync(revision_of)
    await engine.dispose()

    assert (empty, old, new) == (None, "0003", newest_revision())


def _as_of_0003(connection: Connection) -> None:
    """Make a database as the release before media had it, with a file and half an upload."""
    upgrade(connection, "0003")
    for statement in (
        "INSERT INTO accounts (id, created_ms) VALUES ('W142hJk', 1)",
        "INSERT INTO api_keys (id, account, kind, hash, last_four, created_ms) VALUES"
        " ('1', 'W142hJk', 'secret', 'h', 'abcd', 1), ('2', 'W142hJk', 'public', 'i', 'efgh', 1)",
        "INSERT INTO files VALUES ('W142hJk', '/a/Ü.mp3', '/a', 'audio/x', 3, 'd', 'audio/mpeg',"
        " NULL, '[\"t\"]', '{\"k\": 1}', 5, 6)",
        "INSERT INTO uploads VALUES ('u', 'W142hJk', '/b', 'audio/y', 12, 5, 'audio/mpeg', 'b.mp3',"
        " '[\"u\"]', '{\"l\": 2}', 0, 'open', NULL, 7)",
        "INSERT INTO upload_parts VALUES ('u', 0, 'e', 1), ('u', 2, 'f', 0)",
    ):
        connection.exec_driver_sql(statement)


async def test_what_was_known_of_files_is_known_of_their_media(tmp_path: Path) -> None:
    engine = open_records(f"sqlite+aiosqlite:///{tmp_path}/old.db")
    async with engine.begin() as connection:
        await connection.run_sync(_as_of_0003)
    await migrate(engine)

    entry = await Catalogue(engine).find("W142hJk", "/a/Ü.mp3")
    assert entry is not None
    media = await MediaRows(engine).get("W142hJk", entry.media)
    assert media is not None
    assert (media.name, media.tags, media.metadata) == ("Ü", ("t",), {"k": 1})
    found, _ = await MediaRows(engine).find("W142hJk", Search(tags=("T",), pairs={"K": 1}))
    assert [each.id for each in found] == [entry.media]
    upload = await UploadRows(engine).get("u")
    assert upload is not None
    assert upload.draft == Draft(tags=("u",), metadata={"l": 2})
    async with reading(engine) as connection:
        parts = await connection.exec_driver_sql(
            "SELECT number, begin_bytes, size_bytes FROM upload_parts ORDER BY number"
        )
        scopes = await connection.exec_driver_sql("SELECT scopes FROM api_keys ORDER BY id")
        assert parts.all() == [(0, 0, 5), (2, 10, 2)]
        assert scopes.all() == [("*",), ("upload",)]
    await engine.dispose()


def _as_of_0006(connection: Connection) -> None:
    """Make a database as the release before jobs said what they are made of."""
    upgrade(connection, "0006")
    for key, state, subject in (
        ("a", "done", "/W142hJk/audio/a%20b%21c.wav?f=mp3"),
        ("b", "done", "/W142hJk/audio/talk.wav?f=mp3&append=%2Fo%C3%BC.wav&append=/talk.wav"),
        ("c", "cancelled", "/W142hJk/audio/talk.wav"),
        ("c", "done", "/W142hJk/audio/talk.wav"),
        ("d", "done", 'reset {"pattern":"/audio/talk.wav","permanent":true}'),
    ):
        connection.exec_driver_sql(
            "INSERT INTO jobs VALUES (?, ?, 'W142hJk', ?, ?, 0, 0, 1.0, 0, 0, 1, NULL, NULL, NULL,"
            " NULL, '{}', 0, 1, 1)",
            (f"{key} {state}", key, subject, state),
        )


async def test_what_was_made_before_is_found_by_its_files(tmp_path: Path) -> None:
    engine = open_records(f"sqlite+aiosqlite:///{tmp_path}/old.db")
    async with engine.begin() as connection:
        await connection.run_sync(_as_of_0006)
    await migrate(engine)

    async with reading(engine) as connection:
        rows = await connection.exec_driver_sql(
            "SELECT account, path, key, appended, gone_ms FROM job_sources ORDER BY key, path"
        )
        assert rows.all() == [
            ("W142hJk", "/a b!c.wav", "a", 0, None),
            ("W142hJk", "/oü.wav", "b", 1, None),
            ("W142hJk", "/talk.wav", "b", 0, None),
            ("W142hJk", "/talk.wav", "c", 0, None),
        ]
    await engine.dispose()
