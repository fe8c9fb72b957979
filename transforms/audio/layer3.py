"""
MPEG audio Layer III streams of a constant bitrate, as far as joining two of them takes.

ISO 11172-3, 2.4.1 and 2.4.3.4, and ISO 13818-3 for the lower sample rates. A frame's main data may
begin in the frames before it, in what they left over: the bit reservoir. Where it begins is said
by ``main_data_begin``, in bytes before the frame, headers and side information not counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from transforms.rates import layer3_kbps

_MPEG1 = 3
_MONO = 3
_RATES_HZ = (44100, 48000, 32000)

# As much of a frame as says all that is asked here: its header, and main_data_begin behind it.
# Streams with a checksum in between (2.4.3.1) are not made here.
_HEAD_BYTES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """
    Where one frame is in a stream.

    ``data`` is where its main data area begins, behind header and side information, and
    ``reservoir`` how many bytes of the areas before it its main data begins with.
    """

    begin: int
    data: int
    end: int
    reservoir: int


def frames(stream: bytes | bytearray, at: int = 0) -> list[Frame]:
    """
    List the frames of a stream that has nothing else in it.

    Args:
        stream: May end anywhere; a frame that has just begun there is left out.

        at: Where the first frame is.

    Raises:
        ValueError: There is something else.
    """
    found: list[Frame] = []
    while len(stream) - at >= _HEAD_BYTES:
        word = int.from_bytes(stream[at : at + 4], "big")
        if word >> 21 != 0x7FF:
            raise ValueError(f"no frame at byte {at} of {len(stream)}")
        mpeg1 = word >> 19 & 3 == _MPEG1
        rate = _RATES_HZ[word >> 10 & 3] // (1 if mpeg1 else 2 if word >> 19 & 3 else 4)
        kbps = sorted(layer3_kbps(rate))[(word >> 12 & 15) - 1]
        size = (144 if mpeg1 else 72) * kbps * 1000 // rate + (word >> 9 & 1)
        mono = word >> 6 & 3 == _MONO
        side = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
        first = int.from_bytes(stream[at + 4 : at + 6], "big")
        reservoir = first >> 7 if mpeg1 else first >> 8
        found.append(Frame(begin=at, data=at + 4 + side, end=at + size, reservoir=reservoir))
        at += size
    return found


def padding_period(bitrate_bps: int, sample_rate_hz: int) -> int:
    """Tell after how many frames the pattern of padded ones repeats (2.4.2.3)."""
    factor = 144 if sample_rate_hz >= 32000 else 72
    return sample_rate_hz // math.gcd(factor * bitrate_bps, sample_rate_hz)


def can_follow(before: Frame, after: Frame) -> bool:
    """
    Tell whether a stream can go on as another one does, from one and the same frame on.

    Args:
        before: The frame in the stream that is left.

        after: The frame in the stream that is entered.
    """
    return before.reservoir >= after.reservoir


def hand_over(
    left: bytearray,
    left_frames: Sequence[Frame],
    entered: bytes | bytearray,
    entered_frames: Sequence[Frame],
    reservoir: int,
) -> None:
    """
    Put the beginning of the entered stream's next main data where it has to be.

    Args:
        left: The stream that is left, and *left_frames* its last frames before the join.

        entered: The stream that is entered, and *entered_frames* the same frames in it.

        reservoir: How many bytes of their main data areas, the last ones, belong to what follows.
    """
    for ours, theirs in zip(reversed(left_frames), reversed(entered_frames), strict=True):
        count = min(reservoir, ours.end - ours.data)
        left[ours.end - count : ours.end] = entered[theirs.end - count : theirs.end]
        reservoir -= count
        if not reservoir:
            return
