"""
The store of finished artifacts: staged, published, found, evicted.

An artifact lives under ``artifacts/<first two digits>/<key>/``: its files named by their SHA-256,
and ``receipt.json``, which is stored last and deleted first. Names made of content mean that two
fills of one key can never mix: each receipt points at the bytes it was written for.

The files of an artifact that is shown while it is made are kept one by one (``keep``), beside
notes in which whoever makes it says how far it is, and others what they wait for; all are there
for every process that shares the store, and belong to nobody until the receipt does.

Several processes may share the store, on one machine or, in a bucket, on many. What another has
evicted meanwhile is treated as never having been there; what another has published is left alone.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from weakref import WeakValueDictionary

from cache import names, receipts
from cache.blobs import BlobMissing, Blobs
from cache.census import Recounting, count
from cache.putting import put_file, put_files
from cache.receipts import ArtifactFile, Receipt, Remembered
from cache.retention import Retention
from cache.source import Reader, SourceChanged, SourceTooLarge, StoreAway, read_whole
from cache.staging import ArtifactRefused, Staging, StagingArea

__all__ = ["ArtifactMissing", "ArtifactRefused", "Artifacts"]

# A ten-hour HLS artifact with ten variants lists 100 000 segments at about 150 bytes each.
_MAX_RECEIPT_BYTES = 64 << 20

# A receipt that is replaced while it is read is read again; more often than this nobody does that.
_ATTEMPTS = 3

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
        shared: bool = False,
        on_forget: Callable[[str], object] = lambda prefix: None,
        now_ms: Callable[[], int] = _system_now_ms,
    ) -> None:
        """
        Prepare a store; ``start`` or ``async with`` opens it.

        Args:
            max_bytes: What all artifacts together may take; None for no limit.

            remembered: Files listed by the receipts that are kept in memory.

            shared: Whether other machines publish and evict in it, too.

            on_forget: Told the prefix of the blobs of an artifact that another has removed.
        """
        self._blobs = blobs
        self._area = StagingArea(root / "staging")
        self._retention = Retention(max_bytes)
        self._recounting = Recounting(self._recount) if shared else None
        self._on_forget = on_forget
        self._now_ms = now_ms
        self._receipts = Remembered(remembered)
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
        """Wipe what crashes left in staging and count what is in the store, or begin to."""
        await self._area.start()
        if self._recounting is None:
            await self.scan()
        else:
            self._recounting.start()

    async def aclose(self) -> None:
        """Drop unpublished work."""
        if self._recounting is not None:
            await self._recounting.aclose()
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
        file = await put_file(self._blobs, key, path, local, media_type)
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
        except (SourceTooLarge, SourceChanged):
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
                    files = [*kept.values(), *await put_files(self._blobs, key, staged, rest)]
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
                    with contextlib.suppress(StoreAway):
                        await self._give_up(key)
                    raise
                # The artifact is there, with these or without them.
                with contextlib.suppress(StoreAway):
                    for subject in names.NOTES:
                        await self._blobs.delete(names.note_key(key, subject))
            self._receipts.add(receipt)
        await staging.discard()
        if self._recounting is None:
            await self.sweep()
        elif self._retention.victim() is not None:
            self._recounting.ask()
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
                self._receipts.add(receipt)
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
            async with self._lock(key):
                # Another may have made it again: what is there now decides.
                self._forget(key)
                await self._load(key)
            raise ArtifactMissing(f"{key}{file.path}") from problem

    def forget(self, key: str) -> None:
        """Remember nothing of an artifact, because another process has removed it."""
        self._forget(names.check_key(key))
        self._on_forget(names.prefix(key))

    def forget_all(self) -> None:
        """Remember no artifact, because others may have removed any."""
        self._receipts.clear()

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
        census = await count(self._blobs)
        # Where many put things, those times are the store's, and no clock here may say what is old.
        now_ms = self._now_ms() if self._recounting is None else census.latest_ms
        for key, size_bytes in census.sizes.items():
            used_ms = census.used_ms.get(key)
            if used_ms is not None:
                self._retention.keep(key, size_bytes=size_bytes, used_ms=used_ms)
            elif census.newest_ms[key] < now_ms - _ORPHAN_GRACE_MS:
                await self.remove(key)
        for key in known - census.used_ms.keys():
            if self._recounting is None or key not in census.sizes:
                self._forget(key)

    async def _recount(self) -> None:
        await self.scan()
        await self.sweep()

    def _lock(self, key: str) -> asyncio.Lock:
        # Held weakly: a lock lives exactly as long as somebody uses it.
        return self._locks.setdefault(names.check_key(key), asyncio.Lock())

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
        doubted: Receipt | None = None
        for _ in range(_ATTEMPTS):
            receipt = await self._read(key)
            if receipt is None:
                return None
            stored = {blob.key: blob async for blob in self._blobs.list(names.prefix(key))}
            sizes = {name: blob.size_bytes for name, blob in stored.items()}
            own = stored.get(names.receipt_key(key))
            if own is not None and all(
                sizes.get(names.blob_key(key, file)) == file.size_bytes for file in receipt.files
            ):
                self._retention.keep(key, size_bytes=sum(sizes.values()), used_ms=own.modified_ms)
                return receipt
            if receipt == doubted or self._recounting is None:
                break
            # Another may have been putting a new one just now.
            doubted = receipt
        await self._remove(key)
        return None

    async def _read(self, key: str) -> Receipt | None:
        """Read the receipt of *key*; one that cannot be understood is removed."""
        for _ in range(_ATTEMPTS):
            try:
                reader = await self._blobs.open(names.receipt_key(key))
            except BlobMissing:
                return None
            try:
                receipt = receipts.decode(await read_whole(reader, _MAX_RECEIPT_BYTES))
            except SourceTooLarge:
                receipt = None
            except SourceChanged:
                continue
            finally:
                await reader.aclose()
            if receipt is None or receipt.key != key:
                await self._blobs.delete(names.receipt_key(key))
                return None
            return receipt
        return None

    async def _give_up(self, key: str) -> None:
        """Remove what nobody will ask for, such as what has filled the disk."""
        receipt = await self._read(key)
        if receipt is not None:
            # Another was quicker, and those are its files.
            claimed = {names.blob_key(key, file) for file in receipt.files}
            claimed.add(names.receipt_key(key))
            async for blob in self._blobs.list(names.prefix(key)):
                if blob.key not in claimed:
                    await self._blobs.delete(blob.key)
        elif self._recounting is None:
            await self._remove(key)
        # Else another may be about to claim them; if not, they are removed in a day.

    async def _remove(self, key: str) -> None:
        self._forget(key)
        await self._blobs.delete(names.receipt_key(key))
        await self._blobs.delete_prefix(names.prefix(key))

    def _forget(self, key: str) -> None:
        self._receipts.drop(key)
        self._retention.forget(key)
