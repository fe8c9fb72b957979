"""The jobs of production, each of which also says what it took of its worker."""

from __future__ import annotations

import contextlib
import dataclasses
import mmap
import os
import resource
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.sandbox.jobs import ENGINE, Jobs, load
from edge.sandbox.worker import FileSource
from transforms.plan import RenderPlan, RenderReport, SourceFacts
from transforms.sinks import Sink
from transforms.sources import Source

_RECORD = struct.Struct("<QQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Processor time and the most memory that was resident, the zygote's share included."""

    cpu_ms: int = 0
    peak_kib: int = 0

    def most(self, other: Usage) -> Usage:
        """Take the larger of both."""
        return Usage(
            cpu_ms=max(self.cpu_ms, other.cpu_ms), peak_kib=max(self.peak_kib, other.peak_kib)
        )


def allotted_bytes(size_bytes: int) -> int:
    """Tell how long the file of a source must be, so that there is a page behind its bytes."""
    return _page(size_bytes) + mmap.PAGESIZE


def take_usage(descriptor: int, size_bytes: int) -> Usage:
    """Read and forget what the last worker of a source took; nothing if it came to no end."""
    raw = os.pread(descriptor, _RECORD.size, _page(size_bytes))
    cpu_ms, peak_kib = _RECORD.unpack(raw)
    os.pwrite(descriptor, bytes(_RECORD.size), _page(size_bytes))
    return Usage(cpu_ms=cpu_ms, peak_kib=peak_kib)


def _page(size_bytes: int) -> int:
    return -(-size_bytes // mmap.PAGESIZE) * mmap.PAGESIZE


@contextlib.contextmanager
def _metered(source: Source) -> Iterator[None]:
    try:
        yield
    finally:
        if isinstance(source, FileSource):
            with contextlib.suppress(OSError, ValueError):
                _write_usage(source)


def _write_usage(source: FileSource) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu_ms = round((usage.ru_utime + usage.ru_stime) * 1000)
    # Mapped and not written: a worker that surveys may not write a byte to a file.
    with mmap.mmap(source._descriptor, mmap.PAGESIZE, offset=_page(source.size_bytes)) as page:
        page[: _RECORD.size] = _RECORD.pack(cpu_ms, usage.ru_maxrss)


def _table() -> Jobs:
    engine = load(ENGINE)

    def survey(source: Source, *, track: int, exact: bool) -> SourceFacts:
        with _metered(source):
            return engine.survey(source, track=track, exact=exact)

    def probe(source: Source) -> dict[str, object]:
        with _metered(source):
            return engine.probe(source)

    def render(
        plan: RenderPlan, sources: Sequence[Source], sink: Sink, *, threads: int
    ) -> RenderReport:
        with _metered(sources[0]):
            return engine.render(plan, sources, sink, threads=threads)

    return dataclasses.replace(engine, survey=survey, probe=probe, render=render)


def __getattr__(name: str) -> Jobs:
    # Made in the zygote when it asks for it, because it imports PyAV.
    if name == "JOBS":
        return _table()
    raise AttributeError(name)
