"""A store of artifacts on disk, and what is put into it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cache.artifacts import Artifacts
from cache.blobs.disk import DiskBlobs
from cache.blobs.s3 import S3Blobs
from cache.receipts import Receipt
from cache.s3.bucket import Bucket
from tests.cache.place import Clock, Place
from tests.support.backend_fixtures import S3Bucket, S3Server
from tests.support.buckets import open_bucket

KEY = "0f" * 32


def key_of(number: int) -> str:
    return f"{number:064x}"


def open_store(tmp_path: Path, *, max_bytes: int | None = None, clock=None) -> Artifacts:
    return Artifacts(
        DiskBlobs(tmp_path / "blobs"),
        tmp_path,
        max_bytes=max_bytes,
        now_ms=clock or Clock(),
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Artifacts]:
    async with open_store(tmp_path) as store:
        yield store


async def publish(
    store: Artifacts,
    key: str = KEY,
    files: dict[str, bytes] | None = None,
    *,
    account: str = "W142hJk",
    source_path: str = "/a.mp3",
) -> Receipt:
    staging = await store.stage(key)
    files = {"/audio.mp3": b"audio"} if files is None else files
    for path, content in files.items():
        with staging.create(path) as file:
            file.write(content)
    return await store.publish(
        staging,
        key=key,
        account=account,
        source_path=source_path,
        media_types=dict.fromkeys(files, "audio/mpeg"),
        extra={"made": "by a test"},
    )


async def content(store: Artifacts, receipt: Receipt, path: str = "/audio.mp3") -> bytes:
    file = receipt.file(path)
    assert file is not None
    reader = await store.open(receipt.key, file)
    try:
        return await reader.read_at(0, reader.size_bytes)
    finally:
        await reader.aclose()


def names(tmp_path: Path) -> list[str]:
    root = tmp_path / "blobs"
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def receipt_path(tmp_path: Path, key: str) -> Path:
    return tmp_path / "blobs" / "artifacts" / key[:2] / key / "receipt.json"


@pytest.fixture(scope="module")
def a_bucket(s3_server: S3Server) -> Iterator[S3Bucket]:
    """A bucket that the tests of a module share, each with a folder of its own in it."""
    with s3_server.fresh() as bucket:
        yield bucket


@pytest.fixture
async def bucket(a_bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bucket]:
    """An empty folder of a bucket on a real server."""
    async with open_bucket(a_bucket, monkeypatch) as bucket:
        yield bucket


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Somewhere to keep artifacts; what is tested with it holds for both kinds."""
    if request.param == "folder":
        return Place(DiskBlobs(tmp_path / "blobs"), tmp_path, shared=False)
    return Place(S3Blobs(request.getfixturevalue("bucket")), tmp_path, shared=True)
