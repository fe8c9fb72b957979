"""
The store of finished artifacts: staged, published, found, evicted.

An artifact lives under ``artifacts/<first two digits>/<key>/``: its files named by their SHA-256,
and ``receipt.json``, which is stored last and deleted first. Names made of content mean that two
fills of one key can never mix: each receipt points at the bytes it was written for.

The files of an artifact that is shown while it is made are kept one by one (``keep``), beside
notes in which whoever makes it says how far it is, and others what they wait for; all are there
for every process that shares the store, and belong to nobody until the receipt does.

One process should publish and evict under a size limit; others may share the store, and treat
what has gone meanwhile as never having been there.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from weakref import WeakValueDictionary

from cache import names, receipts
from cache.blobs import BlobMissing, Blobs
from cache.receipts import ArtifactFile, Receipt
from cache.retention import Retention
from cache.source import Reader, SourceTooLarge, read_whole
from cache.staging import ArtifactRefused, Staging, StagingArea

__all__ = ["ArtifactMissing", "ArtifactRefused", "Artifacts"]

# A ten-hour HLS artifact with ten variants lists 100 000 segments at about 150 bytes each.
_MAX_RECEIPT_BYTES = 64 << 20

# Flushing files one after the other waits for the disk each time; a few at once share the wait.
_CONCURRENT_PUTS = 8

# Files without a receipt may belong to a publication in progress in another process.
_ORPHAN_GRACE_MS = 24 * 3600 * 1000


class ArtifactMissing(Exception):
    """The artifact, or one of its files, is no longer in the store."""


def _system_now_ms() -> int:
    return time.time_ns() // 1_000_000


class Artifacts:
    """Keeps artifacts in *blobs*; *root* is a local directory for what is being made."""

    def __init__(
        self,
        blobs: Blobs,
        root: Path,
        *,
        max_bytes: int | None = None,
        remembered: int = 100_000,
        now_ms: Callable[[], int] = _system_now_ms,
    ) -> None:
        """
        Prepare a store; ``start`` or ``async with`` opens it.

        Args:
            max_bytes: What all artifacts together may take; None for no limit.

            remembered: Files listed by the receipts that are kept in memory.
        """
        self._blobs = blobs
        self._area = StagingArea(root / "staging")
        self._retention = Retention(max_bytes)
        self._remembered = remembered
        self._now_ms = now_ms
        self._receipts: OrderedDict[str, Receipt] = OrderedDict()
        self._listed = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._sweeping = asyncio.Lock()

    @property
    def total_bytes(self) -> int:
        """Return the bytes that all known artifacts take."""
        return self._retention.total_bytes

    async def __aenter__(self) -> "Artifacts":
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Wipe what crashes left in staging and count what is in the store."""
        await self._area.start()
        await self.scan()

    async def aclose(self) -> None:
        """Drop unpublished work."""
        await self._area.aclose()

    async def stage(self, key: str) -> Staging:
        """Make room for the files of a fill of *key*; publish or discard it."""
        # What an earlier fill has left is gone on with, so it must not be evicted now.
        self._retention.forget(names.check_key(key))
        return await self._area.stage()

    async def keep(self, key: str, staging: Staging, path: str, *, media_type: str) -> ArtifactFile:
        """
        Store one staged file durably before its artifact is complete; staging forgets it.

        Raises:
            ArtifactRefused: The file is empty.
            KeyError: It was not staged.
        """
        local = staging.take(path)
        file = await self._put_file(key, path, local, media_type)
        if not file.size_bytes:
            raise ArtifactRefused(f"nothing in {path}")
        return file

    async def write_note(self, key: str, subject: str, text: bytes) -> None:
        """Store one of ``names.NOTES`` beside the kept files of *key*, in place of the last one."""
        staging = await self._area.stage()
        try:
            local = await asyncio.to_thread(staging.write_aside, text)
            await self._blobs.put(names.note_key(key, subject), local)
        finally:
            await staging.discard()

    async def read_note(self, key: str, subject: str) -> bytes | None:
        """Return a note about *key*, None when there is none."""
        try:
            reader = await self._blobs.open(names.note_key(key, subject))
        except BlobMissing:
            return None
        try:
            return await read_whole(reader, _MAX_RECEIPT_BYTES)
        except SourceTooLarge:
            return None
        finally:
            await reader.aclose()

    def leave(self, key: str, size_bytes: int) -> None:
        """Count what an artifact that will not be completed has kept, so that it is evicted."""
        self._retention.keep(names.check_key(key), size_bytes=size_bytes, used_ms=self._now_ms())

    async def publish(
        self,
        staging: Staging,
        *,
        key: str,
        account: str,
        source_path: str,
        media_types: Mapping[str, str],
        extra: Mapping[str, str],
        kept: Mapping[str, ArtifactFile] = MappingProxyType({}),
    ) -> Receipt:
        """
        Store the staged files durably, then the receipt that makes them an artifact.

        A complete artifact that is already there is kept, since its URLs are immutable; the
        staged one is dropped then. The least recently used ones are evicted afterwards.

        Args:
            media_types: One for every path staged or kept, and for nothing else.

            kept: What ``keep`` returned, by path.

        Raises:
            ArtifactRefused: A staged file is empty, or files and media types do not match.
        """
        async with self._lock(key):
            receipt = await self._load(key)
            if receipt is None:
                if strange := kept.keys() - media_types.keys():
                    raise ArtifactRefused(f"no media type for {', '.join(sorted(strange))}")
                rest = {path: kind for path, kind in media_types.items() if path not in kept}
                staged = await asyncio.to_thread(staging.complete, rest)
                try:
                    files = [*kept.values(), *await self._put_files(key, staged, rest)]
                    receipt = Receipt(
                        key=key,
                        account=account,
                        source_path=source_path,
                        created_ms=self._now_ms(),
                        files=tuple(sorted(files, key=lambda file: file.path)),
                        extra=dict(extra),
                    )
                    await self._put_receipt(receipt, staging)
                except Exception:
                    # A full disk must not keep what will never be asked for.
                    await self._remove(key)
                    raise
                for subject in names.NOTES:
                    await self._blobs.delete(names.note_key(key, subject))
            self._remember(receipt)
        await staging.discard()
        await self.sweep()
        return receipt

    async def receipt(self, key: str) -> Receipt | None:
        """
        Return the receipt of a complete artifact, which counts as a use of it.

        None also when the receipt cannot be read or a file it lists is gone; it is removed then.
        """
        receipt = self._receipts.get(key)
        if receipt is None:
            async with self._lock(key):
                receipt = await self._load(key)
                if receipt is None:
                    return None
                self._remember(receipt)
        else:
            self._receipts.move_to_end(key)
        if self._retention.use(key, self._now_ms()):
            await self._blobs.touch(names.receipt_key(key))
        return receipt

    async def open(self, key: str, file: ArtifactFile) -> Reader:
        """
        Open one file of an artifact; an eviction does not disturb the reader.

        Raises:
            ArtifactMissing: The file was evicted; the artifact has to be made again.
        """
        try:
            return await self._blobs.open(names.blob_key(key, file))
        except BlobMissing as problem:
            await self.remove(key)
            raise ArtifactMissing(f"{key}{file.path}") from problem

    async def remove(self, key: str) -> None:
        """Remove an artifact; one that is not there is no error."""
        async with self._lock(key):
            await self._remove(key)

    async def purge(self, keys: Iterable[str]) -> int:
        """Remove those of some artifacts that are complete; return how many were."""
        removed = 0
        for key in keys:
            async with self._lock(key):
                if await self._read(key) is not None:
                    await self._remove(key)
                    removed += 1
        return removed

    async def sweep(self) -> int:
        """Evict the least recently used artifacts until the limit holds; return their number."""
        evicted = 0
        async with self._sweeping:
            while (key := self._retention.victim()) is not None:
                await self.remove(key)
                evicted += 1
        return evicted

    async def scan(self) -> None:
        """Count what is in the store, and remove old files that no receipt will ever claim."""
        known = set(self._retention.keys)
        sizes: dict[str, int] = {}
        used: dict[str, int] = {}
        newest: dict[str, int] = {}
        async for blob in self._blobs.list(names.ROOT):
            key = names.owner(blob.key)
            if key is None:
                continue
            sizes[key] = sizes.get(key, 0) + blob.size_bytes
            newest[key] = max(newest.get(key, 0), blob.modified_ms)
            if blob.key == names.receipt_key(key):
                used[key] = blob.modified_ms
        for key, used_ms in used.items():
            self._retention.keep(key, size_bytes=sizes[key], used_ms=used_ms)
        for key in sizes.keys() - used.keys():
            if newest[key] < self._now_ms() - _ORPHAN_GRACE_MS:
                await self.remove(key)
        for key in known - used.keys():
            self._forget(key)

    def _lock(self, key: str) -> asyncio.Lock:
        # Held weakly: a lock lives exactly as long as somebody uses it.
        return self._locks.setdefault(names.check_key(key), asyncio.Lock())

    async def _put_files(
        self, key: str, staged: Mapping[str, Path], media_types: Mapping[str, str]
    ) -> tuple[ArtifactFile, ...]:
        slots = asyncio.Semaphore(_CONCURRENT_PUTS)

        async def put(path: str, local: Path) -> ArtifactFile:
            async with slots:
                return await self._put_file(key, path, local, media_types[path])

        outcomes = await asyncio.gather(
            *(put(path, local) for path, local in staged.items()), return_exceptions=True
        )
        files = [outcome for outcome in outcomes if isinstance(outcome, ArtifactFile)]
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return tuple(files)

    async def _put_file(self, key: str, path: str, local: Path, media_type: str) -> ArtifactFile:
        digest, size_bytes = await asyncio.to_thread(_measure, local)
        file = ArtifactFile(path=path, digest=digest, size_bytes=size_bytes, media_type=media_type)
        await self._blobs.put(names.blob_key(key, file), local)
        return file

    async def _put_receipt(self, receipt: Receipt, staging: Staging) -> None:
        text = receipts.encode(receipt)
        local = await asyncio.to_thread(staging.write_aside, text)
        await self._blobs.put(names.receipt_key(receipt.key), local)
        # Files with the same content share one blob.
        stored = {names.blob_key(receipt.key, file): file.size_bytes for file in receipt.files}
        self._retention.published(
            receipt.key, size_bytes=len(text) + sum(stored.values()), used_ms=self._now_ms()
        )

    async def _load(self, key: str) -> Receipt | None:
        """Read the receipt of *key* and check that its files are there, or remove it."""
        receipt = await self._read(key)
        if receipt is not None:
            stored = {blob.key: blob async for blob in self._blobs.list(names.prefix(key))}
            sizes = {name: blob.size_bytes for name, blob in stored.items()}
            own = stored.get(names.receipt_key(key))
            if own is not None and all(
                sizes.get(names.blob_key(key, file)) == file.size_bytes for file in receipt.files
            ):
                self._retention.keep(key, size_bytes=sum(sizes.values()), used_ms=own.modified_ms)
                return receipt
            await self._remove(key)
        return None

    async def _read(self, key: str) -> Receipt | None:
        """Read the receipt of *key*; one that cannot be understood is removed."""
        try:
            reader = await self._blobs.open(names.receipt_key(key))
        except BlobMissing:
            return None
        try:
            receipt = receipts.decode(await read_whole(reader, _MAX_RECEIPT_BYTES))
        except SourceTooLarge:
            receipt = None
        finally:
            await reader.aclose()
        if receipt is None or receipt.key != key:
            await self._blobs.delete(names.receipt_key(key))
            return None
        return receipt

    async def _remove(self, key: str) -> None:
        self._forget(key)
        await self._blobs.delete(names.receipt_key(key))
        await self._blobs.delete_prefix(names.prefix(key))

    def _remember(self, receipt: Receipt) -> None:
        known = self._receipts.get(receipt.key)
        self._listed -= len(known.files) if known is not None else 0
        self._receipts[receipt.key] = receipt
        self._receipts.move_to_end(receipt.key)
        self._listed += len(receipt.files)
        while self._listed > self._remembered and len(self._receipts) > 1:
            _, oldest = self._receipts.popitem(last=False)
            self._listed -= len(oldest.files)

    def _forget(self, key: str) -> None:
        known = self._receipts.pop(key, None)
        self._listed -= len(known.files) if known is not None else 0
        self._retention.forget(key)


def _measure(local: Path) -> tuple[str, int]:
    with local.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, file.tell()
