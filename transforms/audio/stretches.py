"""
Sound on its way to encoders: cut into stretches, with what each has to hear before and after.

Stretches end where the caller's boundaries say, so that a stretch is the same whether it is cut
out of the whole timeline or out of sound that begins shortly before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeAlias

from transforms.audio.aac_policy import aac_options
from transforms.audio.crew import in_order
from transforms.audio.encode import (
    AAC_FRAME_SAMPLES,
    LOOK_AHEAD_FRAMES,
    PRE_ROLL_FRAMES,
    Stretch,
    encode_stretch,
)
from transforms.audio.filters import Block
from transforms.plan import Encoding

# Tells which frame a stretch begins with, by its number.
Boundaries: TypeAlias = Callable[[int], int]

# Of a stretch 18 frames are encoded twice, and each thread holds the sound of one: 4 MB, which is
# 10 s of stereo at 44.1 kHz or 24 s of mono. With 8 threads an hour of MP3 took 109 MB, with 512
# frames 114 MB and 0.5 % less CPU (measured).
_STEREO_FRAMES = 448
_MONO_FRAMES = 1024

# A new encoder's two-loop search takes nearly twice as long for the first 100 frames, so that
# stretches half as long would cost a tenth (measured).
_TWO_LOOP_FRAMES = 1024


def encode_whole(
    encoding: Encoding, blocks: Iterable[Block], *, threads: int = 1
) -> Iterator[bytes]:
    """
    Encode the one stream of a single file.

    Its packets are the same whatever the number of threads; packet 0 is priming.
    """
    frames = _stretch_frames(encoding)
    pieces = stretches(blocks, lambda number: number * frames)
    calls = (partial(encode_stretch, encoding, piece) for piece in pieces)
    for packets in in_order(calls, threads=threads, waiting=1):
        yield from packets


def _stretch_frames(encoding: Encoding) -> int:
    if aac_options(encoding)["aac_coder"] == "twoloop":
        return _TWO_LOOP_FRAMES
    return _MONO_FRAMES if encoding.channels == 1 else _STEREO_FRAMES


def hearing_from(first_frame: int) -> int:
    """Tell which sample the sound of a stretch that begins with *first_frame* begins with."""
    return max(0, first_frame - PRE_ROLL_FRAMES) * AAC_FRAME_SAMPLES


def stretches(
    blocks: Iterable[Block], boundaries: Boundaries, *, crumb_frames: int = 1, first: int = 0
) -> Iterator[Stretch]:
    """
    Cut a timeline's sound into stretches.

    Args:
        blocks: The sound from ``hearing_from`` of the first stretch's boundary on, to its end.

        boundaries: Where stretches begin.

        crumb_frames: Fewer frames than that, at least one, at the end of the timeline join the
            stretch before them.

        first: The number of the first stretch.
    """
    window = Window(hearing_from(boundaries(first)))
    number = first
    begin, end = boundaries(number), boundaries(number + 1)
    beyond = max(crumb_frames, LOOK_AHEAD_FRAMES)
    for block in blocks:
        window.push(block)
        while window.end >= (end + beyond) * AAC_FRAME_SAMPLES:
            yield window.stretch(number, begin, end)
            number, begin, end = number + 1, end, boundaries(number + 2)
            window.forget_before(hearing_from(begin))
    while -(-window.end // AAC_FRAME_SAMPLES) >= end + crumb_frames:
        yield window.stretch(number, begin, end)
        number, begin, end = number + 1, end, boundaries(number + 2)
        window.forget_before(hearing_from(begin))
    if window.end > begin * AAC_FRAME_SAMPLES:
        yield window.stretch(number, begin, None)


class Window:
    """The part of a timeline that is still needed, from sample *begin* on."""

    def __init__(self, begin: int) -> None:
        self._blocks: deque[Block] = deque()
        self._begin = self.end = begin

    def push(self, block: Block) -> None:
        """Add what comes next."""
        self._blocks.append(block)
        self.end += block.shape[1]

    def forget_before(self, sample: int) -> None:
        """Let go of what ends before a sample."""
        while self._blocks and self._begin + self._blocks[0].shape[1] <= sample:
            self._begin += self._blocks.popleft().shape[1]

    def between(self, first: int, end: int) -> Iterator[Block]:
        """Yield what there is from one sample up to another."""
        at = self._begin
        for block in self._blocks:
            samples = block.shape[1]
            if at < end and at + samples > first:
                yield block[:, max(0, first - at) : end - at]
            at += samples

    def stretch(self, number: int, first_frame: int, end_frame: int | None) -> Stretch:
        """Cut out a stretch with what is to be heard around it."""
        first = hearing_from(first_frame)
        end = self.end
        if end_frame is not None:
            end = (end_frame + LOOK_AHEAD_FRAMES) * AAC_FRAME_SAMPLES
        return Stretch(
            number=number,
            first_frame=first_frame,
            end_frame=end_frame,
            first_sample=first,
            sound=tuple(self.between(first, end)),
        )
