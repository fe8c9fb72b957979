"""``accounts``: what an account may use, shown and set by the operator."""

from __future__ import annotations

import argparse
import json
import sys

from edge.accounts.plans import Plan
from edge.accounts.store import Account
from edge.cli.asking import ask
from edge.cli.parser import DEFAULT
from edge.cli.tables import account_given, moment, show
from edge.registry import Records
from edge.settings import Settings


def show_account(given: argparse.Namespace, settings: Settings) -> int:
    """Show an account's plan, its quotas, and how much it stores."""
    account = account_given(given, settings)

    async def shown(records: Records) -> dict[str, object] | None:
        known = await records.accounts.get(account)
        return None if known is None else await _told(records, known, settings)

    return _tell(ask(settings, shown), account, as_json=given.json)


def set_account(given: argparse.Namespace, settings: Settings) -> int:
    """Change an account's plan or quotas; what is not said stays as it is."""
    account = account_given(given, settings)

    async def changed(records: Records) -> dict[str, object] | None:
        known = await records.accounts.get(account)
        if known is None:
            return None
        if given.plan is not None:
            plan = None if given.plan == DEFAULT else given.plan
            await records.accounts.set_plan(account, plan)
        await records.accounts.set_quota(
            account,
            quota_seconds=_limit(given.quota_seconds, known.quota_seconds),
            storage_quota_bytes=_limit(given.storage_quota_bytes, known.storage_quota_bytes),
        )
        known = await records.accounts.get(account)
        return None if known is None else await _told(records, known, settings)

    return _tell(ask(settings, changed), account, as_json=given.json)


async def _told(records: Records, known: Account, settings: Settings) -> dict[str, object]:
    return {
        "account": known.id,
        "created": moment(known.created_ms),
        "plan": known.plan or Plan(settings.plan).value,
        "ownPlan": known.plan,
        "quotaSeconds": _or(known.quota_seconds, settings.quota_seconds),
        "storageQuotaBytes": _or(known.storage_quota_bytes, settings.storage_quota_bytes),
        "storageBytes": await records.catalogue.stored_bytes(known.id),
    }


def _tell(told: dict[str, object] | None, account: str, *, as_json: bool) -> int:
    if told is None:
        print(
            f"audio-edge: there is no account {account}; 'keys create' makes one", file=sys.stderr
        )
        return 1
    if as_json:
        print(json.dumps(told))
    else:
        show([told], as_json=False)
    return 0


def _limit(given: int | str | None, known: int | None) -> int | None:
    """Take what was said, None for the default; else what is known."""
    if given is None:
        return known
    return given if isinstance(given, int) else None


def _or(own: int | None, default: int | None) -> int | None:
    return default if own is None else own
