"""``copy-to``: an installation of one machine, copied to where many can work with it."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import tempfile
from pathlib import Path

from cache.blobs import Blobs
from cache.blobs.copying import copy_blobs
from cache.blobs.disk import DiskBlobs
from cache.blobs.s3 import S3Blobs
from edge.records.copying import copy_records, opened, refuse_foreign, total
from edge.records.engine import is_embedded
from edge.records.migrate import migrate, require_newest
from edge.settings import BucketFolder, Settings
from edge.stores import Buckets, files_of, open_buckets


def copy_to(given: argparse.Namespace, settings: Settings) -> int:
    """Copy records, uploads and artifacts to where other settings name."""
    target = dataclasses.replace(settings, database_url=given.database_url, blobs=given.blobs)
    if target.records_url == settings.records_url or target.blobs == settings.blobs:
        raise OSError("--database-url and --blobs have to name other places than those in use here")
    asyncio.run(_copy(settings, target))
    print("The target is what this installation is now. Start nodes with the settings of this one,")
    print("but with these, once this one has stopped and copy-to was run for the last time:")
    print("  EDGE_DATABASE_URL and EDGE_BLOBS as they were given here")
    if settings.seal_key is None:
        print(f'  EDGE_SEAL_KEY="$(cat {settings.data / "seal.key"})"')
    else:
        print("  EDGE_SEAL_KEY as it is here")
    return 0


async def _copy(settings: Settings, target: Settings) -> None:
    async with (
        opened(settings.records_url) as here,
        opened(target.records_url) as there,
        open_buckets(settings) as buckets,
    ):
        if is_embedded(here):
            await migrate(here)
        else:
            await require_newest(here)
        await require_newest(there)
        await refuse_foreign(here, there)
        # Records last: they name nothing then that has not been copied.
        await _copy_bytes(settings, target, buckets)
        for done in (copies := await copy_records(here, there)):
            if done.written or done.removed:
                print(f"{done.table}: {done.written} rows written, {done.removed} removed")
        every = total(copies)
        print(f"records: {every.rows} rows, {every.written} written, {every.removed} removed")


async def _copy_bytes(settings: Settings, target: Settings, buckets: Buckets) -> None:
    with tempfile.TemporaryDirectory(prefix="copy-", dir=settings.data) as name:
        staging = Path(name)
        # Uploads may lie in this data folder beside those in the blobs, which is not the target's.
        target = dataclasses.replace(target, data=staging)
        for what, mine, theirs, prefix in (
            ("uploads", await files_of(settings, buckets), await files_of(target, buckets), ""),
            (
                "artifacts",
                await _artifacts(settings, buckets),
                await _artifacts(target, buckets),
                "artifacts/",
            ),
        ):
            done = await copy_blobs(mine, theirs, prefix, staging=staging)
            print(
                f"{what}: {done.copied} copied ({done.copied_bytes} bytes),"
                f" {done.kept} there before, {done.removed} removed"
            )


async def _artifacts(settings: Settings, buckets: Buckets) -> Blobs:
    match settings.blobs:
        case BucketFolder() as folder:
            return S3Blobs(await buckets.open_checked(folder))
        case folder:
            return DiskBlobs(folder or settings.data / "blobs")
