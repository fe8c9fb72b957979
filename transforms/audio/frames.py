"""Decoded frames, cut and made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

FIRST_UNCOUNTABLE_PLANES = 8

_LONGEST_SILENCE = 1 << 16


def cut(frame: AudioFrame, first: int, last: int) -> AudioFrame:
    """Return the samples ``first <= n < last`` of a frame, the frame itself if that is all."""
    if first == 0 and last == frame.samples:
        return frame
    samples = frame.to_ndarray()
    if frame.format.is_planar:
        piece = samples[:, first:last]
    else:
        channels = frame.layout.nb_channels
        piece = samples[:, first * channels : last * channels]
    short = AudioFrame.from_ndarray(piece.copy(), frame.format.name, frame.layout.name)
    short.sample_rate = frame.sample_rate
    return short


def reordered(frame: AudioFrame, order: Sequence[int]) -> AudioFrame:
    """Put other channels into the places of a frame's layout: for each, which one it is to be."""
    channels = frame.layout.nb_channels
    if len(order) != channels:
        return frame
    samples = frame.to_ndarray()
    if frame.format.is_planar:
        moved = samples[list(order)]
    else:
        moved = samples.reshape(-1, channels)[:, list(order)].reshape(1, -1)
    put = AudioFrame.from_ndarray(moved.copy(), frame.format.name, frame.layout.name)
    put.sample_rate, put.pts, put.time_base = frame.sample_rate, frame.pts, frame.time_base
    return put


def silent(sample_format: str, layout: str, sample_rate_hz: int, *, samples: int) -> AudioFrame:
    """Make a frame of silence of a kind that ``Packer`` has passed; it has no timestamp."""
    frame = AudioFrame(sample_format, layout, samples)
    frame.sample_rate = sample_rate_hz
    # Unsigned samples, which are 8-bit ones only, rest in the middle of their range.
    rest = b"\x80" if sample_format.startswith("u8") else b"\x00"
    for plane in frame.planes:
        plane.update(rest * plane.buffer_size)
    return frame


def silence(like: AudioFrame, *, samples: int) -> Iterator[AudioFrame]:
    """Make silence of any length, in frames of the kind of *like*, which ``Packer`` has passed."""
    while samples > 0:
        piece = min(_LONGEST_SILENCE, samples)
        samples -= piece
        yield silent(like.format.name, like.layout.name, like.sample_rate, samples=piece)


class Packer:
    """
    Brings frames of many planar channels into one plane.

    PyAV counts a frame's planes by looking for the first that is missing, and with eight or more
    it looks past the end of the list.
    """

    def __init__(self) -> None:
        self._kind: tuple[int, str, str] | None = None
        self._resampler: AudioResampler | None = None

    def pack(self, frame: AudioFrame) -> list[AudioFrame]:
        """Return the same sound and timestamps in a format that has one plane."""
        if not frame.format.is_planar:
            return [frame]
        kind = frame.sample_rate, frame.layout.name, frame.format.name
        if kind != self._kind or self._resampler is None:
            self._resampler = AudioResampler(frame.format.packed.name, frame.layout, kind[0])
            self._kind = kind
        return self._resampler.resample(frame)
