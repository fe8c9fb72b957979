"""
The identifiers this product hands out, and how they are told apart.

An account id is exactly seven base58 characters: that length is what lets ``/{account}/raw/…``
share a host with every other door, and what the Bytescale SDK cuts out of an API key.
"""

from __future__ import annotations

import re
import secrets
import uuid
from enum import StrEnum

from ulid import ULID

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ACCOUNT_ID_LENGTH = 7
UPLOAD_ID_LENGTH = 16
# 28 base58 characters are 164 bits, beyond guessing even for whoever holds the stored hashes.
KEY_RANDOM_LENGTH = 28
# So many base58 characters hold the 128 bits of a UUID.
_AUDIO_DIGITS = 22
_AUDIO_PREFIX = "aud_"

_ACCOUNT_ID = re.compile(f"[{BASE58}]{{{ACCOUNT_ID_LENGTH}}}")
_AUDIO_ID = re.compile(f"{_AUDIO_PREFIX}(?P<digits>[{BASE58}]{{{_AUDIO_DIGITS}}})")
_KEY = re.compile(f"(?P<kind>secret|public)_(?P<account>{_ACCOUNT_ID.pattern})[A-Za-z0-9]+")


class KeyKind(StrEnum):
    """What an API key may do: everything, or only upload and download."""

    SECRET = "secret"
    PUBLIC = "public"


def new_job_id() -> str:
    """Return a fresh ULID, as the Bytescale API numbers its jobs."""
    return str(ULID())


def new_key_id() -> str:
    """Return a fresh ULID: what an API key is called once its text is forgotten."""
    return str(ULID())


def new_upload_id() -> str:
    """Return a fresh upload id, beyond guessing: whoever knows it may send the upload's parts."""
    return random_base58(UPLOAD_ID_LENGTH)


def new_account_id() -> str:
    """Return a random account id."""
    return random_base58(ACCOUNT_ID_LENGTH)


def is_account_id(text: str) -> bool:
    """Tell whether *text* has the shape of an account id."""
    return _ACCOUNT_ID.fullmatch(text) is not None


def new_key(kind: KeyKind, account: str) -> str:
    """Return a random API key of *kind* that names its *account*."""
    return f"{kind.value}_{account}{random_base58(KEY_RANDOM_LENGTH)}"


def account_of_key(key: str) -> str | None:
    """Return the account an API key names, or None when it is not shaped like a key."""
    match = _KEY.fullmatch(key)
    return match["account"] if match else None


def kind_of_key(key: str) -> KeyKind | None:
    """Return the kind an API key claims to be, or None when it is not shaped like a key."""
    match = _KEY.fullmatch(key)
    return KeyKind(match["kind"]) if match else None


def random_base58(length: int) -> str:
    """Return so many random base58 characters."""
    return "".join(secrets.choice(BASE58) for _ in range(length))


def audio_id(media_id: str) -> str:
    """Spell the id of media, a UUID, as ``aud_`` and 22 base58 characters: no two look the same."""
    number, digits = uuid.UUID(media_id).int, ""
    for _ in range(_AUDIO_DIGITS):
        number, digit = divmod(number, len(BASE58))
        digits = BASE58[digit] + digits
    return _AUDIO_PREFIX + digits


def media_of_audio_id(text: str) -> str | None:
    """Return the id of media that ``audio_id`` spells as *text*, None if it spells none so."""
    found = _AUDIO_ID.fullmatch(text)
    if found is None:
        return None
    number = 0
    for digit in found["digits"]:
        number = number * len(BASE58) + BASE58.index(digit)
    return None if number >> 128 else str(uuid.UUID(int=number))
