"""
A sound through libavcodec's AAC encoder and decoder, with options of one's own.

The engine's encoder takes its options from the policy that is judged here, so this one is apart.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec import CodecContext
from numpy.typing import NDArray

FRAME_SAMPLES = 1024
PRIMING_SAMPLES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """What became of a sound."""

    sound: NDArray[np.float32]  # Aligned with what was encoded, and as long.
    kbps: float  # Really made: bits of all packets by the duration of the sound.
    cpu_s: float  # Of the encoder alone.


def code(
    sound: NDArray[np.float32], *, rate_hz: int, bitrate_bps: int, options: Mapping[str, str]
) -> Coded:
    """
    Encode and decode a sound.

    Args:
        sound: (channels, samples) in [-1, 1]; one channel or two.

        options: Of libavcodec's ``aac`` encoder.
    """
    layout = "mono" if sound.shape[0] == 1 else "stereo"
    encoder = _context("w", rate_hz, layout)
    encoder.format = "fltp"
    encoder.bit_rate = bitrate_bps
    encoder.options = dict(options)
    starts = range(0, sound.shape[1], FRAME_SAMPLES)
    frames: list[AudioFrame | None] = [
        _frame(sound[:, start : start + FRAME_SAMPLES], rate_hz, layout, start) for start in starts
    ]
    started = time.thread_time()
    packets = [bytes(packet) for frame in [*frames, None] for packet in encoder.encode(frame)]
    cpu_s = time.thread_time() - started
    decoder = _context("r", rate_hz, layout)
    decoder.extradata = encoder.extradata
    pieces = [
        frame.to_ndarray() for packet in packets for frame in decoder.decode(av.Packet(packet))
    ]
    samples = sound.shape[1]
    whole = np.concatenate(pieces, axis=1)[:, PRIMING_SAMPLES : PRIMING_SAMPLES + samples]
    # The decoder's filter bank may end a frame early; what is missing is silence.
    whole = np.pad(whole, ((0, 0), (0, samples - whole.shape[1])))
    kbps = 8 * sum(map(len, packets)) * rate_hz / samples / 1000
    return Coded(sound=whole.astype(np.float32), kbps=kbps, cpu_s=cpu_s)


def _context(mode: str, rate_hz: int, layout: str) -> AudioCodecContext:
    context = CodecContext.create("aac", "w" if mode == "w" else "r")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate = rate_hz
    context.layout = layout
    return context


def _frame(block: NDArray[np.float32], rate_hz: int, layout: str, pts: int) -> AudioFrame:
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", layout)
    frame.sample_rate = rate_hz
    frame.pts = pts
    return frame
