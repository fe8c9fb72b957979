"""
One running installation, put together: every room of the house, opened in order, closed in reverse.

The only module that knows which implementation stands behind which interface.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from cache.artifacts import Artifacts
from cache.hot import HotCache
from edge.archive import Archive, open_archive
from edge.clock import Clock, SystemClock
from edge.fill.admission import Admission, Budgets
from edge.fill.chores import Chores
from edge.fill.filler import Filler
from edge.fill.grants import Grants, most_threads
from edge.fill.growing import Growths
from edge.fill.owners import OwnerFile, bury
from edge.fill.resets import CacheResets
from edge.fill.runner import Runner
from edge.hearing import open_hearing
from edge.library.chores import LibraryChores
from edge.library.uploaded import Uploaded
from edge.records.telling import Hearing
from edge.registry import Records, open_accounts
from edge.settings import Settings
from edge.settings.machine import usable_cores
from edge.stores import open_artifacts, open_buckets, open_storage
from edge.workshop import Workshop, open_workshop

_HOT_BYTES = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Everything a server or a worker needs."""

    settings: Settings
    clock: Clock
    records: Records
    workshop: Workshop
    artifacts: Artifacts
    hearing: Hearing
    runner: Runner
    filler: Filler
    archive: Archive


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
        buckets = await stack.enter_async_context(open_buckets(settings))
        artifacts = await stack.enter_async_context(open_artifacts(settings, buckets))
        hearing = await stack.enter_async_context(open_hearing(records, artifacts))
        clock = SystemClock()
        storage = await stack.enter_async_context(open_storage(settings, buckets))
        uploaded = Uploaded(records.catalogue, records.media, storage)
        workshop = await stack.enter_async_context(
            open_workshop(settings, hot, buckets, uploaded, records.folders)
        )
        owner = await _take_over(settings, records)
        stack.callback(owner.release)
        chores = Chores(records.jobs)
        CacheResets(artifacts, records.job_sources).teach(chores)
        runner, filler = _filling(settings, records, workshop, artifacts, clock, owner, chores)
        archive = await stack.enter_async_context(
            open_archive(
                settings,
                records=records,
                storage=storage,
                workshop=workshop,
                artifacts=artifacts,
                clock=clock,
                owner=owner.owner,
            )
        )
        LibraryChores(
            library=archive.library,
            catalogue=records.catalogue,
            folders=records.folders,
            filler=filler,
        ).teach(chores)
        stack.push_async_callback(filler.aclose)
        runner.open()
        stack.push_async_callback(runner.aclose)
        yield Node(
            settings=settings,
            clock=clock,
            records=records,
            workshop=workshop,
            artifacts=artifacts,
            hearing=hearing,
            runner=runner,
            filler=filler,
            archive=archive,
        )


def _filling(
    settings: Settings,
    records: Records,
    workshop: Workshop,
    artifacts: Artifacts,
    clock: Clock,
    owner: OwnerFile,
    chores: Chores,
) -> tuple[Runner, Filler]:
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
        chores=chores,
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
    return runner, filler


async def _take_over(settings: Settings, records: Records) -> OwnerFile:
    """Queue again what dead processes have left, and say that this one lives."""
    owner = OwnerFile(settings.data / "owners")
    for dead in await asyncio.to_thread(bury, settings.data / "owners"):
        await records.jobs.release_owner(dead)
        await records.import_tasks.release_owner(dead)
    await asyncio.to_thread(owner.hold)
    return owner


def _budgets(settings: Settings) -> Budgets:
    return Budgets(
        new_transforms_per_minute=settings.new_transforms_per_minute,
        max_queue=settings.max_queue,
        quota_seconds=settings.quota_seconds,
    )
