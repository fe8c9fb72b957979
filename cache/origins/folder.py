"""
A local folder as an origin, read-only.

The tree belongs to somebody else and may change under every call, so nothing is decided by path:
the file is opened first, as a handle that reads nothing and waits for nothing (``O_PATH``), and
the questions are put to that handle. Is it a regular file, is it still below the root when every
symbolic link is resolved, which version is it? A check of the path and a later opening would
leave a gap to swap a link in.
"""

import asyncio
import errno
import io
import os
import stat
from pathlib import Path

from cache.files import FileReader, version_of
from cache.origins.paths import inside, join, segments
from cache.source import SourceChanged, SourceMissing, SourceObject, SourceUnreachable

_ABSENT = frozenset(
    (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES, errno.EPERM)
)


class Folder:
    """Serves the regular files below a directory; hidden ones and ways out of it are missing."""

    def __init__(self, root: Path, mount: str) -> None:
        self._root = root
        self._mount = mount

    async def find(self, path: str, query: str = "") -> SourceObject | None:
        """
        Describe the file at *path*, looking at the disk each time.

        Raises:
            SourceUnreachable: The root itself is gone, or the disk failed.
        """
        return await asyncio.to_thread(self._find, path)

    def address(self, path: str) -> None:
        """Return None: local files have no URL but the edge's own."""

    async def open(self, source: SourceObject) -> FileReader:
        """
        Open the version *source* names; later replacements do not disturb the reader.

        Raises:
            SourceMissing: The file is gone or cannot be read.

            SourceChanged: Another version is in its place.

            SourceUnreachable: The root itself is gone, or the disk failed.
        """
        return await asyncio.to_thread(self._open, source)

    def _find(self, path: str) -> SourceObject | None:
        handle = self._handle(path)
        if handle is None:
            return None
        try:
            facts = os.fstat(handle)
        finally:
            os.close(handle)
        return SourceObject(
            path=join(self._mount, path),
            mount=self._mount,
            version=version_of(facts),
            size_bytes=facts.st_size,
            modified_ms=facts.st_mtime_ns // 1_000_000,
        )

    def _open(self, source: SourceObject) -> FileReader:
        path = inside(self._mount, source.path)
        handle = self._handle(path) if path is not None else None
        if handle is None:
            raise SourceMissing(source.path)
        try:
            if version_of(os.fstat(handle)) != source.version:
                raise SourceChanged(source.path)
            # Opening through the handle reaches the very file that was examined.
            file = io.FileIO(f"/proc/self/fd/{handle}", "r")
        except PermissionError as problem:
            raise SourceMissing(source.path) from problem
        except OSError as problem:
            raise SourceUnreachable(f"{source.path}: {problem.strerror}") from problem
        finally:
            os.close(handle)
        return FileReader(file, version=source.version)

    def _handle(self, path: str) -> int | None:
        """Return an ``O_PATH`` handle of a file that may be served, for the caller to close."""
        names = segments(path)
        if names is None or _is_hidden(names):
            return None
        try:
            root = os.open(self._root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as problem:
            # An unmounted disk is not a folder of missing files.
            raise SourceUnreachable(f"{self._root}: {problem.strerror}") from problem
        try:
            handle = os.open("/".join(names), os.O_PATH | os.O_CLOEXEC, dir_fd=root)
            if _may_be_served(handle, root):
                return handle
            os.close(handle)
            return None
        except OSError as problem:
            if problem.errno in _ABSENT:
                return None
            raise SourceUnreachable(f"{path}: {problem.strerror}") from problem
        finally:
            os.close(root)


def _may_be_served(handle: int, root: int) -> bool:
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        return False
    # The kernel's own account of where the two handles are, free of symbolic links.
    real_root = os.readlink(f"/proc/self/fd/{root}").rstrip("/") + "/"
    real_path = os.readlink(f"/proc/self/fd/{handle}")
    return real_path.startswith(real_root) and not _is_hidden(
        real_path.removeprefix(real_root).split("/")
    )


def _is_hidden(names: tuple[str, ...] | list[str]) -> bool:
    return any(name.startswith(".") for name in names)
