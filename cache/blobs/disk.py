"""
Blobs as files below a directory.

A blob gets its name by a rename after its bytes are flushed, and the directory is flushed after
that: a power cut leaves the old file or the new one. Directories come and go with their files.
"""

import asyncio
import contextlib
import errno
import io
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from cache.blobs import Blob, BlobMissing, check_key
from cache.files import FileReader, make_directory, sync_directory, sync_file

# Names starting with a dot are no blob keys, so nothing here is ever listed or served.
_INCOMING = ".incoming"

# A directory that another task's delete just removed is made again; more often than this it is
# not a race.
_ATTEMPTS = 10


class DiskBlobs:
    """Keeps each blob in the file of the same name below *root*."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, key: str, path: Path) -> None:
        """Move the file at *path* to its place; from another file system it is copied."""
        await asyncio.to_thread(self._put, self._path(key), path)

    async def open(self, key: str) -> FileReader:
        """
        Open a blob by descriptor.

        Raises:
            BlobMissing: Nothing is stored under *key*.
        """
        try:
            return await asyncio.to_thread(_open, self._path(key))
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as problem:
            raise BlobMissing(key) from problem

    async def touch(self, key: str) -> None:
        """Set the file's modification time to now."""
        with contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(os.utime, self._path(key))

    async def delete(self, key: str) -> None:
        """Delete the file and the directories it leaves empty."""
        await asyncio.to_thread(self._delete, self._path(key))

    async def delete_prefix(self, prefix: str) -> int:
        """Delete the files whose key starts with *prefix*."""
        return await asyncio.to_thread(self._delete_prefix, prefix)

    async def list(self, prefix: str) -> AsyncIterator[Blob]:
        """Yield the blobs whose key starts with *prefix*, sorted by key."""
        for blob in await asyncio.to_thread(self._list, prefix):
            yield blob

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _put(self, target: Path, path: Path) -> None:
        # The time of a blob is the time it was stored, not the time its bytes were written.
        os.utime(path)
        sync_file(path)
        try:
            self._rename(path, target)
        except OSError as problem:
            if problem.errno != errno.EXDEV:
                raise
            self._rename(self._copied(path), target)
            path.unlink()

    def _copied(self, path: Path) -> Path:
        incoming = self._root / _INCOMING
        make_directory(incoming)
        copy = incoming / uuid.uuid4().hex
        try:
            shutil.copyfile(path, copy)
            sync_file(copy)
        except OSError:
            copy.unlink(missing_ok=True)
            raise
        return copy

    def _rename(self, path: Path, target: Path) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                make_directory(target.parent)
                path.replace(target)
                break
            except FileNotFoundError:
                if attempt == _ATTEMPTS or not path.exists():
                    raise
        # A delete that follows at once may take the directory away again.
        with contextlib.suppress(FileNotFoundError):
            sync_directory(target.parent)

    def _delete(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
            path.unlink()
            self._prune(path.parent)

    def _delete_prefix(self, prefix: str) -> int:
        blobs = self._list(prefix)
        for blob in blobs:
            self._delete(self._root / blob.key)
        return len(blobs)

    def _prune(self, directory: Path) -> None:
        # rmdir refuses a directory with anything in it, which ends the climb.
        with contextlib.suppress(OSError):
            while directory != self._root:
                directory.rmdir()
                directory = directory.parent

    def _list(self, prefix: str) -> tuple[Blob, ...]:
        start = self._root / prefix.rpartition("/")[0]
        found = (blob for blob in self._walk(start) if blob.key.startswith(prefix))
        return tuple(sorted(found, key=lambda blob: blob.key))

    def _walk(self, start: Path) -> Iterator[Blob]:
        for directory, below, names in os.walk(start):
            below[:] = [name for name in below if not name.startswith(".")]
            for name in names:
                path = Path(directory, name)
                # Files may vanish while they are listed.
                with contextlib.suppress(FileNotFoundError):
                    facts = path.stat()
                    yield Blob(
                        key=path.relative_to(self._root).as_posix(),
                        size_bytes=facts.st_size,
                        modified_ms=facts.st_mtime_ns // 1_000_000,
                    )


def _open(path: Path) -> FileReader:
    return FileReader(io.FileIO(path, "r"))
