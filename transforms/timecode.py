"""
Points in time as the URL writes them: ``ts`` and ``te``.

The seed: "To provide frame accuracy for audio inputs, decimals will be interpreted as frame
numbers, not milliseconds." So ``1.05`` and ``1.5`` are both second 1, frame 5 of the source
track. People who mean seconds write a unit: ``1.5s``, ``1500ms``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from transforms.problems import BadParameter

LAST_SECOND = 86399
FRAMES_A_SECOND_WITHOUT_FRAMES = 100

_FRAMES = re.compile(r"([0-9]{1,5})(?:\.([0-9]{1,2}))?", re.ASCII)
_SECONDS = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,6})?)s", re.ASCII)
_MILLISECONDS = re.compile(r"([0-9]{1,8}(?:\.[0-9]{1,3})?)ms", re.ASCII)

EXPECTED = (
    f"seconds from 0 to {LAST_SECOND} with up to two decimals that count frames, "
    "such as 90 or 90.12, or a time with a unit, such as 90.5s or 90500ms"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePoint:
    """A second and a frame within it, or exact microseconds; never both."""

    second: int = 0
    frame: int = 0
    exact_us: int | None = None

    def __str__(self) -> str:
        if self.exact_us is not None:
            seconds, rest = divmod(self.exact_us, 1_000_000)
            return f"{seconds}.{rest:06d}".rstrip("0").rstrip(".") + "s"
        return f"{self.second}.{self.frame}" if self.frame else str(self.second)

    @property
    def is_zero(self) -> bool:
        """Whether this is the very beginning."""
        return not (self.exact_us or self.second or self.frame)

    def surely_not_before(self, other: TimePoint) -> bool:
        """Tell whether this cannot lie before *other*, whatever the source's frames are."""
        if (self.exact_us is None) != (other.exact_us is None):
            return False
        if self.exact_us is not None and other.exact_us is not None:
            return self.exact_us >= other.exact_us
        return (self.second, self.frame) >= (other.second, other.frame)

    def to_samples(self, sample_rate_hz: int, frame_samples: int | None, parameter: str) -> int:
        """
        Resolve to a sample of a track.

        Args:
            sample_rate_hz: Of the track.

            frame_samples: The codec's fixed frame length, ``None`` where it has none; then a
                second is taken to have 100 frames.

            parameter: The URL parameter to name in an error.

        Raises:
            BadParameter: A second of this track has no such frame.
        """
        if self.exact_us is not None:
            return round(Fraction(self.exact_us * sample_rate_hz, 1_000_000))
        if frame_samples is None:
            frame = Fraction(sample_rate_hz, FRAMES_A_SECOND_WITHOUT_FRAMES)
        else:
            frame = Fraction(frame_samples)
        frames_a_second = -(-sample_rate_hz // frame)
        if self.frame >= frames_a_second:
            rate = float(sample_rate_hz / frame)
            raise BadParameter(
                parameter,
                str(self),
                f"a frame number from 0 to {frames_a_second - 1} after the point, because a "
                f"second of this track has {rate:g} frames; for decimal seconds write a unit, "
                f"such as {self.second}.{self.frame}s",
            )
        return self.second * sample_rate_hz + round(self.frame * frame)


def parse_time(parameter: str, text: str) -> TimePoint:
    """
    Read the value of ``ts`` or ``te``.

    Raises:
        BadParameter: It is none of the three spellings, or later than 86 399 seconds.
    """
    if match := _FRAMES.fullmatch(text):
        point = TimePoint(second=int(match[1]), frame=int(match[2] or 0))
    elif match := _SECONDS.fullmatch(text):
        point = _exact(int(Fraction(match[1]) * 1_000_000))
    elif match := _MILLISECONDS.fullmatch(text):
        point = _exact(int(Fraction(match[1]) * 1000))
    else:
        raise BadParameter(parameter, text, EXPECTED)
    if point.second > LAST_SECOND or (point.exact_us or 0) // 1_000_000 > LAST_SECOND:
        raise BadParameter(parameter, text, EXPECTED)
    return point


def _exact(microseconds: int) -> TimePoint:
    """Keep whole seconds as such: ``1s`` and ``1`` are one point and must have one spelling."""
    second, rest = divmod(microseconds, 1_000_000)
    return TimePoint(exact_us=microseconds) if rest else TimePoint(second=second)
