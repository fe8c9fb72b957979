from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from cache.blobs.disk import DiskBlobs
from cache.staging import StagingArea
from edge.accounts.seal import Seal
from edge.accounts.store import Accounts
from edge.library.catalogue.store import Catalogue
from edge.library.debris.store import Debris
from edge.library.quota import StorageQuota
from edge.library.storage import Storage
from edge.library.uploads.intake import Intake
from edge.library.uploads.store import UploadRows

QUOTA = 1 << 30


class Standing:
    """A clock that stands."""

    def now_ms(self) -> int:
        return 1_671_976_453_133


@pytest.fixture
def catalogue(records: AsyncEngine) -> Catalogue:
    return Catalogue(records)


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    """A store in folders of the test's own."""
    area = StagingArea(tmp_path / "incoming")
    await area.start()
    yield Storage(DiskBlobs(tmp_path / "files"), area)
    await area.aclose()


@pytest.fixture
def intake(records: AsyncEngine, catalogue: Catalogue, storage: Storage) -> Intake:
    """The way in, at a moment of 2022."""
    return Intake(
        rows=UploadRows(records),
        catalogue=catalogue,
        storage=storage,
        debris=Debris(records, storage),
        quota=StorageQuota(
            accounts=Accounts(records, Seal(bytes(32))),
            catalogue=catalogue,
            uploads=UploadRows(records),
            default_bytes=QUOTA,
        ),
        clock=Standing(),
    )
