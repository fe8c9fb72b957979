"""
HLS and DASH: every segment encoded by itself, in the timeline's order or as they are wanted.

What a segment holds depends on its place and nothing else, so several threads may make segments,
and those that somebody waits for may come before their turn. Each is announced when all of its
bytes are written, so that it can be played while the rest is being made. Manifests come last.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from transforms.audio.crew import in_order
from transforms.manifests.grid import Grid
from transforms.plan import RenderPlan, RenderReport
from transforms.problems import RenderFailed
from transforms.render.flow import Flow, Task
from transforms.render.landing import can_be_entered
from transforms.render.segments import Segments
from transforms.sinks import Sink
from transforms.sources import Source

# How far the variants that are shown while they are made get ahead of those that are not: three
# target durations, the least that a growing playlist should hold (RFC 8216, 6.2.2).
_HEAD_START_TARGETS = 3


def render_segmented(
    plan: RenderPlan, sources: Sequence[Source], sink: Sink, *, threads: int
) -> RenderReport:
    """
    Make the segments and manifests of an artifact; raises as ``render``.

    A source that fails half-way is raised after what came before it has become segments.
    """
    grid = Grid(encoding.sample_rate_hz for encoding in plan.encodings)
    segments = Segments(plan, grid, sink)
    flow = Flow(plan, sources, grid, sink)
    if can_be_entered(plan, sources):
        tasks = _Wanted(plan, grid, flow, sink).tasks()
    else:
        tasks = _in_time(plan, grid, flow.tasks())
    calls = (partial(segments.make, task.variant, task.stretch) for task in tasks)
    for _ in in_order(calls, threads=threads, waiting=1):
        pass
    for failure in flow.failures:
        raise failure
    planned = [plan.samples(e.sample_rate_hz) for e in plan.encodings]
    for variant, samples in enumerate(planned):
        due = flow.decoded_samples[variant] if samples is None else samples
        made = segments.made_samples(variant)
        if not due:
            raise RenderFailed("There is no sound in the output.", code="no_audio")
        if made != due:
            raise RenderFailed(f"Variant {variant} holds {made} samples instead of {due}.")
    files = segments.finish()
    sink.progress(1.0)
    return RenderReport(
        samples=segments.made_samples(0),
        sample_rate_hz=plan.encodings[0].sample_rate_hz,
        files=files,
        encoder="libav aac",
    )


def _in_time(plan: RenderPlan, grid: Grid, tasks: Iterable[Task]) -> Iterator[Task]:
    """Let the deferred variants follow the others at a distance, if there are others."""
    head_start_seconds = _HEAD_START_TARGETS * grid.target_seconds
    late: list[Task] = []
    for task in tasks:
        while late and late[0].due_seconds <= task.due_seconds:
            yield heapq.heappop(late)
        if plan.encodings[task.variant].deferred:
            due_seconds = task.due_seconds + head_start_seconds
            heapq.heappush(late, replace(task, due_seconds=due_seconds))
        else:
            yield task
    yield from sorted(late)


class _Wanted:
    """The segments of a timeline that can be entered, those that somebody waits for first."""

    def __init__(self, plan: RenderPlan, grid: Grid, flow: Flow, sink: Sink) -> None:
        self._plan = plan
        self._grid = grid
        self._flow = flow
        self._sink = sink
        self._missing = [
            set(range(grid.segments(plan.samples(e.sample_rate_hz) or 0, e.sample_rate_hz)))
            for e in plan.encodings
        ]
        self._total = self._count()

    def tasks(self) -> Iterator[Task]:
        """Go through the timeline, from wherever somebody waits on, until nothing is missing."""
        goal: tuple[int, int] | None = None
        while (missing := self._count()) and not self._flow.failures:
            if goal is None:
                goal = 0, min(min(numbers) for numbers in self._missing if numbers)
            goal = yield from self._leg(*goal)
            if goal is None and self._count() == missing:
                # The sound ends before it should, which whoever counts the samples will find.
                return

    def _leg(self, variant: int, first: int) -> Generator[Task, None, tuple[int, int] | None]:
        """Go on from a segment until what follows is there; return what is waited for instead."""
        tasks = _in_time(self._plan, self._grid, self._until_made(variant, first))
        at = first
        while True:
            goal = self._sink.wanted()
            if goal is not None and self._is_missing(*goal) and not at <= goal[1] <= at + 1:
                return goal
            task = next(tasks, None)
            if task is None:
                return None
            at = max(at, task.stretch.number)
            if self._is_missing(task.variant, task.stretch.number):
                self._missing[task.variant].discard(task.stretch.number)
                yield task
                self._sink.progress(1 - self._count() / self._total)

    def _until_made(self, variant: int, first: int) -> Iterator[Task]:
        for task in self._flow.tasks(first, prefer=variant):
            number = task.stretch.number
            if not any(self._is_missing(other, number) for other in range(len(self._missing))):
                return
            yield task

    def _count(self) -> int:
        return sum(map(len, self._missing))

    def _is_missing(self, variant: int, number: int) -> bool:
        return 0 <= variant < len(self._missing) and number in self._missing[variant]
