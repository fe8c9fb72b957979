"""
Artifacts' files kept near: copies on the local disk, in front of a bucket.

Only files that are named by their content are kept, never receipts or notes: a copy is then
either there or not, and never old. Short ones come whole when they are first read, and stay when
they are put; long ones are read by ranges first, and come near when they are read again soon. A
copy is handed out as a descriptor, and serves on while the bucket is away.
"""

import asyncio
import contextlib
import logging
import os
import re
import shutil
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path

from cache.blobs import Blob, BlobMissing, Blobs
from cache.hot import HotFiles
from cache.readahead import MAX_BLOCK_BYTES
from cache.singleflight import SingleFlight
from cache.source import Reader, SourceChanged, SourceProblem

_log = logging.getLogger(__name__)

# Named by a SHA-256, as cache.names does it.
_CONTENT_NAMED = re.compile(r".+/[0-9a-f]{64}(?:\.[A-Za-z0-9]{1,8})?\Z")

_WHOLE_BYTES = 4 << 20
_SOON_SECONDS = 600
_READS_REMEMBERED = 10_000
_BROUGHT_AT_ONCE = 2


class _HeldReader:
    """A short blob in memory, for when the disk could not take it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size_bytes(self) -> int:
        return len(self._content)

    async def read_at(self, offset: int, length: int) -> bytes:
        return self._content[offset : offset + length]

    def fileno(self) -> int | None:
        return None

    async def aclose(self) -> None:
        """Have nothing to give back."""


@dataclass(eq=False, slots=True)
class _Arrival:
    """A copy on its way here."""

    key: str
    forgotten: bool = False
    """Whether its blob was deleted meanwhile."""


class NearBlobs:
    """Keeps copies of what is read from *blobs* below *directory*."""

    def __init__(
        self,
        blobs: Blobs,
        directory: Path,
        *,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Prepare; the directory is made when it is needed.

        Args:
            max_bytes: What all copies may take; none is longer than a 32nd of that.
        """
        self._blobs = blobs
        self._incoming = directory / "incoming"
        self._files = HotFiles(directory / "files", max_bytes=max_bytes, max_value_bytes=max_bytes)
        self._clock = clock
        self._flights: SingleFlight[bytes] = SingleFlight()
        self._read: OrderedDict[str, float] = OrderedDict()
        self._arrivals: set[_Arrival] = set()
        self._bringing: set[str] = set()
        self._slots = asyncio.Semaphore(_BROUGHT_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Remove what a crash has left half-done."""
        await asyncio.to_thread(shutil.rmtree, self._incoming, ignore_errors=True)

    async def aclose(self) -> None:
        """Give up what is on its way; the copies stay for the next start."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._flights.aclose()
        await self._files.aclose()

    async def put(self, key: str, path: Path) -> None:
        """Put a blob, and keep a copy of a short file."""
        if not _CONTENT_NAMED.match(key):
            await self._blobs.put(key, path)
            return
        copy = None
        with contextlib.suppress(OSError):
            copy = await asyncio.to_thread(self._copied, path)
        with self._arriving(key) as arrival:
            try:
                await self._blobs.put(key, path)
            except BaseException:
                if copy is not None:
                    copy.unlink(missing_ok=True)
                raise
            if copy is not None:
                await self._take(arrival, copy)

    async def open(self, key: str) -> Reader:
        """
        Open a copy, or the blob itself.

        Raises:
            BlobMissing: There is neither.

            StoreAway: There is no copy, and the bucket does not answer.
        """
        if not _CONTENT_NAMED.match(key):
            return await self._blobs.open(key)
        if (near := await self._files.open(key)) is not None:
            return near
        reader = await self._blobs.open(key)
        if reader.size_bytes > min(_WHOLE_BYTES, self._files.max_value_bytes):
            self._note_read(key, reader.size_bytes)
            return reader
        return await self._brought(key, reader)

    async def touch(self, key: str) -> None:
        """Touch the blob."""
        await self._blobs.touch(key)

    async def delete(self, key: str) -> None:
        """Delete a blob and the copy of it."""
        self._disown(key)
        await self._files.delete(key)
        await self._blobs.delete(key)

    async def delete_prefix(self, prefix: str) -> int:
        """Delete every blob whose key starts with *prefix*, and the copies of a whole folder."""
        self._disown(prefix)
        await self._files.drop_group(prefix)
        return await self._blobs.delete_prefix(prefix)

    def forget(self, prefix: str) -> None:
        """Drop the copies of the folder *prefix*, soon, because others have deleted its blobs."""
        self._disown(prefix)
        self._spawn(self._files.drop_group(prefix))

    async def list(self, prefix: str) -> AsyncIterator[Blob]:
        """Yield the blobs whose key starts with *prefix*."""
        async for blob in self._blobs.list(prefix):
            yield blob

    def _copied(self, path: Path) -> Path | None:
        """Give a short file a second name, or make a copy where that is not possible."""
        if path.stat().st_size > min(_WHOLE_BYTES, self._files.max_value_bytes):
            return None
        copy = self._new_file()
        try:
            os.link(path, copy)
        except OSError:
            with _nothing_left_of(copy):
                shutil.copyfile(path, copy)
        return copy

    def _new_file(self) -> Path:
        self._incoming.mkdir(parents=True, exist_ok=True)
        return self._incoming / uuid.uuid4().hex

    async def _brought(self, key: str, reader: Reader) -> Reader:
        """Bring a short blob, once for all who want it now."""

        async def bring() -> bytes:
            with self._arriving(key) as arrival:
                content = await reader.read_at(0, reader.size_bytes)
                with contextlib.suppress(OSError):
                    await self._take(arrival, await asyncio.to_thread(self._written, content))
            return content

        try:
            content = await self._flights.do(key, bring)
        except SourceChanged as problem:
            # A name that is made of content has no other version.
            raise BlobMissing(key) from problem
        finally:
            await reader.aclose()
        return await self._files.open(key) or _HeldReader(content)

    def _written(self, content: bytes) -> Path:
        file = self._new_file()
        with _nothing_left_of(file):
            file.write_bytes(content)
        return file

    def _note_read(self, key: str, size_bytes: int) -> None:
        """Note that a long blob is read, and bring it near if that was so not long ago."""
        now = self._clock()
        before = self._read.pop(key, None)
        self._read[key] = now
        if len(self._read) > _READS_REMEMBERED:
            self._read.popitem(last=False)
        again = before is not None and now - before <= _SOON_SECONDS
        if again and size_bytes <= self._files.max_value_bytes and key not in self._bringing:
            self._bringing.add(key)
            self._spawn(self._bring(key))

    async def _bring(self, key: str) -> None:
        """Copy a long blob here, a block at a time."""
        try:
            async with self._slots:
                with self._arriving(key) as arrival:
                    reader = await self._blobs.open(key)
                    file = await asyncio.to_thread(self._new_file)
                    try:
                        for offset in range(0, reader.size_bytes, MAX_BLOCK_BYTES):
                            block = await reader.read_at(offset, MAX_BLOCK_BYTES)
                            await asyncio.to_thread(_append, file, block)
                        await self._take(arrival, file)
                    finally:
                        file.unlink(missing_ok=True)
                        await reader.aclose()
        except (BlobMissing, SourceProblem, OSError) as problem:
            _log.info("%s was not brought near: %s", key, problem)
        finally:
            self._bringing.discard(key)

    @contextlib.contextmanager
    def _arriving(self, key: str) -> Iterator[_Arrival]:
        arrival = _Arrival(key)
        self._arrivals.add(arrival)
        try:
            yield arrival
        finally:
            self._arrivals.discard(arrival)

    async def _take(self, arrival: _Arrival, file: Path) -> None:
        """Keep a copy, unless its blob is deleted before that is done."""
        with contextlib.suppress(OSError), _nothing_left_of(file):
            await self._files.take(arrival.key, file, group=_folder(arrival.key))
        if arrival.forgotten:
            await self._files.delete(arrival.key)

    def _disown(self, prefix: str) -> None:
        for arrival in self._arrivals:
            if arrival.key.startswith(prefix):
                arrival.forgotten = True

    def _spawn(self, run: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(run)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@contextlib.contextmanager
def _nothing_left_of(file: Path) -> Iterator[None]:
    """Remove a file that a full disk has cut short: nobody else will before the next start."""
    try:
        yield
    except OSError:
        file.unlink(missing_ok=True)
        raise


def _append(file: Path, block: bytes) -> None:
    with file.open("ab") as opened:
        opened.write(block)


def _folder(key: str) -> str:
    return key.rpartition("/")[0] + "/"
