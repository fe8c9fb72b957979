from __future__ import annotations

import pytest

from tests.edge.cli.conftest import Command


@pytest.mark.parametrize("words", [("keys", "list"), ("ledger", "list"), ("purge",)])
def test_an_account_id_has_seven_base58_characters(
    command: Command, words: tuple[str, ...]
) -> None:
    refused = command(*words, "--account", "0OIl")

    assert (refused.status, refused.out) == (1, "")
    assert refused.err == ("audio-edge: '0OIl' is no account id: those are 7 base58 characters\n")


def test_an_empty_installation_has_nothing_to_tell(command: Command) -> None:
    assert command("keys", "list").out == "none\n"
    assert command("ledger", "list").out == "none\n"
    assert command("ledger", "totals", "--json").json() == []
    assert command("ledger", "reconcile", "--json").json() == {
        "jobsWithoutEntry": [],
        "entriesWithoutJob": [],
    }
    assert command("purge").out.startswith("0 artifacts removed")
