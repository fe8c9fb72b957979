"""
The fixtures ``postgres`` and ``s3``, and the servers behind them, for the tests of any folder.

Where a server's programs are not installed, the tests that need it are skipped, and fail in CI.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import backends

if TYPE_CHECKING:
    from tests.support.databases import Databases

_RUN = pytest.StashKey[contextlib.ExitStack]()
# What the gateway takes in one request.
_DELETED_AT_ONCE = 1_000


def pytest_configure(config: pytest.Config) -> None:
    """Begin a run; the processes that xdist starts are of the same one."""
    if not hasattr(config, "workerinput"):
        run = config.stash[_RUN] = contextlib.ExitStack()
        run.enter_context(backends.run_of_tests())


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers, if any were started."""
    if _RUN in config.stash:
        config.stash[_RUN].close()


def _obtain(server: str) -> backends.Told:
    try:
        return backends.obtain(server)
    except backends.NotInstalled as missing:
        if os.environ.get("CI"):
            pytest.fail(f"these tests need {missing}")
        pytest.skip(f"these tests need {missing}")


@pytest.fixture(scope="session")
def postgres_server() -> Databases:
    """A PostgreSQL server of the run, for whoever makes databases on it; never stop it."""
    # Other tests need neither the driver nor SQLAlchemy.
    from tests.support.databases import Databases

    return Databases(_obtain(backends.POSTGRES)["EDGE_TEST_POSTGRES"])


@pytest.fixture
def postgres(postgres_server: Databases) -> Iterator[str]:
    """The URL of a new PostgreSQL database that is up to date and empty."""
    with postgres_server.fresh() as url:
        yield url


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Bucket:
    """An empty bucket, and who may use it."""

    endpoint: str
    key: str
    secret: str
    bucket: str


class S3Server:
    """An S3 server, for whoever makes buckets on it."""

    def __init__(self, *, endpoint: str, key: str, secret: str) -> None:
        # It takes a while to load, and few tests need it.
        import botocore.session

        self.endpoint = endpoint
        self.key = key
        self.secret = secret
        # botocore has no types.
        self.client: Any = botocore.session.Session().create_client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )

    @contextlib.contextmanager
    def fresh(self) -> Iterator[S3Bucket]:
        """Make an empty bucket, and remove it with all that is in it in the end."""
        name = f"edge-{uuid.uuid4().hex}"
        self.client.create_bucket(Bucket=name)
        try:
            yield S3Bucket(endpoint=self.endpoint, key=self.key, secret=self.secret, bucket=name)
        finally:
            self._remove(name)

    def _remove(self, name: str) -> None:
        """Remove a bucket, for the server keeps all that is in it in memory."""
        for upload in self.client.list_multipart_uploads(Bucket=name).get("Uploads", []):
            self.client.abort_multipart_upload(
                Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"]
            )
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=name, PaginationConfig={"PageSize": _DELETED_AT_ONCE}
        )
        for page in pages:
            keys = [{"Key": each["Key"]} for each in page.get("Contents", [])]
            if keys:
                self.client.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
        self.client.delete_bucket(Bucket=name)


@pytest.fixture(scope="session")
def s3_server() -> S3Server:
    """An S3 server of the run; never stop it."""
    told = _obtain(backends.S3)
    return S3Server(
        endpoint=told["EDGE_TEST_S3"],
        key=told["EDGE_TEST_S3_KEY"],
        secret=told["EDGE_TEST_S3_SECRET"],
    )


@pytest.fixture
def s3(s3_server: S3Server) -> Iterator[S3Bucket]:
    """An empty bucket of the test's own."""
    with s3_server.fresh() as bucket:
        yield bucket
