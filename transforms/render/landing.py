"""
Entering a timeline in the middle, so that what follows is what one pass would have made.

Consecutive spans of one kind run through one resampler, so a place to begin has to be one at which
that resampler, counted from the run's beginning, makes a sample exactly; and far enough before
what is wanted that its filter has heard what it would have heard.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

from transforms.audio.chain import links
from transforms.audio.decode import decode
from transforms.audio.filters import Landing
from transforms.plan import Length, RenderPlan, Span
from transforms.sources import Source

# libswresample's filter has 32 taps, more where it lowers the rate: 384 kHz to 8 kHz has 1536.
_HEARD_SAMPLES = 4096

# Rate in Hz, layout, sample format: what a resampler is built for.
_Kind: TypeAlias = "tuple[int, str, str]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Consecutive spans of one kind; ``clock`` is when it begins, in seconds."""

    clock: Fraction
    rate_hz: int
    spans: tuple[Span, ...]
    lengths: tuple[Length, ...]

    @property
    def end(self) -> Fraction:
        return sum((length.seconds for length in self.lengths), self.clock)


class Entrances:
    """Where a plan's timeline can be entered; only for a plan whose lengths are known."""

    def __init__(self, plan: RenderPlan, sources: Sequence[Source]) -> None:
        self._plan = plan
        self._runs = list(_runs(plan, sources))

    @property
    def duration(self) -> Fraction:
        """The timeline's length in seconds."""
        return self._runs[-1].end if self._runs else Fraction(0)

    def before(self, seconds: Fraction) -> tuple[Landing, tuple[Span, ...]]:
        """
        Find where to begin to decode so that all is right from *seconds* on.

        Returns:
            The landing, and the spans from there to the timeline's end.
        """
        passed = sum(run.end <= seconds for run in self._runs[:-1])
        run, *later = self._runs[passed:]
        rates = {encoding.sample_rate_hz for encoding in self._plan.encodings}
        step = math.lcm(*(run.rate_hz // math.gcd(run.rate_hz, rate) for rate in rates))
        wanted = math.floor((seconds - run.clock) * run.rate_hz)
        heard = 0 if rates == {run.rate_hz} else _HEARD_SAMPLES
        skipped = max(0, (wanted - heard) // step * step)
        landing = Landing(clock=run.clock, run_samples=skipped, rate_hz=run.rate_hz)
        rest = (span for other in later for span in other.spans)
        return landing, (*_shortened(run, skipped), *rest)


def can_be_entered(plan: RenderPlan, sources: Sequence[Source]) -> bool:
    """Tell whether a plan's timeline can be entered anywhere."""
    if plan.lengths is None:
        return False
    # Only what is no chain has landmarks; to know it of others takes reading them.
    found = plan.landmarks or (None,) * len(sources)
    pairs = zip(sources, found, strict=True)
    return all(marks is not None or len(links(source)) == 1 for source, marks in pairs)


def _runs(plan: RenderPlan, sources: Sequence[Source]) -> Iterator[_Run]:
    kinds = [_kind(*pair) for pair in zip(sources, plan.tracks, strict=True)]
    clock = Fraction(0)
    spans: list[Span] = []
    lengths: list[Length] = []
    for number, (span, length) in enumerate(zip(plan.spans, plan.lengths or (), strict=True)):
        spans.append(span)
        lengths.append(length)
        kind = kinds[span.source]
        following = plan.spans[number + 1 : number + 2]
        if following and kinds[following[0].source] == kind:
            continue
        run = _Run(clock=clock, rate_hz=kind[0], spans=tuple(spans), lengths=tuple(lengths))
        yield run
        clock = run.end
        spans, lengths = [], []


def _kind(source: Source, track: int) -> _Kind:
    frames = decode(source, track=track)
    try:
        frame = next(frames)
        return frame.sample_rate, frame.layout.name, frame.format.name
    finally:
        frames.close()  # type: ignore[attr-defined]  # Only generators can be closed.


def _shortened(run: _Run, skipped: int) -> Iterator[Span]:
    """List a run's spans without its first *skipped* samples."""
    for span, length in zip(run.spans, run.lengths, strict=True):
        if skipped < length.samples:
            begin, end = span.start_samples + skipped, span.start_samples + length.samples
            yield replace(span, start_samples=begin, end_samples=end)
        skipped = max(0, skipped - length.samples)
