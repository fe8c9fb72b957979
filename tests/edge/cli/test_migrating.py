from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.records.migrate import newest_revision
from tests.edge.cli.conftest import Command
from tests.support.databases import Databases, patient

NEWEST = newest_revision()


@pytest.fixture
def empty_server(
    postgres_server: Databases, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A PostgreSQL database without tables, that the environment points at."""
    with postgres_server.fresh(migrated=False) as url:
        monkeypatch.setenv("EDGE_DATABASE_URL", url)
        yield url


def test_nothing_runs_on_a_server_before_it_is_migrated(
    empty_server: str, command: Command
) -> None:
    refused = command("keys", "list")
    examined = command("doctor", "--json").json()
    made = command("migrate")
    again = command("migrate")
    listed = command("keys", "list", "--json")
    records = command("doctor", "--json").json()["checks"]["records"]

    reason = (
        f"the database has no tables yet, and this version needs revision {NEWEST}: "
        "run 'audio-edge migrate'"
    )
    assert (refused.status, refused.err) == (1, f"audio-edge: {reason}\n")
    assert examined["checks"]["records"] == f"FAILED: {reason}"
    assert (made.status, made.out) == (0, f"The records have been made, at revision {NEWEST}.\n")
    assert again.out == f"The records are at revision {NEWEST}; there was nothing to do.\n"
    assert listed.status == 0
    assert records.startswith(f"revision {NEWEST}; jobs: 0 queued")


def test_nodes_that_migrate_together_do_it_once(empty_server: str) -> None:
    nodes = [
        subprocess.Popen(
            [sys.executable, "-m", "edge", "migrate"],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"EDGE_DATABASE_URL": empty_server, "PYTHONPATH": _ROOT},
        )
        for _ in range(3)
    ]
    said = sorted(node.communicate()[0] for node in nodes)

    assert [node.returncode for node in nodes] == [0, 0, 0]
    assert said == [
        f"The records are at revision {NEWEST}; there was nothing to do.\n",
        f"The records are at revision {NEWEST}; there was nothing to do.\n",
        f"The records have been made, at revision {NEWEST}.\n",
    ]


def test_a_newer_database_is_left_alone(empty_server: str, command: Command) -> None:
    command("migrate")
    asyncio.run(_set_revision(empty_server, "9999"))

    for verb in (("migrate",), ("keys", "list")):
        refused = command(*verb)
        assert refused.status == 1
        assert refused.err == (
            "audio-edge: this version is older than the database, which is at revision 9999; "
            f"the newest it knows is {NEWEST}: install the newer version here, too\n"
        )


def test_a_node_with_another_seal_is_refused_and_changes_nothing(
    empty_server: str, command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("migrate")
    key = command("keys", "create", "--json").json()
    seal_key = (folder / "data/seal.key").read_text().strip()
    monkeypatch.setenv("EDGE_DATA", str(folder / "second"))
    # Whoever uses a key seals it anew, which this node must not come to.
    monkeypatch.setenv("EDGE_BOOTSTRAP_SECRET_KEY", key["key"])
    refused = command("keys", "list")
    monkeypatch.setenv("EDGE_SEAL_KEY", seal_key)
    let_in = command("keys", "list")

    assert refused.status == 1
    assert f"sealed under another key ({key['id']})" in refused.err
    assert "EDGE_SEAL_KEY" in refused.err
    assert let_in.status == 0


_ROOT = str(Path(__file__).parents[3])


async def _set_revision(url: str, revision: str) -> None:
    engine = patient(url)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    await engine.dispose()
