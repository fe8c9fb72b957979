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
from edge.records.copy_mark import CopyMark, put_mark
from edge.records.copying import checked_mark, copy_records, opened, total
from edge.records.engine import is_embedded
from edge.records.migrate import migrate, require_newest
from edge.records.problems import ForeignRecords
from edge.settings import BucketFolder, Settings
from edge.stores import Buckets, files_of, open_buckets


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Bytes:
    """Blobs of one kind, here and in the target."""

    what: str
    mine: Blobs
    theirs: Blobs
    prefix: str


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
        if is_embedded(there):
            raise OSError(
                "--database-url has to be of a PostgreSQL database, such as"
                " postgresql://user:password@host/name: one of SQLite serves a single machine"
            )
        if is_embedded(here):
            await migrate(here)
        else:
            await require_newest(here)
        await require_newest(there)
        mark = await checked_mark(here, there)
        place = _place(target)
        known = mark is not None and mark.place == place
        with tempfile.TemporaryDirectory(prefix="copy-", dir=settings.data) as name:
            staging = Path(name)
            # Uploads may lie in this data folder beside those in the blobs: not in the target's.
            pairs = (
                _Bytes(
                    what="uploads",
                    mine=await files_of(settings, buckets),
                    theirs=await files_of(dataclasses.replace(target, data=staging), buckets),
                    prefix="",
                ),
                _Bytes(
                    what="artifacts",
                    mine=await _artifacts(settings, buckets),
                    theirs=await _artifacts(target, buckets),
                    prefix="artifacts/",
                ),
            )
            if not known:
                await _require_empty(pairs, target)
            if mark is None or not known:
                # From now on, what is there was copied: a run that is cut off can be completed.
                mark = CopyMark(place=place, sum=0 if mark is None else mark.sum)
                await put_mark(there, mark)
            # Records last: they name nothing then that has not been copied.
            for pair in pairs:
                await _copy_bytes(pair, staging, removing=known)
        for done in (copies := await copy_records(here, there, mark)):
            if done.written or done.removed:
                print(f"{done.table}: {done.written} rows written, {done.removed} removed")
        every = total(copies)
        print(f"records: {every.rows} rows, {every.written} written, {every.removed} removed")


def _place(target: Settings) -> str:
    """Name where the target's bytes are to lie, the same each time."""
    match target.blobs:
        case BucketFolder() as folder:
            return f"{folder} at {target.s3_endpoint or 'Amazon S3'}"
        case folder:
            return str((folder or target.data).resolve())


async def _require_empty(pairs: tuple[_Bytes, ...], target: Settings) -> None:
    """
    Make sure that a place that nothing was copied to has nothing of anybody else's.

    Raises:
        ForeignRecords: It has.
    """
    for pair in pairs:
        if await anext(pair.theirs.list(pair.prefix), None) is not None:
            raise ForeignRecords(
                f"there are {pair.what} at {target.blobs} that were not copied there with this"
                " database: name an empty folder or prefix with --blobs"
            )


async def _copy_bytes(pair: _Bytes, staging: Path, *, removing: bool) -> None:
    done = await copy_blobs(pair.mine, pair.theirs, pair.prefix, staging=staging, removing=removing)
    print(
        f"{pair.what}: {done.copied} copied ({done.copied_bytes} bytes),"
        f" {done.kept} there before, {done.removed} removed"
    )


async def _artifacts(settings: Settings, buckets: Buckets) -> Blobs:
    match settings.blobs:
        case BucketFolder() as folder:
            return S3Blobs(await buckets.open_checked(folder))
        case folder:
            return DiskBlobs(folder or settings.data / "blobs")
