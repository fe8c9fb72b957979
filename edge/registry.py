"""
What an installation keeps in its database, opened and brought up to date.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from edge.accounts.jwt_keys.store import JwtKeys
from edge.accounts.seal import Seal, seal_key_in
from edge.accounts.store import Accounts
from edge.billing.store import Ledger
from edge.jobs.sources.store import JobSources
from edge.jobs.store import Jobs
from edge.library.catalogue.store import Catalogue
from edge.library.folders.store import Folders
from edge.library.importing.store import ImportTasks
from edge.library.media.store import MediaRows
from edge.library.uploads.store import UploadRows
from edge.library.webhooks.secrets.store import WebhookSecrets
from edge.library.webhooks.store import Events
from edge.records.engine import is_embedded, open_records
from edge.records.migrate import migrate, require_newest
from edge.records.problems import ForeignSeal
from edge.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What is kept in the database."""

    engine: AsyncEngine
    seal: Seal
    accounts: Accounts
    jwt_keys: JwtKeys
    jobs: Jobs
    job_sources: JobSources
    ledger: Ledger
    catalogue: Catalogue
    folders: Folders
    media: MediaRows
    uploads: UploadRows
    import_tasks: ImportTasks
    events: Events
    webhook_secrets: WebhookSecrets


@contextlib.asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncIterator[Records]:
    """
    Open the records, up to date, with the first account and the keys it was given.

    Raises:
        WrongRevision: They are a server's, and not migrated to what this version works with.
        ForeignSeal: They are a server's, and have keys that this node cannot unseal.
    """
    await asyncio.to_thread(settings.data.mkdir, parents=True, exist_ok=True)
    engine = open_records(settings.records_url)
    try:
        if is_embedded(engine):
            await migrate(engine)
        else:
            await require_newest(engine)
        key = settings.seal_key
        if key is None:
            key = await asyncio.to_thread(seal_key_in, settings.data / "seal.key")
        seal = Seal(key)
        accounts = Accounts(engine, seal)
        if not is_embedded(engine):
            await _refuse_another_seal(accounts)
        await accounts.ensure(
            settings.account,
            secret_key=settings.bootstrap_secret_key,
            public_key=settings.bootstrap_public_key,
        )
        # Of nodes that start together on new records, the second finds the first one's here.
        if not is_embedded(engine):
            await _refuse_another_seal(accounts)
        yield Records(
            engine=engine,
            seal=seal,
            accounts=accounts,
            jwt_keys=JwtKeys(engine),
            jobs=Jobs(engine, lease_ms=settings.lease_seconds * 1000),
            job_sources=JobSources(engine),
            ledger=Ledger(engine),
            catalogue=Catalogue(engine),
            folders=Folders(
                engine,
                mounted=[settings.account] if settings.root or settings.mounts else [],
            ),
            media=MediaRows(engine),
            uploads=UploadRows(engine),
            import_tasks=ImportTasks(engine, lease_ms=settings.lease_seconds * 1000),
            events=Events(engine),
            webhook_secrets=WebhookSecrets(engine, seal),
        )
    finally:
        await engine.dispose()


async def _refuse_another_seal(accounts: Accounts) -> None:
    """Refuse to work beside nodes that seal with another key: each would spoil what others seal."""
    if unopened := await accounts.unopened_keys():
        raise ForeignSeal(unopened)
