"""``keys``, ``ledger`` and ``purge``: what an installation keeps, looked after."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from edge import ids
from edge.fill.resets import matcher
from edge.ids import KeyKind
from edge.node import open_artifacts
from edge.registry import open_accounts
from edge.settings import Settings

_PAGE = 100


def list_keys(given: argparse.Namespace, settings: Settings) -> int:
    """List an account's keys."""
    account = _account(given, settings)

    async def listed() -> list[dict[str, object]]:
        async with open_accounts(settings) as records:
            return [
                {
                    "id": key.id,
                    "account": key.account,
                    "kind": key.kind.value,
                    "ends": key.last_four,
                    "created": _moment(key.created_ms),
                    "revoked": key.revoked_ms and _moment(key.revoked_ms),
                }
                for key in await records.accounts.list_keys(account)
            ]

    _show(asyncio.run(listed()), as_json=given.json)
    return 0


def create_key(given: argparse.Namespace, settings: Settings) -> int:
    """Make a key, and the account if it is new."""
    account = _account(given, settings)

    async def created() -> dict[str, object]:
        async with open_accounts(settings) as records:
            made = await records.accounts.create_key(account, KeyKind(given.kind))
            return {
                "account": made.account,
                "id": made.id,
                "kind": made.kind.value,
                "key": made.key,
            }

    made = asyncio.run(created())
    print(json.dumps(made) if given.json else made["key"])
    return 0


def revoke_key(given: argparse.Namespace, settings: Settings) -> int:
    """Revoke a key for good."""
    account = _account(given, settings)

    async def revoked() -> bool:
        async with open_accounts(settings) as records:
            return await records.accounts.revoke_key(account, given.id)

    if asyncio.run(revoked()):
        if given.json:
            print(json.dumps({"account": account, "id": given.id, "revoked": True}))
        return 0
    print(f"audio-edge: account {account} has no working key {given.id}", file=sys.stderr)
    return 1


def list_entries(given: argparse.Namespace, settings: Settings) -> int:
    """List every ledger entry, newest first."""
    account = _account(given, settings)

    async def entries() -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        async with open_accounts(settings) as records:
            cursor: str | None = None
            while True:
                page, cursor = await records.ledger.entries(account, cursor=cursor, limit=_PAGE)
                rows += [
                    {
                        "at": _moment(entry.at_ms),
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

    _show(asyncio.run(entries()), as_json=given.json)
    return 0


def totals(given: argparse.Namespace, settings: Settings) -> int:
    """Sum up the ledger by account and month."""

    async def summed() -> list[dict[str, object]]:
        async with open_accounts(settings) as records:
            return [
                {
                    "month": total.month,
                    "account": total.account,
                    "billedSeconds": float(total.billed_seconds),
                    "entries": total.entry_count,
                }
                for total in await records.ledger.totals(given.account)
            ]

    _show(asyncio.run(summed()), as_json=given.json)
    return 0


def reconcile(given: argparse.Namespace, settings: Settings) -> int:
    """Compare jobs and entries."""

    async def reconciled() -> dict[str, list[str]]:
        async with open_accounts(settings) as records:
            found = await records.ledger.reconcile()
            return {
                "jobsWithoutEntry": list(found.jobs_without_entry),
                "entriesWithoutJob": list(found.entries_without_job),
            }

    found = asyncio.run(reconciled())
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
    account = _account(given, settings)

    async def purged() -> int:
        async with open_artifacts(settings) as artifacts:
            return await artifacts.purge(account, matcher(given.pattern))

    print(
        f"{asyncio.run(purged())} artifacts removed; they are made again when asked for, unbilled"
    )
    return 0


def _account(given: argparse.Namespace, settings: Settings) -> str:
    account: str = given.account or settings.account
    if not ids.is_account_id(account):
        raise OSError(f"{account!r} is no account id: those are 7 base58 characters")
    return account


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _show(rows: Iterable[Mapping[str, object]], *, as_json: bool) -> None:
    """Print rows as JSON, or as columns with a header."""
    rows = list(rows)
    if as_json:
        print(json.dumps(rows))
        return
    if not rows:
        print("none")
        return
    table = [list(rows[0]), *([_cell(v) for v in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
