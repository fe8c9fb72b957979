"""
Render minutes of sound that exist only while they are read, and print the peak memory in KiB.

Run in a process of its own, ``python -m tests.support.long_render MINUTES QUERY``, because peak
memory is one number a process.
"""

from __future__ import annotations

import resource
import sys
import tempfile
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


class DiskSink(MemorySink):
    """A sink that holds nothing in memory, so that what is measured is the engine."""

    def create(self, path: str) -> BinaryIO:
        return tempfile.TemporaryFile()


def main() -> None:
    source = EndlessWav(int(sys.argv[1]))
    plan = resolve(read(sys.argv[2]).plan, [survey(source)], LIMITS).render
    report = render(plan, [source], DiskSink())
    assert report.duration == int(sys.argv[1]) * 60
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main()
