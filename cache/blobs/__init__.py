"""
Bytes under string keys, durable once stored.

The interface is as small as a directory and an S3 bucket have in common. Nothing above it may
rest on conditional writes, on listing order beyond the one promised here, or on local paths.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cache.source import Reader

_NAME = r"(?!\.)[A-Za-z0-9._-]+"
_KEY = re.compile(rf"{_NAME}(?:/{_NAME})*\Z")
_MAX_KEY_LENGTH = 512


class BlobMissing(Exception):
    """Nothing is stored under this key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """What a listing tells about one stored blob."""

    key: str
    size_bytes: int

    modified_ms: int
    """When it was stored or last touched, milliseconds since 1970."""


class Blobs(Protocol):
    """A store of blobs; keys look like ``artifacts/0f/receipt.json``."""

    async def put(self, key: str, path: Path) -> None:
        """
        Store the file at *path* under *key*, replacing what was there; the file is moved away.

        Durable on return: readers see the old bytes or all of the new ones, never a mixture.
        """
        ...

    async def open(self, key: str) -> Reader:
        """
        Open a blob; it stays readable when it is deleted or replaced meanwhile.

        Raises:
            BlobMissing: Nothing is stored under *key*.
        """
        ...

    async def touch(self, key: str) -> None:
        """Set the blob's time to now where the store can; a missing blob is no error."""
        ...

    async def delete(self, key: str) -> None:
        """Delete a blob; a missing one is no error."""
        ...

    async def delete_prefix(self, prefix: str) -> int:
        """Delete every blob whose key starts with *prefix* and return how many there were."""
        ...

    def list(self, prefix: str) -> AsyncIterator[Blob]:
        """Yield the blobs whose key starts with *prefix*, in the order of their keys."""
        ...


def check_key(key: str) -> str:
    """
    Return *key* if every backend can store it.

    Raises:
        ValueError: It is empty, too long, or has a hidden, empty or exotic segment.
    """
    if len(key) > _MAX_KEY_LENGTH or not _KEY.match(key):
        raise ValueError(f"{key!r} is no blob key")
    return key
