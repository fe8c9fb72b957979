"""A database server that ends, comes back, or says nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.records.engine import open_records, presence_of, reading, writing
from edge.records.patience import until_there
from edge.records.presence import Presence
from edge.records.problems import RecordsAway
from tests.support.postgres import PostgresServer, own_postgres


@pytest.fixture(scope="module")
def server(postgres_server: object) -> Iterator[PostgresServer]:
    """A server of these tests' own; that of the run only says that one can be had."""
    with own_postgres() as server:
        yield server


@pytest.fixture
async def engine(server: PostgresServer) -> AsyncIterator[AsyncEngine]:
    engine = open_records(server.url, statement_seconds=0.5)
    yield engine
    await engine.dispose()


async def ask(engine: AsyncEngine) -> int:
    async with reading(engine) as connection:
        return int((await connection.execute(text("SELECT 1"))).scalar_one())


def processes_of(server: PostgresServer) -> list[int]:
    assert server._process is not None
    parent = server._process.pid
    found = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=True)
    return [parent, *map(int, found.stdout.split())]


async def test_a_server_that_is_gone_is_away_until_it_is_back(
    server: PostgresServer, engine: AsyncEngine
) -> None:
    assert await ask(engine) == 1
    server.stop()
    try:
        for _ in range(3):
            with pytest.raises(RecordsAway):
                await ask(engine)
        assert presence_of(engine).away
    finally:
        server.start()

    assert await until_there(lambda: ask(engine)) == 1
    assert not presence_of(engine).away


async def test_a_commit_whose_answer_is_lost_is_told_as_such(
    server: PostgresServer, engine: AsyncEngine
) -> None:
    with pytest.raises(RecordsAway):
        async with writing(engine) as connection:
            await connection.execute(text("SELECT 1"))
            server.stop()
    server.start()

    assert await until_there(lambda: ask(engine)) == 1


async def test_a_server_that_says_nothing_is_given_up(
    server: PostgresServer, engine: AsyncEngine
) -> None:
    assert await ask(engine) == 1
    frozen = processes_of(server)
    for each in frozen:
        os.kill(each, signal.SIGSTOP)
    try:
        with pytest.raises(RecordsAway):
            await ask(engine)
    finally:
        for each in frozen:
            os.kill(each, signal.SIGCONT)

    assert await until_there(lambda: ask(engine)) == 1


async def test_what_is_wrong_with_a_statement_is_not_the_servers_absence(
    engine: AsyncEngine,
) -> None:
    with pytest.raises(DBAPIError, match="nowhere"):
        async with reading(engine) as connection:
            await connection.execute(text("SELECT 1 FROM nowhere"))

    assert not presence_of(engine).away


async def test_a_database_that_does_not_exist_is_not_away(server: PostgresServer) -> None:
    engine = open_records(server.url.replace("/postgres", "/nowhere"))
    with pytest.raises(DBAPIError, match="does not exist"):
        await ask(engine)
    await engine.dispose()


async def test_while_it_is_away_one_try_a_second_is_let_pass() -> None:
    seconds = 100.0
    presence = Presence(lambda: seconds)
    presence.check()
    presence.note_away()
    with pytest.raises(RecordsAway):
        presence.check()
    seconds += 1
    presence.check()
    with pytest.raises(RecordsAway):
        presence.check()
    seconds += 30

    assert presence.away_seconds == 31
    presence.note_there()
    presence.check()
    assert presence.away_seconds == 0


async def test_what_must_be_said_is_said_again() -> None:
    answers = iter([RecordsAway(), "said"])

    async def say() -> str:
        answer = next(answers)
        if isinstance(answer, RecordsAway):
            raise answer
        return answer

    assert await asyncio.wait_for(until_there(say), 60) == "said"


async def test_a_statement_that_hangs_is_given_up_as_a_server_is(
    server: PostgresServer, engine: AsyncEngine
) -> None:
    other = open_records(server.url, statement_seconds=None)
    async with writing(other) as connection:
        await connection.execute(text("CREATE TABLE IF NOT EXISTS held (a int)"))
    async with writing(other) as connection:
        await connection.execute(text("LOCK TABLE held"))
        with pytest.raises(RecordsAway):
            async with writing(engine) as waiting:
                await waiting.execute(text("INSERT INTO held VALUES (1)"))

    async with reading(other) as connection:
        counted = await connection.execute(text("SELECT count(*) FROM held"))
        assert counted.scalar_one() == 0
    assert await until_there(lambda: ask(engine)) == 1
    await other.dispose()
