"""Every backend of blobs, for the contract they share."""

from pathlib import Path

import pytest

from cache.blobs import Blobs
from cache.blobs.disk import DiskBlobs


@pytest.fixture(params=["disk"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    backends = {"disk": lambda: DiskBlobs(tmp_path / "blobs")}
    return backends[request.param]()
