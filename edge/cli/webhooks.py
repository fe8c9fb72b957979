"""``webhooks``: their secret, where each stands, and sending one again."""

from __future__ import annotations

import argparse
import json
import sys

from edge.accounts.seal import SealBroken
from edge.cli.asking import ask
from edge.cli.tables import account_given, moment, show
from edge.library.webhooks.secrets.store import NoSuchAccount
from edge.registry import Records
from edge.settings import Settings

_PAGE = 100


def show_secret(given: argparse.Namespace, settings: Settings) -> int:
    """Show what an account's webhooks are signed with, or replace it."""
    account = account_given(given, settings)

    async def signers(records: Records) -> tuple[str, ...]:
        secrets = records.webhook_secrets
        return await (secrets.rotate(account) if given.rotate else secrets.signers(account))

    try:
        newest, *others = ask(settings, signers)
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

    async def listed(records: Records) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        cursor: str | None = None
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

    show(ask(settings, listed), as_json=given.json)
    return 0


def retry(given: argparse.Namespace, settings: Settings) -> int:
    """Have a webhook sent again by whichever process looks next."""

    async def found(records: Records) -> bool:
        return await records.events.retry(given.id) is not None

    if ask(settings, found):
        return 0
    print(f"audio-edge: there is no webhook {given.id}", file=sys.stderr)
    return 1
