"""
One running installation, put together: every room of the house, opened in order, closed in reverse.

The only module that knows which implementation stands behind which interface.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from cache.artifacts import Artifacts
from cache.blobs.disk import DiskBlobs
from cache.hot import HotCache
from cache.origins.fetch import Fetcher
from cache.staging import StagingArea
from edge.accounts.jwt_keys.store import JwtKeys
from edge.accounts.seal import Seal, seal_key_in
from edge.accounts.store import Accounts
from edge.billing.store import Ledger
from edge.clock import Clock, SystemClock
from edge.fill.admission import Admission, Budgets
from edge.fill.filler import Filler
from edge.fill.grants import Grants, most_threads
from edge.fill.growing import Growths
from edge.fill.owners import OwnerFile, bury
from edge.fill.runner import Runner
from edge.jobs.store import Jobs
from edge.library.catalogue.store import Catalogue
from edge.library.debris.store import Debris
from edge.library.folders.store import Folders
from edge.library.media.store import MediaRows
from edge.library.quota import StorageQuota
from edge.library.storage import Storage
from edge.library.uploaded import Library, Uploaded
from edge.library.uploads.imports import Imports
from edge.library.uploads.intake import Intake
from edge.library.uploads.store import UploadRows
from edge.records.engine import open_records
from edge.records.migrate import migrate
from edge.settings import Settings
from edge.settings.machine import usable_cores
from edge.workshop import Workshop, open_workshop

_HOT_BYTES = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What is kept in the database."""

    engine: AsyncEngine
    seal: Seal
    accounts: Accounts
    jwt_keys: JwtKeys
    jobs: Jobs
    ledger: Ledger
    catalogue: Catalogue
    folders: Folders
    media: MediaRows
    uploads: UploadRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Everything a server or a worker needs."""

    settings: Settings
    clock: Clock
    records: Records
    workshop: Workshop
    artifacts: Artifacts
    runner: Runner
    filler: Filler
    intake: Intake
    imports: Imports
    library: Library


@contextlib.asynccontextmanager
async def open_node(settings: Settings) -> AsyncIterator[Node]:
    """
    Open an installation; jobs left behind by dead processes are queued again.

    Raises:
        OSError: The data folder cannot be used.
    """
    await asyncio.to_thread(settings.data.mkdir, parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        records = await stack.enter_async_context(open_accounts(settings))
        hot = HotCache(settings.data / "hot", max_bytes=_HOT_BYTES)
        stack.push_async_callback(hot.aclose)
        artifacts = await stack.enter_async_context(open_artifacts(settings))
        clock = SystemClock()
        storage = await stack.enter_async_context(open_storage(settings))
        uploaded = Uploaded(records.catalogue, storage)
        workshop = await stack.enter_async_context(open_workshop(settings, hot, uploaded))
        owner = OwnerFile(settings.data / "owners")
        for dead in await asyncio.to_thread(bury, settings.data / "owners"):
            await records.jobs.release_owner(dead)
        await asyncio.to_thread(owner.hold)
        stack.callback(owner.release)
        growths = Growths(artifacts)
        runner = Runner(
            owner=owner.owner,
            slots=settings.workers,
            shelf=workshop.sounds,
            artifacts=artifacts,
            jobs=records.jobs,
            surveys=workshop.surveys,
            sandbox=workshop.sandbox,
            grants=Grants(cores=usable_cores(), most=most_threads(settings.worker_memory_bytes)),
            growths=growths,
            limits=workshop.limits,
            deadline_seconds=settings.job_deadline_seconds,
        )
        filler = Filler(
            shelf=workshop.sounds,
            artifacts=artifacts,
            jobs=records.jobs,
            surveys=workshop.surveys,
            admission=Admission(
                records.jobs, records.ledger, records.accounts, clock, _budgets(settings)
            ),
            runner=runner,
            growths=growths,
            limits=workshop.limits,
            clock=clock,
        )
        runner.open()
        stack.push_async_callback(runner.aclose)
        stack.push_async_callback(filler.aclose)
        fetcher = await stack.enter_async_context(Fetcher(allow_networks=settings.allow_networks))
        intake = _intake(settings, records, storage, clock)
        yield Node(
            settings=settings,
            clock=clock,
            records=records,
            workshop=workshop,
            artifacts=artifacts,
            runner=runner,
            filler=filler,
            intake=intake,
            imports=Imports(fetcher=fetcher, intake=intake, most_bytes=settings.max_upload_bytes),
            library=Library(catalogue=records.catalogue, debris=intake.debris, artifacts=artifacts),
        )


@contextlib.asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncIterator[Records]:
    """Open the records, up to date, with the first account and the keys it was given."""
    await asyncio.to_thread(settings.data.mkdir, parents=True, exist_ok=True)
    engine = open_records(settings.records_url)
    try:
        await migrate(engine)
        seal = Seal(
            settings.seal_key or await asyncio.to_thread(seal_key_in, settings.data / "seal.key")
        )
        accounts = Accounts(engine, seal)
        await accounts.ensure(
            settings.account,
            secret_key=settings.bootstrap_secret_key,
            public_key=settings.bootstrap_public_key,
        )
        yield Records(
            engine=engine,
            seal=seal,
            accounts=accounts,
            jwt_keys=JwtKeys(engine),
            jobs=Jobs(engine, lease_ms=settings.lease_seconds * 1000),
            ledger=Ledger(engine),
            catalogue=Catalogue(engine),
            folders=Folders(engine),
            media=MediaRows(engine),
            uploads=UploadRows(engine),
        )
    finally:
        await engine.dispose()


@contextlib.asynccontextmanager
async def open_artifacts(settings: Settings) -> AsyncIterator[Artifacts]:
    """Open the store of artifacts."""
    blobs = DiskBlobs(settings.blobs or settings.data / "blobs")
    async with Artifacts(blobs, settings.data, max_bytes=settings.cache_bytes) as artifacts:
        yield artifacts


@contextlib.asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[Storage]:
    """Open the store of uploaded files."""
    area = StagingArea(settings.data / "incoming")
    await area.start()
    try:
        yield Storage(DiskBlobs(settings.data / "files"), area)
    finally:
        await area.aclose()


def _intake(settings: Settings, records: Records, storage: Storage, clock: Clock) -> Intake:
    quota = StorageQuota(
        accounts=records.accounts,
        catalogue=records.catalogue,
        default_bytes=settings.storage_quota_bytes,
    )
    return Intake(
        rows=records.uploads,
        catalogue=records.catalogue,
        storage=storage,
        debris=Debris(records.engine, storage),
        quota=quota,
        clock=clock,
    )


def _budgets(settings: Settings) -> Budgets:
    return Budgets(
        new_transforms_per_minute=settings.new_transforms_per_minute,
        max_queue=settings.max_queue,
        quota_seconds=settings.quota_seconds,
    )
