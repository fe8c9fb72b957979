"""``webhooks``: their secret, where each stands, and sending one again."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from edge.accounts.seal import SealBroken
from edge.cli.tables import account_given, moment, show
from edge.library.webhooks.secrets.store import NoSuchAccount
from edge.registry import open_accounts
from edge.settings import Settings

_PAGE = 100


def show_secret(given: argparse.Namespace, settings: Settings) -> int:
    """Show what an account's webhooks are signed with, or replace it."""
    account = account_given(given, settings)

    async def signers() -> tuple[str, ...]:
        async with open_accounts(settings) as records:
            secrets = records.webhook_secrets
            return await (secrets.rotate(account) if given.rotate else secrets.signers(account))

    try:
        newest, *others = asyncio.run(signers())
    except NoSuchAccount:
        raise OSError(f"there is no account {account}; 'keys create' makes one") from None
    except SealBroken as broken:
        raise OSError(
            f"{broken} does not open: EDGE_SEAL_KEY or seal.key was changed; --rotate makes another"
        ) from broken
    if given.json:
        print(json.dumps({"account": account, "secret": newest, "signsToo": others}))
    else:
        print(newest)
    return 0


def list_events(given: argparse.Namespace, settings: Settings) -> int:
    """List an account's webhooks, newest first."""
    account = account_given(given, settings)

    async def listed() -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        cursor: str | None = None
        async with open_accounts(settings) as records:
            while True:
                events, cursor = await records.events.list(account, cursor=cursor, limit=_PAGE)
                rows += [
                    {
                        "id": event.id,
                        "kind": event.kind,
                        "state": event.state.value,
                        "attempts": event.attempts,
                        "created": moment(event.created_ms),
                        "error": event.last_error,
                        "url": event.url,
                    }
                    for event in events
                ]
                if cursor is None:
                    return rows

    show(asyncio.run(listed()), as_json=given.json)
    return 0


def retry(given: argparse.Namespace, settings: Settings) -> int:
    """Have a webhook sent again by whichever process looks next."""

    async def found() -> bool:
        async with open_accounts(settings) as records:
            return await records.events.retry(given.id) is not None

    if asyncio.run(found()):
        return 0
    print(f"audio-edge: there is no webhook {given.id}", file=sys.stderr)
    return 1
