"""
Render minutes of sound that exist only while they are read, and print the peak memory in KiB.

Run in a process of its own, ``python -m tests.support.long_render MINUTES QUERY``, because peak
memory is one number a process.
"""

from __future__ import annotations

import io
import resource
import sys
from typing import BinaryIO

from tests.support.engine import LIMITS, read
from tests.support.media import wav_header
from tests.support.memory import MemorySink
from transforms.audio.survey import survey
from transforms.audio.timeline import resolve
from transforms.render import render

RATE = 22_050
_PATTERN = bytes(range(256)) * 256


class EndlessWav:
    """A WAV of any length: a header, then one pattern over and over."""

    def __init__(self, minutes: int) -> None:
        data_bytes = minutes * 60 * RATE * 2
        self._header = wav_header(rate=RATE, channels=1, data_bytes=data_bytes)
        self.size_bytes = len(self._header) + data_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        length = min(length, self.size_bytes - offset)
        if offset < len(self._header):
            return (self._header + _PATTERN)[offset : offset + length]
        first = offset % len(_PATTERN)
        return (_PATTERN[first:] + _PATTERN * (length // len(_PATTERN) + 1))[:length]


class _Forgetful(io.BytesIO):
    """A file that keeps its first mebibyte, which is where headers are patched and read."""

    KEPT = 1 << 20

    def __init__(self) -> None:
        super().__init__()
        self._size = 0
        self._at = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        super().seek(self._at)
        super().write(piece[: max(0, self.KEPT - self._at)])
        self._at += len(piece)
        self._size = max(self._size, self._at)
        return len(piece)

    def read(self, size: int | None = -1) -> bytes:
        left = self._size - self._at
        size = left if size is None or size < 0 else min(size, left)
        super().seek(self._at)
        piece = super().read(size)
        self._at += size
        return piece + bytes(size - len(piece))


class ForgetfulSink(MemorySink):
    """A sink that holds next to nothing, so that what is measured is the engine."""

    def create(self, path: str) -> BinaryIO:
        return _Forgetful()


def main() -> None:
    source = EndlessWav(int(sys.argv[1]))
    plan = resolve(read(sys.argv[2]).plan, [survey(source)], LIMITS).render
    report = render(plan, [source], ForgetfulSink())
    assert report.duration == int(sys.argv[1]) * 60
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main()
