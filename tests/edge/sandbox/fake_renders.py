"""Renders that a worker can be told to make: what their first source says."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Callable, Sequence

from edge.sandbox.wire import Progress, encode
from edge.sandbox.worker import CONTROL_DESCRIPTOR
from transforms.plan import RenderedFile, RenderPlan, RenderReport, Segment
from transforms.sinks import Sink
from transforms.sources import Source


def render(
    plan: RenderPlan, sources: Sequence[Source], sink: Sink, *, threads: int
) -> RenderReport:
    action, _, argument = sources[0].read_at(0, 2000).decode().partition(" ")
    return RENDERS[action](sources, sink, argument)


def report(*paths: str, size_bytes: int = 1, media_type: str = "audio/mpeg") -> RenderReport:
    files = tuple(
        RenderedFile(path=path, media_type=media_type, size_bytes=size_bytes) for path in paths
    )
    return RenderReport(samples=48_000, sample_rate_hz=48_000, files=files, encoder="fake")


def join(sources: Sequence[Source], sink: Sink, argument: str) -> RenderReport:
    with sink.create("/audio.mp3") as file:
        file.write(b"....")
        for source in sources[1:]:
            file.write(source.read_at(0, source.size_bytes))
        file.seek(0)
        file.write(b"head")
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        assert file.read(4) == b"head"
    return report("/audio.mp3", size_bytes=size_bytes)


def proceed(sources: Sequence[Source], sink: Sink, argument: str) -> RenderReport:
    for step in range(100_001):
        sink.progress(step / 100_000)
    for wrong in (float("nan"), 0.5, -1.0, 2.0):
        sink.progress(wrong)
    return report()


def start_and_spin(sources: Sequence[Source], sink: Sink, argument: str) -> RenderReport:
    sink.progress(0.5)
    while True:
        pass


def create(sources: Sequence[Source], sink: Sink, argument: str) -> RenderReport:
    with sink.create(argument) as file:
        file.write(b"x")
    return report(argument)


def create_unannounced(sources: Sequence[Source], sink: Sink, argument: str) -> RenderReport:
    for number in range(int(argument)):
        sink.create(f"/0f/{number}.ts").close()
    return report()


def claim(sources: Sequence[Source], sink: Sink, argument: str) -> RenderReport:
    """Make an MP3, and report what *argument*, JSON, says of it and of others."""
    with sink.create("/audio.mp3") as file:
        file.write(b"x")
    claimed = json.loads(argument)
    files = claimed.pop("files", [["/audio.mp3", "audio/mpeg"]])
    made = (RenderedFile(path=path, media_type=kind, size_bytes=1) for path, kind in files)
    return dataclasses.replace(report(), files=tuple(made), **claimed)


def segment(sink: Sink, number: int, size_bytes: int) -> str:
    """Make and announce a segment of a second."""
    path = f"/0f/{number}.ts"
    with sink.create(path) as file:
        file.write(bytes(size_bytes))
    sink.segment(
        Segment(
            variant=0,
            path=path,
            first_sample=48_000 * number,
            samples=48_000,
            sample_rate_hz=48_000,
            size_bytes=size_bytes,
        )
    )
    return path


def make_segments(sources: Sequence[Source], sink: Sink, argument: str) -> RenderReport:
    """Make as many segments of as many bytes as *argument* says."""
    count, size_bytes = map(int, argument.split())
    paths = [segment(sink, number, size_bytes) for number in range(count)]
    return report(*paths, media_type="video/mp2t")


def announce(sources: Sequence[Source], sink: Sink, argument: str) -> RenderReport:
    """Create segments, and announce what *argument*, ``variant path samples bytes …``, says."""
    for number in range(3):
        with sink.create(f"/0f/{number}.ts") as file:
            file.write(b"x")
    words = argument.split()
    for variant, path, samples, size in zip(*(words[n::4] for n in range(4)), strict=True):
        segment = Segment(
            variant=int(variant),
            path=path,
            first_sample=0,
            samples=int(samples),
            sample_rate_hz=48_000,
            size_bytes=int(size),
        )
        sink.segment(segment)
    return report("/0f/0.ts", media_type="video/mp2t")


def overflow(sources: Sequence[Source], sink: Sink, argument: str) -> RenderReport:
    with sink.create("/audio.mp3") as file:
        for _ in range(100):
            file.write(bytes(1 << 20))
    return report("/audio.mp3")


def find_the_disk_full(sources: Sequence[Source], sink: Sink, argument: str) -> RenderReport:
    raise OSError(errno.ENOSPC, "No space left on device")


def be_nice(sources: Sequence[Source], sink: Sink, argument: str) -> RenderReport:
    return dataclasses.replace(report(), encoder=f"nice {os.getpriority(os.PRIO_PROCESS, 0)}")


def flood_progress(sources: Sequence[Source], sink: Sink, argument: str) -> RenderReport:
    frames = encode(Progress(fraction=0.5)) * 100
    while True:
        os.write(CONTROL_DESCRIPTOR, frames)


RENDERS: dict[str, Callable[[Sequence[Source], Sink, str], RenderReport]] = {
    function.__name__: function
    for function in (
        join,
        proceed,
        start_and_spin,
        create,
        create_unannounced,
        claim,
        make_segments,
        announce,
        overflow,
        find_the_disk_full,
        be_nice,
        flood_progress,
    )
}
