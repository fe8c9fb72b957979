from __future__ import annotations

import re
import uuid

import pytest

from edge import ids
from edge.ids import KeyKind


def test_account_ids_are_seven_base58_characters() -> None:
    assert all(ids.is_account_id(ids.new_account_id()) for _ in range(100))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("W142hJk", True),
        ("W142hJ", False),
        ("W142hJkk", False),
        ("W142hJ0", False),
        ("W142hJl", False),
        ("W142hJk\n", False),
        ("W142hJ٣", False),
        ("", False),
    ],
)
def test_an_account_id_is_told_by_its_shape(text: str, expected: bool) -> None:
    assert expected == ids.is_account_id(text)


def test_job_ids_are_ulids_and_differ() -> None:
    made = {ids.new_job_id() for _ in range(1000)}

    assert len(made) == 1000
    assert all(re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", job_id) for job_id in made)


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_key_names_its_kind_and_account(kind: KeyKind) -> None:
    key = ids.new_key(kind, "W142hJk")

    assert key.startswith(f"{kind}_W142hJk")
    assert (kind, "W142hJk") == (ids.kind_of_key(key), ids.account_of_key(key))
    # The Bytescale SDK reads the account like this.
    assert key.split("_")[1][:7] == "W142hJk"


@pytest.mark.parametrize(
    "text",
    ["", "free", "secret_W142hJk", "private_W142hJkabc", "secret_W142hJ0abc", "secret_W142hJka b"],
)
def test_what_is_not_shaped_like_a_key_names_no_account(text: str) -> None:
    assert (ids.kind_of_key(text), ids.account_of_key(text)) == (None, None)


@pytest.mark.parametrize(
    "media_id",
    [str(uuid.UUID(int=0)), str(uuid.UUID(int=58**21)), str(uuid.UUID(int=(1 << 128) - 1))],
)
def test_media_have_an_id_that_is_read_back(media_id: str) -> None:
    spelled = ids.audio_id(media_id)

    assert re.fullmatch("aud_[1-9A-HJ-NP-Za-km-z]{22}", spelled)
    assert media_id == ids.media_of_audio_id(spelled)


@pytest.mark.parametrize(
    "text", ["", "aud_", "aud_xK9mR2pQ7vB", "aud_" + "z" * 22, "aud_" + "1" * 21 + "0", "1" * 22]
)
def test_what_spells_no_media_is_nobody_s_id(text: str) -> None:
    assert ids.media_of_audio_id(text) is None


def test_keys_do_not_repeat() -> None:
    assert len({ids.new_key(KeyKind.SECRET, "W142hJk") for _ in range(1000)}) == 1000
