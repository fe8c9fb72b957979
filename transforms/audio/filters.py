"""
Making sound fit: one rate, one layout, one sample format, however mixed the clips are.

Blocks are ``(channels, samples)`` arrays, float32 in [-1, 1] or int16/int32, and their lengths
add up to the timeline's length to the sample: consecutive clips of one kind run through one
resampler, so that a cut and its continuation sound as if never cut, and a change of kind lands on
the sample that the running clock says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from transforms.audio.frames import silent
from transforms.plan import Shaping
from transforms.problems import UnsupportedMedia

# float32, int16 or int32: numpy's types lose such a union at the first slice.
Block: TypeAlias = NDArray[Any]

# Downmixing 5.1 adds up to 2.4 times full scale; libswresample scales that back for integer
# samples only unless it is told to (ITU-R BS.775 gives the mixing, not the scaling).
_SWR_OPTIONS = {"rematrix_maxval": "1.0"}

# libswresample gives nothing at all for clips shorter than its filter.
_SHORTEST_RUN_SAMPLES = 256

# 60 dB above full scale: louder than any recording, far below where arithmetic or encoders fail.
_LOUDEST = 1000.0

# One Python object for 32 AAC frames instead of one each: measured, a quarter of the CPU time of
# decoding to WAV and a tenth of encoding AAC.
_BATCH_SAMPLES = 32 * 1024
_LAYOUTS = {1: "mono", 2: "stereo"}
_DTYPES = {"fltp": np.float32, "flt": np.float32, "s16": np.int16, "s32": np.int32}


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """
    A place on the timeline from which on it is decoded, ``run_samples`` into a run of one kind.

    The run begins at ``clock`` seconds; its rate is ``rate_hz``. Resamplers of all rates asked
    for make a sample exactly there, so that those made from here on are those of the whole.
    """

    clock: Fraction = Fraction(0)
    run_samples: int = 0
    rate_hz: int = 1

    def position(self, sample_rate_hz: int) -> int:
        """Tell where the place is, in samples of an output rate."""
        begins = round(self.clock * sample_rate_hz)
        return begins + self.run_samples * sample_rate_hz // self.rate_hz


class Conformer:
    """Brings decoded frames of any kind to one rate, channel count and sample format."""

    def __init__(
        self,
        *,
        sample_rate_hz: int,
        channels: int,
        sample_format: str,
        landing: Landing | None = None,
    ) -> None:
        self._rate = sample_rate_hz
        self._channels = channels
        self._format = sample_format
        self._kind: tuple[int, str, str] | None = None
        self._resampler: AudioResampler | None = None
        landing = landing or Landing()
        self._skipped = landing.run_samples
        self._run_samples = 0
        self._clock = landing.clock
        self.made_samples = landing.position(sample_rate_hz)

    def conform(self, frames: Iterable[AudioFrame]) -> Iterator[Block]:
        """
        Turn a timeline's frames into blocks.

        Raises:
            UnsupportedMedia: A track changes to something no resampler can be built for.
        """
        for frame in frames:
            kind = (frame.sample_rate, frame.layout.name, frame.format.name)
            if kind != self._kind:
                yield from self._close_run()
                self._open_run(kind, frame.layout.nb_channels)
            self._run_samples += frame.samples
            yield from self._blocks(frame)
        yield from self._close_run()

    def _open_run(self, kind: tuple[int, str, str], channels: int) -> None:
        # A mono clip is doubled afterwards: libswresample would lower it by 3 dB.
        layout = "mono" if channels == 1 else _LAYOUTS[self._channels]
        self._resampler = AudioResampler(
            self._format, layout, self._rate, _BATCH_SAMPLES, options=_SWR_OPTIONS
        )
        self._kind = kind
        self._run_samples, self._skipped = self._skipped, 0

    def _close_run(self) -> Iterator[Block]:
        if self._kind is None:
            return
        rate, layout, sample_format = self._kind
        self._clock += Fraction(self._run_samples, rate)
        due = round(self._clock * self._rate)
        tail = list(self._pad_short_run(rate, layout, sample_format))
        tail += self._blocks(None)
        for block in tail:
            self.made_samples -= block.shape[1]
        for block in tail:
            wanted = min(block.shape[1], due - self.made_samples)
            if wanted > 0:
                self.made_samples += wanted
                yield block[:, :wanted]
        if due > self.made_samples:
            yield self._silence(due - self.made_samples)
            self.made_samples = due
        self._kind = self._resampler = None

    def _pad_short_run(self, rate: int, layout: str, sample_format: str) -> Iterator[Block]:
        if rate != self._rate and self._run_samples < _SHORTEST_RUN_SAMPLES:
            silence = silent(sample_format, layout, rate, samples=_SHORTEST_RUN_SAMPLES)
            yield from self._blocks(silence)

    def _silence(self, samples: int) -> Block:
        return np.zeros((self._channels, samples), dtype=_DTYPES[self._format])

    def _blocks(self, frame: AudioFrame | None) -> Iterator[Block]:
        if self._resampler is None:
            return
        if frame is not None:
            # Positions are counted; timestamps would only make the filter graph complain.
            frame.pts = None
        try:
            made = self._resampler.resample(frame)
        except (av.error.FFmpegError, ValueError) as problem:
            raise UnsupportedMedia(
                "The audio track has a channel layout or sample format that cannot be converted."
            ) from problem
        for piece in made:
            block: Block = _finite(_channels_first(piece))
            if block.shape[0] < self._channels:
                block = np.repeat(block, self._channels, axis=0)
            self.made_samples += block.shape[1]
            yield block


def _channels_first(frame: AudioFrame) -> Block:
    """Take a frame's samples, of which packed ones stay where they are in memory."""
    samples: Block = frame.to_ndarray()
    return samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T


def _finite(block: Block) -> Block:
    """Silence what is no sound: not a number, infinite, or beyond all loudness."""
    if block.dtype.kind != "f" or np.abs(block).max(initial=0.0) <= _LOUDEST:
        return block
    sound: Block = np.where(np.abs(block) <= _LOUDEST, block, np.float32(0))
    return sound


def shape(
    blocks: Iterable[Block],
    shaping: Shaping,
    sample_rate_hz: int,
    *,
    loudness_gain_db: float = 0.0,
    first: int = 0,
    total: int | None = None,
) -> Iterator[Block]:
    """
    Apply gain and linear-in-amplitude fades to a timeline, or to its end from *first* on.

    Args:
        loudness_gain_db: What reaches the wanted loudness, on top of the wanted gain.

        total: How many samples the whole timeline has, if that is known. Else the fade-out holds
            back as many samples as it lasts, because it needs to know the end before it comes:
            memory grows with the fade, not with the timeline.
    """
    gain = np.float32(10 ** (shaping.gain_centibels / 2000 + loudness_gain_db / 20))
    fade_in = shaping.fade_in_ms * sample_rate_hz // 1000
    fade_out = shaping.fade_out_ms * sample_rate_hz // 1000
    at = first

    def risen() -> Iterator[Block]:
        nonlocal at
        for block in blocks:
            louder = block * gain
            if at < fade_in:
                rising: Block = np.arange(at, at + block.shape[1], dtype=np.float32) / fade_in
                louder *= np.minimum(rising, 1)
            at += block.shape[1]
            yield louder

    if total is None:
        yield from _fallen_at_the_end(risen(), fade_out)
        return
    for block in risen():
        yield _fallen(block, total - at + block.shape[1], fade_out)


def _fallen(block: Block, left: int, fade_out: int) -> Block:
    """Fade a block that begins *left* samples before the end."""
    if left - block.shape[1] >= fade_out:
        return block
    falling: Block = np.arange(left, left - block.shape[1], -1, dtype=np.float32)
    faded: Block = block * np.minimum(falling / max(fade_out, 1), 1)
    return faded


def _fallen_at_the_end(blocks: Iterable[Block], fade_out: int) -> Iterator[Block]:
    held: deque[Block] = deque()
    left = 0
    for block in blocks:
        held.append(block)
        left += block.shape[1]
        while held and left - held[0].shape[1] >= fade_out:
            left -= held[0].shape[1]
            yield held.popleft()
    for block in held:
        yield _fallen(block, left, fade_out)
        left -= block.shape[1]


class Counted:
    """Blocks whose samples are counted as they pass."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._blocks = blocks
        self.samples = 0

    def __iter__(self) -> Iterator[Block]:
        for block in self._blocks:
            self.samples += block.shape[1]
            yield block


def rechunk(blocks: Iterable[Block], samples: int) -> Iterator[Block]:
    """Cut blocks anew so that all but the last hold exactly *samples*."""
    waiting: list[Block] = []
    have = 0
    for block in blocks:
        waiting.append(block)
        have += block.shape[1]
        if have < samples:
            continue
        joined = waiting[0] if len(waiting) == 1 else np.concatenate(waiting, axis=1)
        whole = have - have % samples
        for first in range(0, whole, samples):
            yield joined[:, first : first + samples]
        waiting = [joined[:, whole:]] if whole < have else []
        have -= whole
    if have:
        yield np.concatenate(waiting, axis=1)


def to_integers(block: Block, bits: int) -> Block:
    """Quantise float32 in [-1, 1] to integers of *bits* bits, rounding, clipping at full scale."""
    full = 2 ** (bits - 1)
    scaled = np.rint(block.astype(np.float64) * full)
    integers: Block = np.clip(np.nan_to_num(scaled), -full, full - 1).astype(np.int32)
    return integers
