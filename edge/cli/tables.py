"""What verbs say alike: whose things, when, and tables."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from edge import ids
from edge.settings import Settings


def account_given(given: argparse.Namespace, settings: Settings) -> str:
    """
    Return the account that a command is about, the first one if it does not say.

    Raises:
        OSError: That is none.
    """
    account: str = given.account or settings.account
    if not ids.is_account_id(account):
        raise OSError(f"{account!r} is no account id: those are 7 base58 characters")
    return account


def moment(milliseconds: int) -> str:
    """Spell a time as ISO 8601, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def show(rows: Iterable[Mapping[str, object]], *, as_json: bool) -> None:
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
    if isinstance(value, list):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
