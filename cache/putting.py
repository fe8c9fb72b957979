"""The files of an artifact on their way into the store, some at once, named by their content."""

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path

from cache import names
from cache.blobs import Blobs
from cache.receipts import ArtifactFile

# Flushing files one after the other waits for the disk each time; a few at once share the wait.
_CONCURRENT_PUTS = 8


async def put_files(
    blobs: Blobs, key: str, staged: Mapping[str, Path], media_types: Mapping[str, str]
) -> tuple[ArtifactFile, ...]:
    """Store the files of an artifact by path; if one cannot be, the others have been tried."""
    slots = asyncio.Semaphore(_CONCURRENT_PUTS)

    async def put(path: str, local: Path) -> ArtifactFile:
        async with slots:
            return await put_file(blobs, key, path, local, media_types[path])

    outcomes = await asyncio.gather(
        *(put(path, local) for path, local in staged.items()), return_exceptions=True
    )
    files = [outcome for outcome in outcomes if isinstance(outcome, ArtifactFile)]
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return tuple(files)


async def put_file(blobs: Blobs, key: str, path: str, local: Path, media_type: str) -> ArtifactFile:
    """Store one file of an artifact durably; *local* is moved away."""
    digest, size_bytes = await asyncio.to_thread(_measure, local)
    file = ArtifactFile(path=path, digest=digest, size_bytes=size_bytes, media_type=media_type)
    await blobs.put(names.blob_key(key, file), local)
    return file


def _measure(local: Path) -> tuple[str, int]:
    with local.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, file.tell()
