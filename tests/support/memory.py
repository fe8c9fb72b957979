"""Sources and sinks in memory."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import BinaryIO

from transforms.plan import Segment


class MemorySource:
    """Bytes as a source that remembers how much of it was read."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.read_bytes = 0

    @property
    def size_bytes(self) -> int:
        return len(self._content)

    def read_at(self, offset: int, length: int) -> bytes:
        piece = self._content[offset : offset + length]
        self.read_bytes += len(piece)
        return piece


class _Kept(io.BytesIO):
    """A file whose content outlives its closing."""

    def __init__(self, files: dict[str, bytes], path: str) -> None:
        super().__init__()
        self._files = files
        self._path = path

    def close(self) -> None:
        if not self.closed:
            self._files[self._path] = self.getvalue()
        super().close()


@dataclass(slots=True)
class MemorySink:
    """Keeps the files it is given, once closed, and the progress it is told."""

    files: dict[str, bytes] = field(default_factory=dict)
    told: list[float] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    wants: list[tuple[int, int] | None] = field(default_factory=list)

    def create(self, path: str) -> BinaryIO:
        return _Kept(self.files, path)

    def progress(self, fraction: float) -> None:
        self.told.append(fraction)

    def wanted(self) -> tuple[int, int] | None:
        return self.wants.pop(0) if self.wants else None

    def segment(self, segment: Segment) -> None:
        assert self.files[segment.path], "announced before it was written"
        self.segments.append(segment)
