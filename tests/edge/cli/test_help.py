from __future__ import annotations

import pytest

from tests.edge.cli.conftest import Command

VERBS = ("serve", "worker", "plan", "render", "probe", "keys", "ledger", "purge", "doctor")


def test_every_verb_is_listed(command: Command) -> None:
    listed = command("--help")

    assert listed.status == 0
    for verb in VERBS:
        assert f"\n    {verb} " in listed.out


@pytest.mark.parametrize(
    "words",
    [
        *((verb,) for verb in VERBS),
        *(("keys", action) for action in ("list", "create", "revoke")),
        *(("ledger", action) for action in ("list", "totals", "reconcile")),
    ],
    ids=" ".join,
)
def test_every_verb_says_what_it_takes(command: Command, words: tuple[str, ...]) -> None:
    told = command(*words, "--help")

    assert told.status == 0
    assert told.out.startswith(f"usage: audio-edge {' '.join(words)}")
    if words not in (("keys",), ("ledger",)):
        assert "--root" in told.out
        assert "--data" in told.out


@pytest.mark.parametrize(
    "words", [(), ("nonsense",), ("plan",), ("render", "/x"), ("serve", "--port", "x"), ("keys",)]
)
def test_a_wrong_command_line_is_status_2(command: Command, words: tuple[str, ...]) -> None:
    refused = command(*words)

    assert (refused.status, refused.out) == (2, "")
    assert refused.err.startswith("usage: audio-edge")
