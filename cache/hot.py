"""
Small answers kept near: a size-limited cache on the local disk, in front of slower stores.

It is diskcache with its pickling cut out. The library unpickles whatever row is marked as
pickled, so write access to the cache's directory is code execution in the server
(CVE-2025-69872); here keys are text and values are bytes, and everything else in the database is
treated as damage. It also believes file names in the database, for reading and for deleting;
here they must look like the ones it makes up itself.

A cache never fails a request: when it is locked, damaged or full, it is a miss.
"""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import diskcache
from diskcache.core import MODE_BINARY, MODE_RAW

T = TypeVar("T")

# Two levels of two digits, then the rest of 16 random bytes: diskcache.Disk.filename.
_FILE_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{28}\.val\Z")

_TROUBLE = (OSError, sqlite3.Error, diskcache.Timeout)


class NotRawBytes(sqlite3.DataError):
    """A row or an argument that is not text to bytes."""


class RawDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache has no type information.
    """Stores text under bytes and refuses every other representation, above all pickles."""

    def put(self, key: object) -> tuple[str, bool]:
        """Return the database's form of *key*."""
        if type(key) is not str:
            raise NotRawBytes("keys are text")
        return key, True

    def get(self, key: object, raw: object) -> str:
        """Return the key that the database's form stands for."""
        if not raw or type(key) is not str:
            raise NotRawBytes("a key in the cache is not text")
        return key

    # The library has no types, so the columns of its table are whatever they are.
    def store(self, value: object, read: bool, key: object = None) -> Any:
        """Return the columns that hold *value*."""
        if type(value) is not bytes or read:
            raise NotRawBytes("values are bytes")
        return super().store(value, read, key)

    def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> bytes:
        """Return the value that the columns stand for."""
        if mode == MODE_RAW and type(value) is bytes:
            return value
        if mode == MODE_BINARY and filename is not None and not read:
            return bytes(super().fetch(mode, self._checked(filename), None, False))
        raise NotRawBytes("a value in the cache is not raw bytes")

    def remove(self, file_path: str) -> None:
        """Delete the file of a value."""
        super().remove(self._checked(file_path))

    def _checked(self, filename: object) -> str:
        if type(filename) is not str or not _FILE_NAME.match(filename):
            raise NotRawBytes("a file name in the cache is not one of its own")
        return filename


class HotCache:
    """Bytes under text keys, the least recently used dropped first."""

    def __init__(
        self, directory: Path, *, max_bytes: int = 1 << 30, max_value_bytes: int = 16 << 20
    ) -> None:
        """
        Prepare a cache in *directory*; nothing is opened before the first use.

        Args:
            max_bytes: Size on disk above which values are dropped.

            max_value_bytes: Longer values are not stored at all, nor those of more than a
                32nd of *max_bytes*: the library drops ten at a time, the newest among them.
        """
        self._directory = directory
        self._max_bytes = max_bytes
        self._max_value_bytes = min(max_value_bytes, max_bytes // 32)
        # A single thread: SQLite's connections belong to the thread that opened them, and
        # only that thread can close them again.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hot-cache")
        self._opened: Any = None  # diskcache has no type information.

    async def get(self, key: str) -> bytes | None:
        """Return the value of *key*, None when it is absent, expired or damaged."""
        return await self._run(lambda: self._get(key))

    async def put(self, key: str, value: bytes, ttl_seconds: float | None = None) -> None:
        """Store *value* for *ttl_seconds*, or until it is dropped for others."""
        if type(value) is not bytes:
            raise TypeError("values are bytes")
        if len(value) <= self._max_value_bytes:
            await self._run(lambda: self._put(key, value, ttl_seconds))

    async def delete(self, key: str) -> None:
        """Drop *key*; an absent one is no error."""
        await self._run(lambda: self._drop(key))

    async def aclose(self) -> None:
        """Close the database; the cache cannot be used afterwards."""
        await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _get(self, key: str) -> bytes | None:
        try:
            value = self._cache().get(key)
        except NotRawBytes:
            self._drop(key)
            return None
        except _TROUBLE:
            return None
        return value if isinstance(value, bytes) else None

    def _put(self, key: str, value: bytes, ttl_seconds: float | None) -> None:
        try:
            self._cache().set(key, value, expire=ttl_seconds)
        except NotRawBytes:
            # The row being replaced, or one being culled, points at a file that is not ours.
            self._reset()
        except _TROUBLE:
            pass

    def _drop(self, key: str) -> None:
        try:
            self._cache().delete(key)
        except NotRawBytes:
            self._reset()
        except _TROUBLE:
            pass

    def _cache(self) -> Any:
        if self._opened is None:
            try:
                self._opened = self._open()
            except sqlite3.OperationalError:
                # Locked or full, which is not damage.
                raise
            except sqlite3.DatabaseError:
                self._reset()
                self._opened = self._open()
        return self._opened

    def _open(self) -> Any:
        return diskcache.Cache(
            str(self._directory),
            timeout=1,
            disk=RawDisk,
            size_limit=self._max_bytes,
            eviction_policy="least-recently-used",
        )

    def _reset(self) -> None:
        """Start with an empty directory; nothing in a cache is worth repairing."""
        self._close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None
