"""
What is kept near: size-limited caches on the local disk, of small answers and of whole files.

It is diskcache with its pickling cut out. The library unpickles whatever row is marked as
pickled, so write access to the cache's directory is code execution in the server
(CVE-2025-69872); here keys are text and values are bytes or files, and everything else in the
database is treated as damage. It also believes file names in the database, for reading and for
deleting; here they must look like the ones it makes up itself.

A cache never fails a request: when it is locked, damaged or full, it is a miss.
"""

import asyncio
import io
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import diskcache
from diskcache.core import MODE_BINARY, MODE_RAW

from cache.files import FileReader, sync_file

T = TypeVar("T")

# Two levels of two digits, then the rest of 16 random bytes: diskcache.Disk.filename.
_FILE_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{28}\.val\Z")

_TROUBLE = (OSError, sqlite3.Error, diskcache.Timeout)


class NotRawBytes(sqlite3.DataError):
    """A row or an argument that is not text to bytes."""


class RawDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache has no type information.
    """Stores bytes or files under text; refuses all other representations, above all pickles."""

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
        """Return the columns that hold *value*; to *read* a path is to move its file here."""
        if read and isinstance(value, Path):
            filename, path = self.filename(key, value)
            size_bytes = value.stat().st_size
            os.makedirs(os.path.dirname(path), exist_ok=True)
            value.replace(path)
            return size_bytes, MODE_BINARY, filename, None
        if type(value) is not bytes or read:
            raise NotRawBytes("values are bytes")
        return super().store(value, read, key)

    def fetch(
        self, mode: int, filename: str | None, value: object, read: bool
    ) -> bytes | io.FileIO:
        """Return the value that the columns stand for, to be *read* from its file if so wanted."""
        if mode == MODE_RAW and type(value) is bytes and not read:
            return value
        if mode == MODE_BINARY and filename is not None:
            name = self._checked(filename)
            if read:
                return io.FileIO(os.path.join(self._directory, name), "r", opener=_open_itself)
            return bytes(super().fetch(mode, name, None, False))
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

    _grouped = False

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
            tag_index=self._grouped,
        )

    def _reset(self) -> None:
        """Start with an empty directory; nothing in a cache is worth repairing."""
        self._close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None


class HotFiles(HotCache):
    """
    Files under text keys, in groups that are dropped together.

    Whoever has opened one reads it to the end, even if it is dropped meanwhile.
    """

    _grouped = True

    @property
    def max_value_bytes(self) -> int:
        """Return the length of the longest file that is kept."""
        return self._max_value_bytes

    async def open(self, key: str) -> FileReader | None:
        """Open the file of *key*, None when it is absent or damaged."""
        return await self._run(lambda: self._opened_file(key))

    async def take(self, key: str, path: Path, *, group: str) -> None:
        """Move the file at *path*, which is on the same file system, to under *key*."""
        # A database that outlives a power cut must not name files that have not.
        await asyncio.to_thread(sync_file, path)
        await self._run(lambda: self._take(key, path, group))

    async def drop_group(self, group: str) -> None:
        """Drop the files of a group."""
        await self._run(lambda: self._drop_group(group))

    def _opened_file(self, key: str) -> FileReader | None:
        try:
            file = self._cache().get(key, read=True)
        except NotRawBytes:
            self._drop(key)
            return None
        except _TROUBLE:
            return None
        return FileReader(file) if isinstance(file, io.FileIO) else None

    def _take(self, key: str, path: Path, group: str) -> None:
        try:
            if path.stat().st_size <= self._max_value_bytes:
                self._cache().set(key, path, read=True, tag=group)
        except NotRawBytes:
            self._reset()
        except _TROUBLE:
            pass
        finally:
            path.unlink(missing_ok=True)

    def _drop_group(self, group: str) -> None:
        try:
            self._cache().evict(group)
        except NotRawBytes:
            self._reset()
        except _TROUBLE:
            pass


def _open_itself(path: str, flags: int) -> int:
    """Open a file, but not what a link in its place leads to."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
