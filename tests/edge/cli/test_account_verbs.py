from __future__ import annotations

import pytest

from tests.edge.cli.conftest import Command

ACCOUNT = "W142hJk"


def test_an_account_is_on_the_installation_s_plan_until_it_has_its_own(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_PLAN", "pro")
    monkeypatch.setenv("EDGE_QUOTA_SECONDS", "7")
    told = command("accounts", "show", "--json").json()

    assert told == {
        "account": ACCOUNT,
        "created": told["created"],
        "plan": "pro",
        "ownPlan": None,
        "quotaSeconds": 7,
        "storageQuotaBytes": None,
        "storageBytes": 0,
    }


def test_what_is_not_said_stays_as_it_is(command: Command) -> None:
    command("keys", "create", "--account", "2222222")

    def said(*words: str) -> tuple[object, ...]:
        told = command("accounts", "set", "2222222", "--json", *words).json()
        assert command("accounts", "show", "2222222", "--json").json() == told
        return told["plan"], told["quotaSeconds"], told["storageQuotaBytes"]

    assert said("--plan", "pro", "--quota-seconds", "60") == ("pro", 60, None)
    assert said("--storage-quota-bytes", "0") == ("pro", 60, 0)
    assert said("--plan", "default", "--quota-seconds", "default") == ("pro_plus", None, 0)
    assert command("accounts", "show", "--json").json()["storageQuotaBytes"] is None


def test_people_are_told_in_columns(command: Command) -> None:
    head, row = command("accounts", "show").out.splitlines()

    assert head.split()[:3] == ["account", "created", "plan"]
    assert row.split()[::2][:2] == [ACCOUNT, "pro_plus"]


def test_an_account_that_is_not_there_is_not_made(command: Command) -> None:
    for action in ("show", "set"):
        refused = command("accounts", action, "3333333")
        assert (refused.status, refused.out) == (1, "")
        assert "there is no account 3333333" in refused.err


@pytest.mark.parametrize(
    "words",
    [("--plan", "gold"), ("--quota-seconds", "-1"), ("--storage-quota-bytes", "1GiB")],
)
def test_a_value_that_is_none_is_refused(command: Command, words: tuple[str, ...]) -> None:
    refused = command("accounts", "set", ACCOUNT, *words)

    assert refused.status == 2
    assert words[1] in refused.err
