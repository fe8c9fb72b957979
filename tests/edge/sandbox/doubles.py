"""Sources to read, a plan to carry out, and a look at what the kernel sees."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from transforms.formats import Format
from transforms.plan import Encoding, Limits, RenderPlan, Shaping, Span

# For jobs that end by themselves; nothing is asserted about how soon they do.
AMPLE = 60.0
# For jobs that never end.
SMALL = 0.3


class LocalReader:
    """A source with a descriptor."""

    def __init__(self, content: bytes) -> None:
        self._descriptor = os.memfd_create("source")
        os.write(self._descriptor, content)
        self.size_bytes = len(content)

    def fileno(self) -> int | None:
        return self._descriptor

    async def read_at(self, offset: int, length: int) -> bytes:
        raise AssertionError("a local source is read by its descriptor")

    async def aclose(self) -> None:
        raise AssertionError("whoever opened a reader closes it")

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


class RemoteReader:
    """A source that only the server can read; *instead* is awaited in place of reading."""

    def __init__(
        self, content: bytes, instead: Callable[[], Awaitable[bytes]] | None = None
    ) -> None:
        self._content = content
        self._instead = instead
        self.size_bytes = len(content)
        self.reads: list[tuple[int, int]] = []
        self.asked = asyncio.Event()

    def fileno(self) -> int | None:
        return None

    async def read_at(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        self.asked.set()
        if self._instead is not None:
            return await self._instead()
        return self._content[offset : offset + length]

    async def aclose(self) -> None:
        raise AssertionError("whoever opened a reader closes it")


def a_plan(*, file_bytes: int = 1 << 30) -> RenderPlan:
    encoding = Encoding(
        bitrate_bps=128_000, average=False, sample_rate_hz=48_000, channels=2, bit_depth=None
    )
    return RenderPlan(
        format=Format.MP3,
        spans=(Span(source=0, start_samples=0, end_samples=None),),
        tracks=(1,),
        encodings=(encoding,),
        shaping=Shaping(),
        limits=Limits(duration_ms=1000, file_bytes=file_bytes),
        expected_ms=None,
    )


def children_of(pid: int) -> list[int]:
    """The processes, zombies included, that *pid* has forked and not reaped."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and _stat(int(entry))[1] == pid:
            found.append(int(entry))
    return found


def is_running(pid: int) -> bool:
    return _stat(pid)[0] not in ("", "Z", "X")


def open_descriptors(pid: int) -> list[str]:
    return sorted(os.listdir(f"/proc/{pid}/fd"))


def _stat(pid: int) -> tuple[str, int]:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "", 0
    return fields[0], int(fields[1])


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)
