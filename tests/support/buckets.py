"""The product's own client for the S3 server of the tests."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator

import pytest

from cache.s3.bucket import Bucket
from cache.s3.client import Endpoint, Patience, S3Client
from tests.support.backend_fixtures import S3Bucket

# Faults of a test are repeated without much waiting.
HASTY = Patience(first_pause_seconds=0.001, longest_pause_seconds=0.01)


def credentials(s3: S3Bucket) -> dict[str, str]:
    """Spell the server's credentials as an operator would."""
    return {"AWS_ACCESS_KEY_ID": s3.key, "AWS_SECRET_ACCESS_KEY": s3.secret}


@contextlib.asynccontextmanager
async def open_bucket(
    s3: S3Bucket,
    monkeypatch: pytest.MonkeyPatch,
    *,
    endpoint: str | None = None,
    patience: Patience = HASTY,
) -> AsyncIterator[Bucket]:
    """Open an empty folder of a bucket, at its server or at the *endpoint* of a proxy before it."""
    for name, value in credentials(s3).items():
        monkeypatch.setenv(name, value)
    async with S3Client(Endpoint(url=endpoint or s3.endpoint), patience) as client:
        yield Bucket(client, s3.bucket, f"{uuid.uuid4().hex}/")
