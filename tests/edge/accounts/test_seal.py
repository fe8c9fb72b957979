from __future__ import annotations

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.accounts.seal import Seal, SealBroken, seal_key_in

SECRET = "secret_W142hJkSecretForTestsOnly"


def test_what_was_sealed_is_opened_again() -> None:
    seal = Seal(bytes(32))

    assert seal.open(seal.close(SECRET, of="key one"), of="key one") == SECRET


def test_a_seal_shows_nothing_of_its_secret_and_is_never_the_same() -> None:
    seal = Seal(bytes(32))
    first, second = (seal.close(SECRET, of="key one") for _ in range(2))

    assert first != second
    assert SECRET.encode() not in base64.b64decode(first.partition(".")[2])


@pytest.mark.parametrize("of", ["key two", ""])
def test_a_seal_that_was_moved_to_another_row_does_not_open(of: str) -> None:
    seal = Seal(bytes(32))
    sealed = seal.close(SECRET, of="key one")
    with pytest.raises(SealBroken):
        seal.open(sealed, of=of)


def test_a_seal_does_not_open_with_another_key() -> None:
    sealed = Seal(bytes(32)).close(SECRET, of="key one")
    with pytest.raises(SealBroken):
        Seal(b"\1" * 32).open(sealed, of="key one")


def test_no_changed_byte_of_a_seal_passes() -> None:
    seal = Seal(bytes(32))
    version, _, text = seal.close(SECRET, of="key one").partition(".")
    content = base64.b64decode(text)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            seal.open(f"{version}.{base64.b64encode(changed).decode()}", of="key one")


@pytest.mark.parametrize("sealed", ["", "1.", "1.é", "1.AAAA", "1." + "A" * 22, SECRET])
def test_what_is_no_seal_does_not_open(sealed: str) -> None:
    with pytest.raises(SealBroken):
        Seal(bytes(32)).open(sealed, of="key one")


def test_a_seal_of_another_version_does_not_open() -> None:
    seal = Seal(bytes(32))
    sealed = seal.close(SECRET, of="key one")
    with pytest.raises(SealBroken, match="version '2'"):
        seal.open("2" + sealed[1:], of="key one")


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Seal(bytes(length))


def test_the_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "seal.key"
    key = seal_key_in(file)

    assert len(key) == 32
    assert key == seal_key_in(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [file] == list(tmp_path.iterdir())


def test_all_who_start_together_get_the_same_key(tmp_path: Path) -> None:
    file = tmp_path / "seal.key"
    with ThreadPoolExecutor(16) as starters:
        keys = set(starters.map(lambda _: seal_key_in(file), range(64)))

    assert {seal_key_in(file)} == keys
    assert [file] == list(tmp_path.iterdir())


def test_a_file_that_holds_something_else_is_told_and_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "seal.key"
    file.write_text("no key")
    with pytest.raises(OSError, match=r"seal\.key does not hold base64 of 32 bytes"):
        seal_key_in(file)

    assert file.read_text() == "no key"
