"""
One running installation, put together: every room of the house, opened in order, closed in reverse.

The only module that knows which implementation stands behind which interface.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from cache.artifacts import Artifacts
from cache.blobs.disk import DiskBlobs
from cache.hot import HotCache
from cache.origins.fetch import Fetcher
from cache.origins.folder import Folder
from cache.origins.http import HttpFolder
from cache.origins.mounts import Mounts
from cache.source import Origin
from edge.accounts.store import Accounts
from edge.billing.store import Ledger
from edge.clock import Clock, SystemClock
from edge.fill.admission import Admission, Budgets
from edge.fill.filler import Filler
from edge.fill.owners import OwnerFile, bury
from edge.fill.runner import Runner
from edge.fill.surveys import Surveys
from edge.jobs.store import Jobs
from edge.library.files import Files
from edge.records.engine import open_records
from edge.records.migrate import migrate
from edge.sandbox.pool import Sandbox, SandboxSettings
from edge.settings import Settings
from transforms.plan import Limits

# What an external folder says about a file is believed this long.
_EXTERNAL_TTL_SECONDS = 60.0
_HOT_BYTES = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What is kept in the database."""

    engine: AsyncEngine
    accounts: Accounts
    jobs: Jobs
    ledger: Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What looking at media and making it takes, without records: files and the sandbox."""

    files: Files
    sandbox: Sandbox
    surveys: Surveys
    limits: Limits


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
        workshop = await stack.enter_async_context(open_workshop(settings, hot))
        artifacts = await stack.enter_async_context(open_artifacts(settings))
        owner = OwnerFile(settings.data / "owners")
        for dead in await asyncio.to_thread(bury, settings.data / "owners"):
            await records.jobs.release_owner(dead)
        await asyncio.to_thread(owner.hold)
        stack.callback(owner.release)
        runner = Runner(
            owner=owner.owner,
            slots=settings.workers,
            shelf=workshop.files,
            artifacts=artifacts,
            jobs=records.jobs,
            surveys=workshop.surveys,
            sandbox=workshop.sandbox,
            limits=workshop.limits,
            deadline_seconds=settings.job_deadline_seconds,
        )
        clock = SystemClock()
        filler = Filler(
            shelf=workshop.files,
            artifacts=artifacts,
            jobs=records.jobs,
            surveys=workshop.surveys,
            admission=Admission(
                records.jobs, records.ledger, records.accounts, clock, _budgets(settings)
            ),
            runner=runner,
            limits=workshop.limits,
            clock=clock,
        )
        runner.open()
        stack.push_async_callback(runner.aclose)
        stack.push_async_callback(filler.aclose)
        yield Node(
            settings=settings,
            clock=clock,
            records=records,
            workshop=workshop,
            artifacts=artifacts,
            runner=runner,
            filler=filler,
        )


@contextlib.asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncIterator[Records]:
    """Open the records, up to date, with the first account and the keys it was given."""
    await asyncio.to_thread(settings.data.mkdir, parents=True, exist_ok=True)
    engine = open_records(settings.records_url)
    try:
        await migrate(engine)
        accounts = Accounts(engine)
        await accounts.ensure(
            settings.account,
            secret_key=settings.bootstrap_secret_key,
            public_key=settings.bootstrap_public_key,
        )
        yield Records(
            engine=engine,
            accounts=accounts,
            jobs=Jobs(engine, lease_ms=settings.lease_seconds * 1000),
            ledger=Ledger(engine),
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
async def open_workshop(settings: Settings, hot: HotCache) -> AsyncIterator[Workshop]:
    """Open the files of the first account and a sandbox to read them in."""
    async with contextlib.AsyncExitStack() as stack:
        files = Files({settings.account: await _mounts(settings, stack)})
        sandbox = Sandbox(SandboxSettings(address_space_bytes=settings.worker_memory_bytes))
        await sandbox.start()
        stack.push_async_callback(sandbox.close)
        surveys = Surveys(sandbox, files, hot)
        stack.push_async_callback(surveys.aclose)
        yield Workshop(files=files, sandbox=sandbox, surveys=surveys, limits=_limits(settings))


async def _mounts(settings: Settings, stack: contextlib.AsyncExitStack) -> Mounts:
    origins: dict[str, Origin] = {}
    if settings.root is not None:
        origins["/"] = Folder(Path(settings.root), "/")
    if settings.mounts:
        fetcher = await stack.enter_async_context(Fetcher(allow_networks=settings.allow_networks))
        for mount in settings.mounts:
            origins[mount.prefix] = HttpFolder(
                mount.url, mount.prefix, fetcher, _EXTERNAL_TTL_SECONDS
            )
    return Mounts(origins)


def _limits(settings: Settings) -> Limits:
    return Limits(
        duration_ms=settings.max_output_hours * 3_600_000, file_bytes=settings.max_output_bytes
    )


def _budgets(settings: Settings) -> Budgets:
    return Budgets(
        new_transforms_per_minute=settings.new_transforms_per_minute,
        max_queue=settings.max_queue,
        quota_seconds=settings.quota_seconds,
    )
