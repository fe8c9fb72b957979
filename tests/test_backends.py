"""The servers that tests stand on: there when asked for, and gone with the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

from tests.support.backend_fixtures import S3Bucket, S3Server
from tests.support.databases import Databases, in_a_loop_of_its_own
from tests.support.postgres import open_folder, own_postgres

ROOT = Path(__file__).parent.parent
PATIENCE_SECONDS = 60


def _fetch(url: str, query: str) -> object:
    async def fetch() -> object:
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(plain)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return in_a_loop_of_its_own(fetch)


def test_a_database_is_up_to_date_and_ones_own(postgres: str, postgres_server: Databases) -> None:
    with postgres_server.fresh(migrated=False) as other:
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'jobs'"
        _fetch(postgres, "INSERT INTO accounts (id, created_ms) VALUES ('W142hJk', 1) RETURNING 1")

        assert [_fetch(url, tables) for url in (postgres, other)] == [1, 0]


def test_a_database_orders_text_as_a_language_does(postgres: str) -> None:
    assert _fetch(postgres, "SELECT 'a' < 'B'") is True


def test_a_server_that_is_ended_at_once_keeps_what_was_committed() -> None:
    with own_postgres() as server:
        _fetch(server.url, "CREATE TABLE kept AS SELECT 7 AS number")
        server.stop()
        assert not server.is_up
        server.start()

        assert _fetch(server.url, "SELECT number FROM kept") == 7


def test_a_bucket_is_empty_and_is_removed_with_what_is_in_it(s3_server: S3Server) -> None:
    with s3_server.fresh() as bucket:
        s3_server.client.put_object(Bucket=bucket.bucket, Key="a/b", Body=b"sound")
        s3_server.client.create_multipart_upload(Bucket=bucket.bucket, Key="c")
    with s3_server.fresh() as other:
        assert "Contents" not in s3_server.client.list_objects_v2(Bucket=other.bucket)

    names = [each["Name"] for each in s3_server.client.list_buckets()["Buckets"]]
    assert not {bucket.bucket, other.bucket} & set(names)


def test_the_product_sees_nothing_of_it(postgres_server: Databases) -> None:
    assert [name for name in os.environ if name.startswith("EDGE_TEST_")] == []


def test_every_test_has_a_bucket_of_its_own(s3: S3Bucket, s3_server: S3Server) -> None:
    with s3_server.fresh() as other:
        assert other.bucket != s3.bucket


def test_nothing_is_left_of_a_run_that_is_killed() -> None:
    # PostgreSQL's own user cannot enter the folders of tests.
    with open_folder() as folder:
        run = subprocess.Popen(
            [sys.executable, "-c", _RUN],
            cwd=ROOT,
            env={
                **{name: text for name, text in os.environ.items() if "TEST_BACKENDS" not in name},
                "TMPDIR": str(folder),
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        assert run.stdout is not None
        ready = run.stdout.readline()
        # One keeper has no time to end its server, the other has.
        os.kill(int(next(folder.glob("*/postgres.keeper")).read_text()), signal.SIGKILL)
        run.kill()
        run.wait()
        run.stdout.close()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while _left(folder) and time.monotonic() < deadline:
            time.sleep(0.1)

        assert ready == "ready\n"
        assert _left(folder) == []


_RUN = """
import time
from tests.support.backends import POSTGRES, S3, obtain, run_of_tests
with run_of_tests():
    obtain(POSTGRES)
    obtain(S3)
    print("ready", flush=True)
    time.sleep(600)
"""


def _left(folder: Path) -> list[str]:
    """Name what is left in a folder, and the processes whose command line tells of it."""
    commands = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return [command for command in commands if str(folder) in command] + [
        str(path) for path in folder.iterdir()
    ]
