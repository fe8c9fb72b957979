"""
Where an artifact's files lie until they are published.

Each process has a directory of its own below the staging root and holds a lock on it while it
lives. Whoever starts next removes the directories that nobody locks: the leavings of crashes,
but never the half-finished work of another process on the same data directory.
"""

import asyncio
import contextlib
import fcntl
import io
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from cache.files import FileReader

_PATH = re.compile(r"(?=.{2,256}\Z)(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+)+\Z")


class ArtifactRefused(Exception):
    """What was staged is not a whole artifact, and cannot be published."""


class Staging:
    """
    The files of one fill, by their paths inside the artifact.

    On disk they are numbered, so no path from outside ever reaches the file system. Creating a
    path again replaces it for those who open it afterwards, which is how a playlist grows.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._names: dict[str, str] = {}
        self._created = 0

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the paths created so far, sorted."""
        return tuple(sorted(self._names))

    def create(self, path: str) -> BinaryIO:
        """
        Create the file *path* for reading and writing, buffered; the caller closes it.

        Raises:
            ValueError: *path* is not of the form ``/name`` or ``/folder/name``.
        """
        return os.fdopen(self.fd(path), "w+b")

    def fd(self, path: str) -> int:
        """
        Create the file *path* and return its descriptor, for a worker; the caller closes it.

        Raises:
            ValueError: *path* is not of the form ``/name`` or ``/folder/name``.
        """
        if not _PATH.match(path):
            raise ValueError(f"{path!r} is no path of an artifact file")
        name = f"{self._created:06}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(self._directory / name, flags, 0o644)
        self._created += 1
        self._names[path] = name
        return descriptor

    def open(self, path: str) -> FileReader:
        """
        Open what has been written to *path* so far.

        Raises:
            KeyError: It was not created.
        """
        return FileReader(io.FileIO(self._directory / self._names[path], "r"))

    def size_of(self, path: str) -> int:
        """
        Tell how many bytes have been written to *path* so far.

        Raises:
            KeyError: It was not created.
        """
        return (self._directory / self._names[path]).stat().st_size

    def take(self, path: str) -> Path:
        """
        Give up the file *path*: it is the caller's now.

        Raises:
            KeyError: It was not created.
        """
        return self._directory / self._names.pop(path)

    def complete(self, media_types: Mapping[str, str]) -> dict[str, Path]:
        """
        Return every path with its file on disk, once all of them are known to be in order.

        Raises:
            ArtifactRefused: A file is empty, has no media type, or a media type has no file.
        """
        if not self._names:
            raise ArtifactRefused("nothing was staged")
        if unlisted := self._names.keys() - media_types.keys():
            raise ArtifactRefused(f"no media type for {', '.join(sorted(unlisted))}")
        if missing := media_types.keys() - self._names.keys():
            raise ArtifactRefused(f"no file for {', '.join(sorted(missing))}")
        files = {path: self._directory / self._names[path] for path in self.paths}
        if empty := [path for path, file in files.items() if file.stat().st_size == 0]:
            raise ArtifactRefused(f"nothing in {', '.join(empty)}")
        return files

    def write_aside(self, content: bytes) -> Path:
        """Write *content* to a file that belongs to no path and return where it is."""
        file = self._directory / uuid.uuid4().hex
        file.write_bytes(content)
        return file

    async def discard(self) -> None:
        """Remove all files; a second call does nothing."""
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)


class StagingArea:
    """This process's directory below *root*."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._own: Path | None = None
        self._lock: int | None = None

    async def start(self) -> None:
        """Make and lock a directory, and wipe those whose processes are gone."""
        await asyncio.to_thread(self._start)

    async def stage(self) -> Staging:
        """
        Make an empty staging directory.

        Raises:
            RuntimeError: The area was not started.
        """
        if self._own is None:
            raise RuntimeError("staging was not started")
        directory = self._own / uuid.uuid4().hex
        await asyncio.to_thread(directory.mkdir)
        return Staging(directory)

    async def aclose(self) -> None:
        """Wipe this process's directory and give up the lock."""
        own, lock = self._own, self._lock
        self._own = self._lock = None
        if own is not None:
            await asyncio.to_thread(shutil.rmtree, own, ignore_errors=True)
        if lock is not None:
            os.close(lock)

    def _start(self) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        # Without a common lock, a directory could be wiped between its making and its locking.
        with _locked(self._root):
            for directory in self._root.iterdir():
                if directory.is_dir() and (lock := _try_lock(directory)) is not None:
                    shutil.rmtree(directory, ignore_errors=True)
                    os.close(lock)
            own = self._root / uuid.uuid4().hex
            own.mkdir()
            self._own, self._lock = own, _try_lock(own)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _try_lock(directory: Path) -> int | None:
    """Return the descriptor that holds the lock on *directory*, None when another one does."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
