"""
Where the bytes of an installation lie: in folders of its own, or below a prefix of a bucket.

With ``EDGE_BLOBS`` both artifacts and uploads are there; without it they are in the data folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from cache.artifacts import Artifacts
from cache.blobs import Blobs
from cache.blobs.disk import DiskBlobs
from cache.blobs.earlier import WithEarlier
from cache.blobs.s3 import S3Blobs
from cache.near import NearBlobs
from cache.s3.bucket import Bucket
from cache.s3.client import Endpoint, S3Client
from cache.s3.multipart import sweep_abandoned
from cache.staging import StagingArea
from edge.library.storage import Storage
from edge.settings import BucketFolder, Settings

_FILES = "files"


class Buckets:
    """The buckets that settings name, all asked through one client."""

    def __init__(self, settings: Settings) -> None:
        """Prepare; there is no client before the first bucket is opened."""
        self._endpoint = Endpoint(
            url=settings.s3_endpoint,
            region=settings.s3_region,
            path_style=settings.s3_path_style,
        )
        self._client: S3Client | None = None

    async def open(self, folder: BucketFolder) -> Bucket:
        """Return a bucket's folder; nothing of it is asked yet."""
        if self._client is None:
            client = S3Client(self._endpoint)
            await client.start()
            self._client = client
        return Bucket(self._client, folder.bucket, folder.prefix)

    async def open_checked(self, folder: BucketFolder) -> Bucket:
        """
        Return a bucket's folder, once the bucket has answered.

        Raises:
            StoreAway: It does not, and why.
        """
        bucket = await self.open(folder)
        await bucket.check()
        return bucket

    async def aclose(self) -> None:
        """Close the client; the buckets cannot be asked any more."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


@contextlib.asynccontextmanager
async def open_buckets(settings: Settings) -> AsyncIterator[Buckets]:
    """Open buckets on demand, and close their client at the end."""
    buckets = Buckets(settings)
    try:
        yield buckets
    finally:
        await buckets.aclose()


@contextlib.asynccontextmanager
async def open_artifacts(settings: Settings, buckets: Buckets) -> AsyncIterator[Artifacts]:
    """
    Open the store of artifacts.

    Raises:
        StoreAway: It is in a bucket that does not answer.
    """
    limit = settings.cache_bytes
    match settings.blobs:
        case BucketFolder() as folder:
            bucket = await buckets.open_checked(folder)
            near = NearBlobs(S3Blobs(bucket), settings.data / "near", max_bytes=settings.hot_bytes)
            await near.start()
            sweeping = asyncio.create_task(sweep_abandoned(bucket), name="sweep abandoned uploads")
            try:
                async with Artifacts(
                    near, settings.data, max_bytes=limit, shared=True, on_forget=near.forget
                ) as artifacts:
                    yield artifacts
            finally:
                sweeping.cancel()
                await asyncio.gather(sweeping, return_exceptions=True)
                await near.aclose()
        case folder:
            blobs = DiskBlobs(folder or settings.data / "blobs")
            async with Artifacts(blobs, settings.data, max_bytes=limit) as artifacts:
                yield artifacts


@contextlib.asynccontextmanager
async def open_storage(settings: Settings, buckets: Buckets) -> AsyncIterator[Storage]:
    """
    Open the store of uploaded files.

    Raises:
        StoreAway: It is in a bucket that does not answer.
    """
    area = StagingArea(settings.data / "incoming")
    await area.start()
    try:
        yield Storage(await files_of(settings, buckets), area)
    finally:
        await area.aclose()


async def files_of(settings: Settings, buckets: Buckets) -> Blobs:
    """
    Return where uploaded files are.

    Raises:
        StoreAway: That is a bucket that does not answer.
    """
    own = settings.data / _FILES
    if settings.blobs is None:
        return DiskBlobs(own)
    blobs: Blobs
    match settings.blobs:
        case BucketFolder() as folder:
            blobs = S3Blobs((await buckets.open_checked(folder)).below(_FILES))
        case folder:
            blobs = DiskBlobs(folder / _FILES)
    if await asyncio.to_thread(_has_files, own):
        # Uploads of before EDGE_BLOBS was set stay where they are.
        return WithEarlier(blobs, DiskBlobs(own))
    return blobs


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.rglob("*"))


async def try_blobs(settings: Settings) -> str:
    """
    Put something where blobs lie, read it and delete it, and say where that was.

    Raises:
        OSError: One of them is not possible.
    """
    content = uuid.uuid4().hex.encode()
    key = f"doctor/{content.decode()}"
    async with open_buckets(settings) as buckets:
        blobs: Blobs
        match settings.blobs:
            case BucketFolder() as folder:
                blobs = S3Blobs(await buckets.open_checked(folder))
            case folder:
                blobs = DiskBlobs(folder or settings.data / "blobs")
        with tempfile.TemporaryDirectory() as aside:
            file = Path(aside) / "file"
            file.write_bytes(content)
            await blobs.put(key, file)
        reader = await blobs.open(key)
        try:
            read = await reader.read_at(0, reader.size_bytes)
        finally:
            await reader.aclose()
        await blobs.delete(key)
    if read != content:
        raise OSError("what was read is not what was written")
    return f"{settings.blobs or settings.data / 'blobs'}, written, read and deleted"
