"""Where a test's artifacts are kept: a folder or a bucket."""

from __future__ import annotations

from pathlib import Path

from cache.artifacts import Artifacts
from cache.blobs import Blobs
from cache.source import read_whole


class Clock:
    """A clock that a test sets."""

    def __init__(self, now_ms: int = 1_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Place:
    """A store of blobs, the artifacts in it, and what can be seen and done behind their back."""

    def __init__(self, blobs: Blobs, tmp_path: Path, *, shared: bool) -> None:
        self.blobs = blobs
        self.root = tmp_path / "local"
        self.shared = shared

    def artifacts(self, *, clock: Clock | None = None, **more: int) -> Artifacts:
        """Prepare the artifacts of a process; several may have theirs at once."""
        return Artifacts(self.blobs, self.root, shared=self.shared, now_ms=clock or Clock(), **more)

    async def names(self) -> list[str]:
        """List what is stored, by key."""
        return [blob.key async for blob in self.blobs.list("")]

    async def sizes(self) -> dict[str, int]:
        """Say how many bytes each blob has."""
        return {blob.key: blob.size_bytes async for blob in self.blobs.list("")}

    async def times_ms(self) -> list[int]:
        """Say when each blob was stored."""
        return [blob.modified_ms async for blob in self.blobs.list("")]

    async def content(self, key: str) -> bytes:
        """Read a blob."""
        reader = await self.blobs.open(key)
        try:
            return await read_whole(reader, 1 << 20)
        finally:
            await reader.aclose()

    async def replace(self, key: str, content: bytes) -> None:
        """Store other bytes under a key."""
        self.root.mkdir(exist_ok=True)
        path = self.root / "replacement"
        path.write_bytes(content)
        await self.blobs.put(key, path)
