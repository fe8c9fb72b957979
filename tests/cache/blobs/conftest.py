"""Every backend of blobs, for the contract they share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cache.blobs import Blobs
from cache.blobs.disk import DiskBlobs
from cache.blobs.s3 import S3Blobs
from tests.support.backend_fixtures import S3Bucket
from tests.support.buckets import open_bucket


@pytest.fixture(params=["disk", "s3"])
def somewhere(request: pytest.FixtureRequest) -> S3Bucket | None:
    """None for a folder."""
    return None if request.param == "disk" else request.getfixturevalue("a_bucket")


@pytest.fixture
async def blobs(
    somewhere: S3Bucket | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Blobs]:
    if somewhere is None:
        yield DiskBlobs(tmp_path / "blobs")
    else:
        async with open_bucket(somewhere, monkeypatch) as bucket:
            yield S3Blobs(bucket)
