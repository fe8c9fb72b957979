"""``ledger`` and ``purge``: what an installation keeps, looked after."""

from __future__ import annotations

import argparse
import asyncio
import json

from edge.cli.asking import ask
from edge.cli.tables import account_given, moment, show
from edge.fill.resets import CacheResets
from edge.registry import Records, open_accounts
from edge.settings import Settings
from edge.stores import open_artifacts, open_buckets

_PAGE = 100


def list_entries(given: argparse.Namespace, settings: Settings) -> int:
    """List every ledger entry, newest first."""
    account = account_given(given, settings)

    async def entries(records: Records) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        cursor: str | None = None
        while True:
            page, cursor = await records.ledger.entries(account, cursor=cursor, limit=_PAGE)
            rows += [
                {
                    "at": moment(entry.at_ms),
                    "billedSeconds": float(entry.billed_seconds),
                    "seconds": entry.duration_ms / 1000,
                    "multiplier": entry.multiplier_thousandths / 1000,
                    "url": entry.url,
                    "key": entry.key,
                }
                for entry in page
            ]
            if cursor is None:
                return rows

    show(ask(settings, entries), as_json=given.json)
    return 0


def totals(given: argparse.Namespace, settings: Settings) -> int:
    """Sum up the ledger by account and month."""

    async def summed(records: Records) -> list[dict[str, object]]:
        return [
            {
                "month": total.month,
                "account": total.account,
                "billedSeconds": float(total.billed_seconds),
                "entries": total.entry_count,
            }
            for total in await records.ledger.totals(given.account)
        ]

    show(ask(settings, summed), as_json=given.json)
    return 0


def reconcile(given: argparse.Namespace, settings: Settings) -> int:
    """Compare jobs and entries."""

    async def reconciled(records: Records) -> dict[str, list[str]]:
        found = await records.ledger.reconcile()
        return {
            "jobsWithoutEntry": list(found.jobs_without_entry),
            "entriesWithoutJob": list(found.entries_without_job),
        }

    found = ask(settings, reconciled)
    if given.json:
        print(json.dumps(found))
    else:
        for name, keys in found.items():
            print(f"{name}: {', '.join(keys) or 'none'}")
    return 1 if any(found.values()) else 0


def purge(given: argparse.Namespace, settings: Settings) -> int:
    """Remove artifacts by a pattern."""
    if not given.pattern.startswith("/"):
        raise OSError(f"{given.pattern!r} is no pattern: expected one such as /audio/shows/*")
    account = account_given(given, settings)

    async def purged() -> int:
        async with (
            open_accounts(settings) as records,
            open_buckets(settings) as buckets,
            open_artifacts(settings, buckets) as artifacts,
        ):
            resets = CacheResets(artifacts, records.job_sources)
            return await resets.remove(account, given.pattern)

    print(
        f"{asyncio.run(purged())} artifacts removed; they are made again when asked for, unbilled"
    )
    return 0
