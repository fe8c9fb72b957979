"""
HLS: one decode feeding every variant, each segment encoded by itself.

The sound of each sample rate and channel count is cut into stretches on the common grid, and each
of them becomes a segment of the variants that share it. What a segment holds depends on its place
and nothing else, so several threads may make segments. Each is announced when all of its bytes
are written, so that it can be played while the rest is being made. Playlists come last.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

from transforms.audio.crew import in_order
from transforms.audio.encode import AAC_FRAME_SAMPLES
from transforms.audio.filters import Block
from transforms.audio.stretches import stretches
from transforms.manifests.grid import Grid
from transforms.plan import RenderPlan, RenderReport
from transforms.problems import RenderFailed
from transforms.render.segments import Segments
from transforms.render.sound import Sound, decoded, loudness_gain_db
from transforms.sinks import Sink
from transforms.sources import Source

# How far the variants that are shown while they are made get ahead of those that are not: three
# target durations, the least that a growing playlist should hold (RFC 8216, 6.2.2).
_HEAD_START_TARGETS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Feed:
    """The sound of one sample rate and channel count, and the variants made of it."""

    sound: Sound
    rate: int
    variants: Sequence[int]


@dataclass(frozen=True, slots=True, order=True)
class _Task:
    """A segment to be made; those of earlier sound come first, unless their variant can wait."""

    due_seconds: Fraction
    variant: int
    make: Callable[[], None] = field(compare=False)


def render_segmented(
    plan: RenderPlan, sources: Sequence[Source], sink: Sink, *, threads: int
) -> RenderReport:
    """
    Make the segments and playlists of an HLS artifact; raises as ``render``.

    A source that fails half-way is raised after what came before it has become segments.
    """
    grid = Grid(encoding.sample_rate_hz for encoding in plan.encodings)
    segments = Segments(plan, grid, sink)
    feeds = _feeds(plan, sources, sink, loudness_gain_db(plan, sources))
    failures: list[Exception] = []
    tasks = _in_time(plan, grid, _flows(feeds, grid, segments, failures))
    for _ in in_order((task.make for task in tasks), threads=threads):
        pass
    for failure in failures:
        raise failure
    if not feeds[0].sound.samples:
        raise RenderFailed("There is no sound in the output.", code="no_audio")
    for variant, feed in ((v, f) for f in feeds for v in f.variants):
        made, planned = segments.made_samples(variant), feed.sound.samples
        if made != planned:
            raise RenderFailed(f"Variant {variant} holds {made} samples instead of {planned}.")
    files = segments.finish()
    sink.progress(1.0)
    return RenderReport(
        samples=feeds[0].sound.samples,
        sample_rate_hz=feeds[0].rate,
        files=files,
        encoder="libav aac",
    )


def _feeds(plan: RenderPlan, sources: Sequence[Source], sink: Sink, gain_db: float) -> list[_Feed]:
    kinds: dict[tuple[int, int], list[int]] = {}
    for variant, encoding in enumerate(plan.encodings):
        kinds.setdefault((encoding.sample_rate_hz, encoding.channels), []).append(variant)
    copies = itertools.tee(decoded(plan, sources), len(kinds))
    return [
        _Feed(
            sound=Sound(
                plan,
                plan.encodings[variants[0]],
                frames,
                loudness_gain_db=gain_db,
                progress=sink.progress if variants[0] == 0 else None,
            ),
            rate=rate,
            variants=variants,
        )
        for ((rate, _), variants), frames in zip(kinds.items(), copies, strict=True)
    ]


def _flows(
    feeds: Sequence[_Feed], grid: Grid, segments: Segments, failures: list[Exception]
) -> Iterator[_Task]:
    """
    Cut all feeds into segments, whichever is furthest behind first.

    So what they share of the decoded sound is soon let go of.
    """
    flows = [_flow(feed, grid, segments, failures) for feed in feeds]
    # Each flow's next segments, of the earliest flow first.
    return heapq.merge(*flows)


def _flow(
    feed: _Feed, grid: Grid, segments: Segments, failures: list[Exception]
) -> Iterator[_Task]:
    sound = _until_failure(feed.sound.blocks(), failures)
    pieces = stretches(
        sound,
        lambda number: grid.first_frame(number, feed.rate),
        crumb_frames=grid.crumb_frames(feed.rate),
    )
    for piece in pieces:
        begin = Fraction(piece.first_frame * AAC_FRAME_SAMPLES, feed.rate)
        for variant in feed.variants:
            yield _Task(begin, variant, partial(segments.make, variant, piece))


def _until_failure(blocks: Iterable[Block], failures: list[Exception]) -> Iterator[Block]:
    """End where a source fails, and keep what it failed of."""
    try:
        yield from blocks
    except Exception as problem:
        failures.append(problem)


def _in_time(plan: RenderPlan, grid: Grid, tasks: Iterable[_Task]) -> Iterator[_Task]:
    """Let the deferred variants follow the others at a distance, if there are others."""
    head_start_seconds = Fraction(_HEAD_START_TARGETS * grid.target_seconds)
    late: list[_Task] = []
    for task in tasks:
        while late and late[0].due_seconds <= task.due_seconds:
            yield heapq.heappop(late)
        if plan.encodings[task.variant].deferred:
            due = task.due_seconds + head_start_seconds
            heapq.heappush(late, _Task(due, task.variant, task.make))
        else:
            yield task
    yield from sorted(late)
