"""
A sound through libavcodec's AAC encoder and decoder, or LAME's, with options of one's own.

The engine's encoder takes its options from the policy that is judged here, so this one is apart.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec import CodecContext
from numpy.typing import NDArray

FRAME_SAMPLES = 1024
PRIMING_SAMPLES = 1024

# LAME's own delay (lame.h, lame_get_encoder_delay) and that of any Layer III decoder.
_MP3_FRAME_SAMPLES = 1152
_MP3_PRIMING_SAMPLES = 576 + 529


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
    encoder, decoder = (_context("aac", mode, rate_hz, sound) for mode in ("w", "r"))
    encoder.bit_rate = bitrate_bps
    encoder.options = dict(options)
    return _through(encoder, decoder, sound, FRAME_SAMPLES, PRIMING_SAMPLES)


def code_mp3(
    sound: NDArray[np.float32], *, rate_hz: int, bitrate_bps: int, options: Mapping[str, str]
) -> Coded:
    """As ``code``, with options of libavcodec's ``libmp3lame``; the bitrate is constant."""
    encoder = _context("libmp3lame", "w", rate_hz, sound)
    encoder.bit_rate = bitrate_bps
    encoder.options = dict(options)
    decoder = _context("mp3float", "r", rate_hz, sound)
    return _through(encoder, decoder, sound, _MP3_FRAME_SAMPLES, _MP3_PRIMING_SAMPLES)


def _through(
    encoder: AudioCodecContext,
    decoder: AudioCodecContext,
    sound: NDArray[np.float32],
    frame_samples: int,
    priming_samples: int,
) -> Coded:
    samples, rate_hz = sound.shape[1], encoder.sample_rate
    frames: list[AudioFrame | None] = [
        _frame(sound[:, start : start + frame_samples], encoder, start)
        for start in range(0, samples, frame_samples)
    ]
    started = time.thread_time()
    packets = [bytes(packet) for frame in [*frames, None] for packet in encoder.encode(frame)]
    cpu_s = time.thread_time() - started
    decoder.extradata = encoder.extradata
    pieces = [
        frame.to_ndarray() for packet in packets for frame in decoder.decode(av.Packet(packet))
    ]
    whole = np.concatenate(pieces, axis=1)[:, priming_samples : priming_samples + samples]
    # The decoder's filter bank may end a frame early; what is missing is silence.
    whole = np.pad(whole, ((0, 0), (0, samples - whole.shape[1])))
    kbps = 8 * sum(map(len, packets)) * rate_hz / samples / 1000
    return Coded(sound=whole.astype(np.float32), kbps=kbps, cpu_s=cpu_s)


def _context(
    name: str, mode: Literal["r", "w"], rate_hz: int, sound: NDArray[np.float32]
) -> AudioCodecContext:
    context = CodecContext.create(name, mode)
    assert isinstance(context, AudioCodecContext)
    context.sample_rate = rate_hz
    context.layout = "mono" if sound.shape[0] == 1 else "stereo"
    if mode == "w":
        context.format = "fltp"
    return context


def _frame(block: NDArray[np.float32], encoder: AudioCodecContext, pts: int) -> AudioFrame:
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", encoder.layout.name)
    frame.sample_rate = encoder.sample_rate
    frame.pts = pts
    return frame
