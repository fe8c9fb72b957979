"""
The media library of an installation, put together: the way in, what is known, who keeps order.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

from cache.artifacts import Artifacts
from cache.origins.fetch import Fetcher
from edge.clock import Clock
from edge.fill.made_of import MadeOf
from edge.library.debris.store import Debris
from edge.library.housekeeping import Housekeeper
from edge.library.importing.importer import Importer
from edge.library.library import MediaLibrary
from edge.library.media.describing import Describer
from edge.library.quota import StorageQuota
from edge.library.storage import Storage
from edge.library.uploads.imports import Imports
from edge.library.uploads.intake import Intake
from edge.library.webhooks.sender import Sender
from edge.registry import Records
from edge.settings import Settings
from edge.workshop import Workshop


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What is kept of accounts' own files."""

    intake: Intake
    imports: Imports
    importer: Importer
    library: MediaLibrary


@contextlib.asynccontextmanager
async def open_archive(
    settings: Settings,
    *,
    records: Records,
    storage: Storage,
    workshop: Workshop,
    artifacts: Artifacts,
    clock: Clock,
    owner: str,
) -> AsyncIterator[Archive]:
    """Open the library, and have it kept in order until the end; *owner* names this process."""
    media, uploads = records.media, records.uploads
    debris = Debris(records.engine, storage)
    describer = Describer(media, workshop.surveys, workshop.looks, storage, debris, workshop.sounds)
    intake = Intake(
        rows=uploads,
        catalogue=records.catalogue,
        storage=storage,
        debris=debris,
        quota=StorageQuota(
            accounts=records.accounts,
            catalogue=records.catalogue,
            uploads=uploads,
            default_bytes=settings.storage_quota_bytes,
        ),
        clock=clock,
        brought=describer.note,
    )
    keeper = Housekeeper(
        uploads=uploads,
        debris=debris,
        made_of=MadeOf(sources=records.job_sources, artifacts=artifacts),
        describer=describer,
        upload_hours=settings.upload_hours,
    )
    networks = settings.allow_networks
    # Slow downloads take none of the connections that webhooks are sent by.
    async with (
        Fetcher(allow_networks=networks) as fetcher,
        Fetcher(allow_networks=networks) as teller,
    ):
        imports = Imports(fetcher=fetcher, intake=intake, most_bytes=settings.max_upload_bytes)
        library = MediaLibrary(
            rows=media,
            catalogue=records.catalogue,
            uploads=uploads,
            intake=intake,
            imports=imports,
            describer=describer,
            debris=debris,
            made_of=keeper.made_of,
        )
        sender = Sender(events=records.events, secrets=records.webhook_secrets, fetcher=teller)
        importer = Importer(
            library=library,
            tasks=records.import_tasks,
            events=records.events,
            fetcher=fetcher,
            owner=owner,
            lease_seconds=settings.lease_seconds,
        )
        try:
            async with _running(keeper.keep(), sender.run(), importer.run()):
                yield Archive(intake=intake, imports=imports, importer=importer, library=library)
        finally:
            await importer.aclose()
            await sender.aclose()
            await describer.aclose()
            await intake.joins.aclose()


@contextlib.asynccontextmanager
async def _running(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run loops until the block ends."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
