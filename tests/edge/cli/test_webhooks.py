from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge.library.webhooks.store import add
from edge.records.engine import open_records, writing
from tests.edge.cli.conftest import Command

NOBODY = "abcdefg"


def test_a_secret_is_shown_again_until_it_is_replaced(command: Command) -> None:
    shown = command("webhooks", "secret").out
    assert shown.startswith("whsec_")
    assert shown.count("\n") == 1
    assert command("webhooks", "secret").out == shown

    replaced = command("webhooks", "secret", "--rotate", "--json").json()

    assert {"account": "W142hJk", "secret": replaced["secret"], "signsToo": [shown.strip()]} == (
        replaced
    )
    assert command("webhooks", "secret").out.strip() == replaced["secret"] != shown.strip()


def test_an_account_that_is_not_there_has_no_secret(command: Command) -> None:
    refused = command("webhooks", "secret", "--account", NOBODY)

    assert (refused.status, refused.out) == (1, "")
    assert refused.err == f"audio-edge: there is no account {NOBODY}; 'keys create' makes one\n"


def test_a_changed_seal_is_told_as_such(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command("webhooks", "secret")
    monkeypatch.setenv("EDGE_SEAL_KEY", "A" * 43 + "=")

    refused = command("webhooks", "secret")

    assert (refused.status, refused.out) == (1, "")
    assert "seal.key was changed; --rotate makes another" in refused.err
    assert command("webhooks", "secret", "--rotate").status == 0


def test_webhooks_are_listed_and_sent_again(command: Command, folder: Path) -> None:
    assert command("webhooks", "list").out == "none\n"
    told = asyncio.run(tell(folder))

    (listed,) = command("webhooks", "list", "--json").json()

    assert {
        "id": told,
        "kind": "test",
        "state": "waiting",
        "attempts": 0,
        "created": listed["created"],
        "error": None,
        "url": "https://a.example/",
    } == listed
    assert command("webhooks", "retry", told).status == 0
    unknown = command("webhooks", "retry", "01M")
    assert (unknown.status, unknown.err) == (1, "audio-edge: there is no webhook 01M\n")


async def tell(folder: Path) -> str:
    engine = open_records(f"sqlite+aiosqlite:///{folder / 'data' / 'edge.sqlite3'}")
    try:
        async with writing(engine) as connection:
            return await add(
                connection, account="W142hJk", kind="test", url="https://a.example/", body="{}"
            )
    finally:
        await engine.dispose()
