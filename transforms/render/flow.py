"""
One decode feeding every variant: the timeline, from some segment on, as segments to be made.

Variants of one sample rate and channel count share their sound, and all share what is decoded.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from transforms.audio.encode import AAC_FRAME_SAMPLES, Stretch
from transforms.audio.filters import Block, Landing
from transforms.audio.stretches import hearing_from, stretches
from transforms.manifests.grid import Grid
from transforms.plan import RenderPlan, Span
from transforms.render.landing import Entrances
from transforms.render.sound import Sound, decoded, loudness_gain_db
from transforms.sinks import Sink
from transforms.sources import Source


@dataclass(frozen=True, slots=True, order=True)
class Task:
    """A segment to be made of a stretch of sound; equally early ones go by their rank."""

    due_seconds: Fraction
    rank: int
    variant: int
    stretch: Stretch = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Variants of one sample rate and channel count, which share their sound."""

    rate: int
    variants: tuple[int, ...]


class Flow:
    """The decoded timeline of a plan, cut on the grid."""

    def __init__(self, plan: RenderPlan, sources: Sequence[Source], grid: Grid, sink: Sink) -> None:
        self.failures: list[Exception] = []
        # Of each variant, once a flow has come to its end.
        self.decoded_samples: dict[int, int] = {}
        self._plan = plan
        self._sources = sources
        self._grid = grid
        self._sink = sink
        self._gain_db = loudness_gain_db(plan, sources)
        self._kinds = _kinds(plan)
        self._entrances: Entrances | None = None

    def tasks(self, first: int = 0, *, prefer: int = 0) -> Iterator[Task]:
        """
        Decode from a segment on, to the end; whichever kind is furthest behind first.

        So what they share is soon let go of. A source that fails ends the flow where it does;
        what it failed of is in ``failures``.

        Args:
            first: The number of the first segment; only a timeline that can be entered has
                others than 0.

            prefer: The variant that comes before the others in each segment.
        """
        landing, spans = self._entered(first) if first else (Landing(), self._plan.spans)
        frames = decoded(self._plan, self._sources, spans)
        copies = itertools.tee(frames, len(self._kinds))
        sounds = [
            Sound(
                self._plan,
                self._plan.encodings[kind.variants[0]],
                copy,
                loudness_gain_db=self._gain_db,
                progress=None if self._plan.lengths or number else self._sink.progress,
                landing=landing,
            )
            for number, (kind, copy) in enumerate(zip(self._kinds, copies, strict=True))
        ]
        flows = (
            self._of_kind(kind, sound, first, prefer)
            for kind, sound in zip(self._kinds, sounds, strict=True)
        )
        yield from heapq.merge(*flows)
        for kind, sound in zip(self._kinds, sounds, strict=True):
            self.decoded_samples |= dict.fromkeys(kind.variants, sound.samples)

    def _entered(self, first: int) -> tuple[Landing, Sequence[Span]]:
        if self._entrances is None:
            self._entrances = Entrances(self._plan, self._sources)
        earliest = min(
            Fraction(self._hearing_from(first, kind.rate), kind.rate) for kind in self._kinds
        )
        return self._entrances.before(earliest)

    def _hearing_from(self, segment: int, rate: int) -> int:
        return hearing_from(self._grid.first_frame(segment, rate))

    def _of_kind(self, kind: _Kind, sound: Sound, first: int, prefer: int) -> Iterator[Task]:
        blocks = _from(sound, self._hearing_from(first, kind.rate))
        pieces = stretches(
            self._until_failure(blocks),
            lambda number: self._grid.first_frame(number, kind.rate),
            crumb_frames=self._grid.crumb_frames(kind.rate),
            first=first,
        )
        for piece in pieces:
            begin = Fraction(piece.first_frame * AAC_FRAME_SAMPLES, kind.rate)
            for variant in sorted(kind.variants, key=lambda variant: variant != prefer):
                yield Task(begin, -1 if variant == prefer else variant, variant, piece)

    def _until_failure(self, blocks: Iterable[Block]) -> Iterator[Block]:
        try:
            yield from blocks
        except Exception as problem:
            self.failures.append(problem)


def _kinds(plan: RenderPlan) -> list[_Kind]:
    members: dict[tuple[int, int], list[int]] = {}
    for variant, encoding in enumerate(plan.encodings):
        members.setdefault((encoding.sample_rate_hz, encoding.channels), []).append(variant)
    return [_Kind(rate=rate, variants=tuple(variants)) for (rate, _), variants in members.items()]


def _from(sound: Sound, sample: int) -> Iterator[Block]:
    """Leave out what was decoded only to land well."""
    at = sound.samples
    for block in sound.blocks():
        if at + block.shape[1] > sample:
            yield block[:, max(0, sample - at) :]
        at += block.shape[1]
