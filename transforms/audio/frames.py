"""Decoded frames, cut and made."""

from __future__ import annotations

from av.audio.frame import AudioFrame


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


def silent(sample_format: str, layout: str, sample_rate_hz: int, *, samples: int) -> AudioFrame:
    """Make a frame of silence; it has no timestamp."""
    frame = AudioFrame(sample_format, layout, samples)
    frame.sample_rate = sample_rate_hz
    # Unsigned samples, which are 8-bit ones only, rest in the middle of their range.
    rest = b"\x80" if sample_format.startswith("u8") else b"\x00"
    for plane in frame.planes:
        plane.update(rest * plane.buffer_size)
    return frame
