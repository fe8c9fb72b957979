from __future__ import annotations

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.schema import SchemaItem

from edge.library.catalogue.store import Catalogue
from edge.library.media.media import Draft
from edge.library.media.store import MediaRows, Search
from edge.library.uploads.store import UploadRows
from edge.records.engine import reading
from edge.records.migrate import (
    _POSTGRESQL_LOCK,
    MIGRATIONS,
    migrate,
    newest_revision,
    require_newest,
    revision_of,
    upgrade,
)
from edge.records.problems import WrongRevision
from edge.records.tables import metadata
from tests.support.databases import Databases, patient


def _differences(connection: Connection) -> object:
    def is_compared(item: SchemaItem, *_: object) -> bool:
        # SQLite numbers rows without being told, and Alembic takes that for a difference.
        return connection.dialect.name != "sqlite" or getattr(item, "identity", None) is None

    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            "compare_server_default": True,
            "include_object": is_compared,
        },
    )
    return compare_metadata(context, metadata)


async def test_the_migrations_make_the_tables_the_code_expects(records: AsyncEngine) -> None:
    async with reading(records) as connection:
        assert await connection.run_sync(_differences) == []


def _constraints(connection: Connection) -> dict[str, list[str]]:
    inspector = inspect(connection)
    return {
        table: sorted(
            str(each)
            for each in (
                *inspector.get_check_constraints(table),
                *inspector.get_foreign_keys(table),
                inspector.get_pk_constraint(table),
                *inspector.get_unique_constraints(table),
            )
        )
        for table in metadata.tables
    }


async def test_the_migrations_make_the_same_constraints(new_database: str) -> None:
    engine = patient(new_database)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        expected = await connection.run_sync(_constraints)
        await connection.run_sync(metadata.drop_all)
    await migrate(engine)
    async with reading(engine) as connection:
        made = await connection.run_sync(_constraints)
    await engine.dispose()

    assert expected == made


async def test_nodes_that_start_together_migrate_once(new_database: str) -> None:
    nodes = [patient(new_database) for _ in range(5)]
    done = await asyncio.gather(*(migrate(node) for node in nodes))
    async with reading(nodes[0]) as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    for node in nodes:
        await node.dispose()

    assert [each.before for each in done].count(None) == 1
    assert {each.after for each in done} == {newest_revision()}
    assert sorted(tables) == sorted([*metadata.tables, "alembic_version"])


def test_the_newest_revision_is_the_end_of_the_chain() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [newest_revision()]


async def test_a_database_says_its_revision(new_database: str) -> None:
    engine = patient(new_database)
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
        " '[\"u\"]', '{\"l\": 2}', false, 'open', NULL, 7)",
        "INSERT INTO upload_parts VALUES ('u', 0, 'e', true), ('u', 2, 'f', false)",
    ):
        connection.exec_driver_sql(statement)


async def test_what_was_known_of_files_is_known_of_their_media(new_database: str) -> None:
    engine = patient(new_database)
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
        connection.execute(
            text(
                "INSERT INTO jobs VALUES (:id, :key, 'W142hJk', :subject, :state, 0, 0, 1.0, 0, 0,"
                " 1, NULL, NULL, NULL, NULL, '{}', false, 1, 1)"
            ),
            {"id": f"{key} {state}", "key": key, "subject": subject, "state": state},
        )


async def test_what_was_made_before_is_found_by_its_files(new_database: str) -> None:
    engine = patient(new_database)
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


# What columns with rules of their own may hold, in every revision that has them.
_KNOWN = {
    **{"accounts.id": "W142hJk", "uploads.state": "open", "events.state": "delivered"},
    **{"account": "W142hJk", "kind": "secret", "state": "done", "scopes": "*"},
    **{"path": "/a/b.mp3", "folder": "/a", "subject": "/W142hJk/audio/a/b.mp3?f=mp3"},
    **{"tags": "[]", "metadata": "{}", "details": "{}", "permissions": "{}"},
}
REVISIONS = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _with_rows(connection: Connection, revision: str) -> dict[str, int]:
    """Make a database as of a revision, with a row in each table; count the rows."""
    upgrade(connection, revision)
    there = MetaData()
    there.reflect(connection)
    counts: dict[str, int] = {}
    for table in there.sorted_tables:
        if table.name == "alembic_version":
            continue
        row = {
            column.name: _KNOWN.get(
                f"{table.name}.{column.name}",
                _KNOWN.get(column.name, column.type.python_type(1)),
            )
            for column in table.columns
            if not column.nullable
        }
        connection.execute(table.insert(), row)
        counts[table.name] = 1
    return counts


def _counted(connection: Connection) -> dict[str, int]:
    return {
        name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
        for name in metadata.tables
    }


@pytest.mark.parametrize("revision", REVISIONS)
async def test_no_row_of_an_earlier_release_is_lost(new_database: str, revision: str) -> None:
    engine = patient(new_database)
    async with engine.begin() as connection:
        before = await connection.run_sync(_with_rows, revision)
    await migrate(engine)
    async with reading(engine) as connection:
        after = await connection.run_sync(_counted)
        differences = await connection.run_sync(_differences)
    await engine.dispose()

    assert differences == []
    assert {name: after[name] for name in before} == before


async def test_a_server_database_is_not_used_before_it_is_migrated(
    postgres_server: Databases,
) -> None:
    with postgres_server.fresh(migrated=False) as url:
        engine = patient(url)
        with pytest.raises(WrongRevision, match=r"has no tables yet.*run 'audio-edge migrate'"):
            await require_newest(engine)
        async with engine.begin() as connection:
            await connection.run_sync(upgrade, "0003")
        with pytest.raises(WrongRevision, match=r"at revision 0003.*run 'audio-edge migrate'"):
            await require_newest(engine)
        await migrate(engine)
        await require_newest(engine)
        await engine.dispose()


async def test_a_newer_database_is_neither_used_nor_migrated(new_database: str) -> None:
    engine = patient(new_database)
    await migrate(engine)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(WrongRevision, match="this version is older than the database"):
        await migrate(engine)
    await engine.dispose()


async def test_whoever_starts_during_a_migration_waits_for_its_end(
    postgres_server: Databases,
) -> None:
    with postgres_server.fresh(migrated=False) as url:
        engine = patient(url)
        async with engine.connect() as migrating:
            await migrating.execute(text(f"SELECT pg_advisory_lock({_POSTGRESQL_LOCK})"))
            with pytest.raises(WrongRevision, match="still being migrated"):
                await require_newest(engine, patience_seconds=0)
            waiting = asyncio.create_task(require_newest(engine))
            await asyncio.sleep(0)
            await migrating.run_sync(upgrade, "head")
            await migrating.commit()
            assert not waiting.done()
            await migrating.execute(text(f"SELECT pg_advisory_unlock({_POSTGRESQL_LOCK})"))
            await waiting
        await engine.dispose()
