"""
The segment grid: where the segments of every variant begin.

Segments hold whole AAC frames, and all variants are cut at the same instants, so that a player
can change variants at any boundary. Frames of different sample rates end together only at
multiples of 1024 samples of the rates' greatest common divisor; the grid is made of those, unless
they lie too far apart (44.1 kHz beside 8 kHz: 10 s), when each variant is cut at its own frame
nearest to the instant.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction

FRAME_SAMPLES = 1024

# The first segments are short, so that playing starts early; the last number repeats.
RAMP_SECONDS = (1, 1, 2, 4, 6)

# Tells segments of this grid from those of others, wherever some are kept.
GRID = "-".join(map(str, RAMP_SECONDS))

# Less than this at the end joins the segment before it, instead of being a crumb of its own.
# With it a segment's length still rounds to the target duration (RFC 8216, 4.3.3.1).
CRUMB_SECONDS = Fraction(12, 25)

_LARGEST_UNIT_SECONDS = 4


class Grid:
    """The boundaries that variants of these sample rates share."""

    def __init__(self, sample_rates_hz: Iterable[int]) -> None:
        rates = tuple(sample_rates_hz)
        unit = Fraction(FRAME_SAMPLES, math.gcd(*rates))
        self._unit = unit if unit <= _LARGEST_UNIT_SECONDS else None
        lengths = [self._length(seconds) for seconds in RAMP_SECONDS]
        self._starts = [sum(lengths[:count], Fraction(0)) for count in range(len(lengths))]
        self._length_seconds = lengths[-1]
        unevenness = 0 if self._unit else Fraction(FRAME_SAMPLES, min(rates))
        longest = max(lengths) + CRUMB_SECONDS + unevenness
        self.target_seconds = math.floor(longest + Fraction(1, 2))

    def start(self, segment: int) -> Fraction:
        """Tell when a segment begins, in seconds of the timeline."""
        further = segment - len(self._starts) + 1
        if further <= 0:
            return self._starts[segment]
        return self._starts[-1] + further * self._length_seconds

    def first_frame(self, segment: int, sample_rate_hz: int) -> int:
        """Tell which AAC frame of the sound, priming not counted, a segment begins with."""
        return round(self.start(segment) * sample_rate_hz / FRAME_SAMPLES)

    def segments(self, samples: int, sample_rate_hz: int) -> int:
        """Tell how many segments a timeline of so many samples has."""
        if not samples:
            return 0
        last_start = -(-samples // FRAME_SAMPLES) - self.crumb_frames(sample_rate_hz)
        most = 2 + samples // (min(RAMP_SECONDS) * sample_rate_hz)
        starts = range(1, 1 + most)
        return 1 + bisect_right(
            starts, last_start, key=lambda n: self.first_frame(n, sample_rate_hz)
        )

    @staticmethod
    def crumb_frames(sample_rate_hz: int) -> int:
        """Tell of how many frames a segment has to consist at least, to be one of its own."""
        return max(1, int(CRUMB_SECONDS * sample_rate_hz / FRAME_SAMPLES))

    def _length(self, seconds: int) -> Fraction:
        if self._unit is None:
            return Fraction(seconds)
        return max(1, round(seconds / self._unit)) * self._unit
