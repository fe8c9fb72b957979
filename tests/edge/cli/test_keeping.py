from __future__ import annotations

import pytest

from tests.edge.cli.conftest import Command


def test_keys_are_made_listed_and_revoked(command: Command) -> None:
    made = command("keys", "create", "--kind", "public", "--json").json()
    listed = command("keys", "list", "--json").json()

    assert set(made) == {"account", "id", "kind", "key"}
    assert (made["account"], made["kind"]) == ("W142hJk", "public")
    assert made["key"].startswith("public_W142hJk")
    assert listed == [
        {
            "id": made["id"],
            "account": "W142hJk",
            "kind": "public",
            "ends": made["key"][-4:],
            "created": listed[0]["created"],
            "revoked": None,
        }
    ]
    assert command("keys", "revoke", made["id"]).status == 0
    assert command("keys", "list", "--json").json()[0]["revoked"] is not None
    again = command("keys", "revoke", made["id"])
    assert (again.status, again.out) == (1, "")
    assert f"no working key {made['id']}" in again.err


def test_a_key_makes_its_account_if_it_is_new(command: Command) -> None:
    made = command("keys", "create", "--account", "abcdefg", "--json").json()

    assert made["key"].startswith("secret_abcdefg")
    assert command("keys", "list", "--account", "abcdefg").out.splitlines()[0].split() == [
        *("id", "account", "kind", "ends", "created", "revoked")
    ]


def test_a_key_by_itself_is_all_that_is_printed(command: Command) -> None:
    made = command("keys", "create")

    assert made.out.startswith("secret_W142hJk")
    assert made.out.count("\n") == 1


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
