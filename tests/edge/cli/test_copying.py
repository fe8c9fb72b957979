from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, text

from edge.records import copying
from edge.records.copy_mark import CopyMark
from edge.records.copying import COPIED, copy_records, opened
from edge.records.engine import reading, writing
from edge.records.migrate import migrate
from edge.records.problems import ForeignRecords
from tests.edge.cli.conftest import Command, Outcome
from tests.support.backend_fixtures import S3Bucket, S3Server
from tests.support.databases import Databases, patient

ACCOUNT = "W142hJk"
# More than a page of rows.
MANY = 1_200
BLOBS = 40
PATIENCE_SECONDS = 60

_KNOWN = {
    **{"accounts.id": ACCOUNT, "account": ACCOUNT, "kind": "secret", "jobs.state": "done"},
    **{"uploads.state": "open", "imports.state": "done", "events.state": "waiting"},
    **{"sealed": None, "webhook_secret": None, "gone_ms": None},
}
_ROOT = str(Path(__file__).parents[3])


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An installation with something in it, and where it is to go."""

    data: Path
    url: str
    blobs: Path
    command: Command

    @property
    def arguments(self) -> tuple[str, ...]:
        return ("copy-to", "--database-url", self.url, "--blobs", str(self.blobs))

    @property
    def source_url(self) -> str:
        return f"sqlite+aiosqlite:///{self.data}/edge.sqlite3"

    def run(self) -> Outcome:
        return self.command(*self.arguments)

    def is_complete(self) -> bool:
        """Tell whether the target has all that the source has, and nothing else."""
        return (
            _rows(self.source_url),
            _bytes(self.data / "blobs"),
            _bytes(self.data / "files"),
        ) == (
            _rows(self.url),
            {name: found for name, found in _bytes(self.blobs).items() if name[:6] != "files/"},
            _bytes(self.blobs / "files"),
        )


def _rows(url: str) -> dict[str, list[str]]:
    async def read() -> dict[str, list[str]]:
        engine = patient(url)
        async with reading(engine) as connection:
            found = {
                table.name: sorted(map(repr, (await connection.execute(select(table))).all()))
                for table in COPIED
            }
        await engine.dispose()
        return found

    return asyncio.run(read())


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _change(url: str, *statements: str) -> None:
    async def change() -> None:
        engine = patient(url)
        async with writing(engine) as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await engine.dispose()

    asyncio.run(change())


async def _furnish(url: str) -> None:
    engine = patient(url)
    await migrate(engine)
    async with writing(engine) as connection:
        for table in COPIED:
            rows = MANY if table.name in ("media", "files") else 1
            await connection.execute(insert(table), [_row(table, each) for each in range(rows)])
    await engine.dispose()


def _row(table: Table, number: int) -> dict[str, object]:
    """Make a row that is told from others of its table by its number."""
    row: dict[str, object] = {}
    for column in table.columns:
        # Bytes and languages order these differently.
        spelt = f"{number} {'aB'[number % 2]}ü" if column.name == "path" else str(number)
        plain = column.type.python_type
        value: object = spelt if plain is str else plain(1)
        row[column.name] = _KNOWN.get(f"{table.name}.{column.name}", _KNOWN.get(column.name, value))
    return row


@pytest.fixture
def move(postgres: str, folder: Path, command: Command) -> Iterator[Move]:
    data = folder / "data"
    data.mkdir()
    asyncio.run(_furnish(f"sqlite+aiosqlite:///{data}/edge.sqlite3"))
    for number in range(BLOBS):
        for name in (f"blobs/artifacts/{number:02}/receipt.json", f"files/audio/{number}.mp3"):
            path = data / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes([number]) * (1 + number))
    yield Move(data=data, url=postgres, blobs=folder / "shared", command=command)


def test_an_installation_is_copied_and_what_to_set_is_said(move: Move) -> None:
    done = move.run()

    assert (done.status, done.err) == (0, "")
    assert move.is_complete()
    assert f"uploads: {BLOBS} copied ({BLOBS * (BLOBS + 1) // 2} bytes), 0 there" in done.out
    assert f'EDGE_SEAL_KEY="$(cat {move.data / "seal.key"})"' in done.out


def test_blobs_are_copied_to_a_bucket(
    move: Move, s3: S3Bucket, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_S3_ENDPOINT", s3.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.secret)
    there = f"s3://{s3.bucket}/some/prefix"
    runs = [move.command("copy-to", "--database-url", move.url, "--blobs", there) for _ in range(2)]
    listed = s3_server.client.list_objects_v2(Bucket=s3.bucket)["Contents"]

    assert [run.status for run in runs] == [0, 0]
    assert f"uploads: 0 copied (0 bytes), {BLOBS} there before, 0 removed" in runs[1].out
    assert {each["Key"]: each["Size"] for each in listed} == {
        f"some/prefix/{name}": len(content)
        for folder, below in (("files", "files/"), ("blobs", ""))
        for name, content in (
            (below + each, found) for each, found in _bytes(move.data / folder).items()
        )
    }


def test_a_second_run_copies_what_has_changed_and_removes_what_is_gone(move: Move) -> None:
    move.run()
    _change(
        move.source_url,
        # A file that was moved keeps its media, which no two files may have.
        "UPDATE files SET path = 'elsewhere' WHERE path = '7 Bü'",
        "DELETE FROM files WHERE path = '8 aü'",
        "DELETE FROM media WHERE id = '8'",
        "UPDATE media SET title = 'another' WHERE id IN ('9', '1100')",
        "UPDATE jobs SET state = 'cancelled'",
    )
    (move.data / "files/audio/3.mp3").unlink()
    (move.data / "files/audio/4.mp3").write_bytes(b"replaced")
    done = move.run()

    assert done.status == 0
    assert move.is_complete()
    assert f"uploads: 1 copied (8 bytes), {BLOBS - 2} there before, 1 removed" in done.out
    assert f"artifacts: 0 copied (0 bytes), {BLOBS} there before, 0 removed" in done.out
    assert "media: 2 rows written, 1 removed" in done.out
    assert "files: 1 rows written, 2 removed" in done.out


def _has_blobs(move: Move) -> bool:
    return bool(_bytes(move.blobs))


def _has_rows(move: Move) -> bool:
    """Tell whether the first page of the first of two long tables is there."""

    async def count() -> int:
        engine = patient(move.url)
        async with reading(engine) as connection:
            found = await connection.execute(text("SELECT count(*) FROM media"))
            rows = int(found.scalar_one())
        await engine.dispose()
        return rows

    return asyncio.run(count()) > 0


@pytest.mark.parametrize("begun", [_has_rows, _has_blobs])
def test_a_run_that_is_killed_is_completed_by_the_next(
    move: Move, begun: Callable[[Move], bool]
) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-m", "edge", *move.arguments],
        env=os.environ | {"PYTHONPATH": _ROOT},
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not begun(move) and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not move.is_complete()

    assert move.run().status == 0
    assert move.is_complete()


def test_another_installations_records_are_left_alone(move: Move) -> None:
    _change(move.url, f"INSERT INTO accounts (id, created_ms) VALUES ('{ACCOUNT}', 77)")
    before = _rows(move.url)
    refused = move.run()

    assert refused.status == 1
    assert f"accounts of another installation ({ACCOUNT})" in refused.err
    assert before == _rows(move.url)
    assert _bytes(move.blobs) == {}


@pytest.mark.parametrize(
    "work",
    [
        (f"INSERT INTO ledger VALUES ('new', '{ACCOUNT}', '/', 1, 750, 1)",),
        (
            "INSERT INTO media (id, account, title, description, tags, metadata, qualities,"
            " search_text, search_tags, search_pairs, created_ms, updated_ms)"
            f" VALUES ('new', '{ACCOUNT}', '', '', '[]', '{{}}', '[]', '', '', '', 1, 1)",
            "INSERT INTO files (account, path, folder, blob, size_bytes, digest, mime, media,"
            " created_ms, modified_ms)"
            f" VALUES ('{ACCOUNT}', '/new', '/', 'new', 3, '', '', 'new', 1, 1)",
        ),
        ("UPDATE media SET title = 'retitled' WHERE id = '9'",),
        ("DELETE FROM folders",),
    ],
    ids=["billed", "uploaded", "changed", "deleted"],
)
def test_a_copy_that_nodes_have_worked_with_is_left_alone(
    move: Move, work: tuple[str, ...]
) -> None:
    move.run()
    _change(move.url, *work)
    (move.blobs / "files/new").write_bytes(b"new")
    before = _rows(move.url), _bytes(move.blobs)
    refused = move.run()

    assert refused.status == 1
    assert "nodes have worked with the target since it was copied" in refused.err
    assert before == (_rows(move.url), _bytes(move.blobs))


def test_records_that_were_not_copied_are_left_alone(move: Move) -> None:
    _change(
        move.url,
        "INSERT INTO folders (account, path, parent, made, created_ms)"
        f" VALUES ('{ACCOUNT}', '/mine', '/', true, 1)",
    )
    before = _rows(move.url)
    refused = move.run()

    assert refused.status == 1
    assert "records that were not copied there" in refused.err
    assert (before, {}) == (_rows(move.url), _bytes(move.blobs))


@pytest.mark.parametrize("what", ["files/aa/precious", "artifacts/0f/precious"])
@pytest.mark.parametrize("copied_before", [False, True])
def test_another_installations_bytes_are_left_alone(
    move: Move, folder: Path, what: str, copied_before: bool
) -> None:
    if copied_before:
        move.run()
    before = _rows(move.url)
    elsewhere = folder / "theirs"
    (elsewhere / what).parent.mkdir(parents=True)
    (elsewhere / what).write_bytes(b"the only copy")
    refused = move.command("copy-to", "--database-url", move.url, "--blobs", str(elsewhere))

    assert refused.status == 1
    assert f"at {elsewhere} that were not copied there with this database" in refused.err
    assert (before, {what: b"the only copy"}) == (_rows(move.url), _bytes(elsewhere))


def test_records_that_were_copied_in_part_are_completed(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = copying._write

    async def cut_off(*given: Any) -> tuple[int, int]:
        if given[2].name == "files":
            raise OSError("cut off")
        return await write(*given)

    with monkeypatch.context() as patched:
        patched.setattr(copying, "_write", cut_off)
        assert move.run().status == 1
    assert len(_rows(move.url)["media"]) == MANY
    assert not move.is_complete()

    assert move.run().status == 0
    assert move.is_complete()


def test_two_copies_to_one_target_do_not_mix(move: Move) -> None:
    move.run()
    _change(move.source_url, "UPDATE media SET title = 'another' WHERE id = '9'")

    async def copy_with_what_was_true_before() -> None:
        async with opened(move.source_url) as here, opened(move.url) as there:
            await copy_records(here, there, CopyMark(place="", sum=1))

    before = _rows(move.url)
    with pytest.raises(ForeignRecords, match="another copy-to works on this target"):
        asyncio.run(copy_with_what_was_true_before())

    assert before == _rows(move.url)


def test_a_database_of_one_machine_is_no_target(move: Move, folder: Path) -> None:
    url = f"sqlite:///{folder}/new.sqlite3"
    refused = move.command("copy-to", "--database-url", url, "--blobs", str(move.blobs))

    assert refused.status == 1
    assert refused.err.startswith("audio-edge: --database-url has to be of a PostgreSQL database")
    assert not (folder / "new.sqlite3").exists()


def test_a_target_that_is_not_migrated_is_refused(
    move: Move, postgres_server: Databases, command: Command
) -> None:
    with postgres_server.fresh(migrated=False) as url:
        refused = command("copy-to", "--database-url", url, "--blobs", str(move.blobs))

    assert refused.status == 1
    assert "run 'audio-edge migrate'" in refused.err


def test_the_place_in_use_is_no_target(move: Move, command: Command) -> None:
    refused = command("copy-to", "--database-url", move.source_url, "--blobs", str(move.blobs))

    assert (refused.status, refused.err) == (
        1,
        "audio-edge: --database-url and --blobs have to name other places than those in use here\n",
    )
