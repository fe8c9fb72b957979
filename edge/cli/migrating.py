"""``migrate``: the records, brought to the revision that this version works with."""

from __future__ import annotations

import argparse
import asyncio

from edge.records.engine import open_records
from edge.records.migrate import Migration, migrate
from edge.settings import Settings


def migrate_records(_: argparse.Namespace, settings: Settings) -> int:
    """Apply the migrations that the database has not seen yet."""
    done = asyncio.run(_migrate(settings))
    if done.before == done.after:
        print(f"The records are at revision {done.after}; there was nothing to do.")
    elif done.before is None:
        print(f"The records have been made, at revision {done.after}.")
    else:
        print(f"The records went from revision {done.before} to {done.after}.")
    return 0


async def _migrate(settings: Settings) -> Migration:
    await asyncio.to_thread(settings.data.mkdir, parents=True, exist_ok=True)
    engine = open_records(settings.records_url, statement_seconds=None)
    try:
        return await migrate(engine)
    finally:
        await engine.dispose()
