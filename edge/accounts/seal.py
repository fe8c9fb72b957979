"""
Secrets, sealed: what must be known again, and yet not to whoever gets hold of the database.

Signatures are checked with the secret key itself, of which the look-up keeps only a hash. So each
is kept sealed as well, with AES-256-GCM under a key of the installation that is not in the records.
A seal is bound to what it is *of*: moved to another row, it does not open.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edge.settings.kinds import SEAL_KEY, SEAL_KEY_BYTES

# 96 random bits, as NIST SP 800-38D section 8.2.2 recommends: so many secrets are never sealed
# under one key that two get the same.
_NONCE_BYTES: Final = 12
_VERSION: Final = "1"


class SealBroken(Exception):
    """It was sealed under another key, for something else, or was changed since."""


class Seal:
    """Seals short texts under one key."""

    def __init__(self, key: bytes) -> None:
        """Prepare a seal of 32 random bytes."""
        if len(key) != SEAL_KEY_BYTES:
            raise ValueError(f"a key has {SEAL_KEY_BYTES} bytes, not {len(key)}")
        self._cipher = AESGCM(key)

    def close(self, text: str, *, of: str) -> str:
        """Seal a secret of something, named by *of*."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), of.encode())
        return f"{_VERSION}.{base64.b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *, of: str) -> str:
        """
        Return what was sealed.

        Raises:
            SealBroken: That cannot be known.
        """
        version, _, text = sealed.partition(".")
        try:
            content = base64.b64decode(text, validate=True)
            opened = self._cipher.decrypt(
                content[:_NONCE_BYTES], content[_NONCE_BYTES:], of.encode()
            )
        except (InvalidTag, binascii.Error, ValueError):
            raise SealBroken(f"the sealed secret of {of}") from None
        if version != _VERSION:
            raise SealBroken(f"the sealed secret of {of} has version {version[:10]!r}")
        return opened.decode()


def seal_key_in(file: Path) -> bytes:
    """
    Return the key that is kept in *file*, which is made, readable by its owner only, if missing.

    Processes that start together get the same one: the file appears whole, and only once.

    Raises:
        OSError: It cannot be read or made, or holds something else.
    """
    try:
        return _read(file)
    except FileNotFoundError:
        _make(file)
        return _read(file)


def _read(file: Path) -> bytes:
    try:
        return SEAL_KEY.parse(file.read_text("ascii").strip())
    except ValueError as mistake:
        raise OSError(f"{file} does not hold base64 of {SEAL_KEY_BYTES} bytes") from mistake


def _make(file: Path) -> None:
    # Such files are made with mode 0600.
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with open(descriptor, "wb") as made:
            made.write(base64.b64encode(secrets.token_bytes(SEAL_KEY_BYTES)) + b"\n")
            made.flush()
            os.fsync(made.fileno())
        # Unlike a rename, a link does not replace what another process has put there.
        os.link(name, file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)
