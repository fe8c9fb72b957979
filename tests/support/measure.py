"""What came out, measured with PyAV and numpy alone: nothing here trusts the engine."""

from __future__ import annotations

import io

import av
import numpy as np
from av.audio.resampler import AudioResampler

from tests.support.synth import Sound


def decode(content: bytes, *, track: int = 0) -> tuple[Sound, int]:
    """Decode a whole file: its sound as float32, and its sample rate."""
    pieces: list[Sound] = []
    rate = 0
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.audio[track]
        resampler: AudioResampler | None = None
        for frame in container.decode(stream):
            rate = frame.sample_rate
            if resampler is None:
                resampler = AudioResampler("fltp", frame.layout.name, rate)
            frame.pts = None
            pieces += [piece.to_ndarray() for piece in resampler.resample(frame)]
    return (np.concatenate(pieces, axis=1) if pieces else np.zeros((1, 0), np.float32)), rate


def peak(sound: Sound) -> int:
    """Where the loudest sample of the first channel is."""
    return int(np.argmax(np.abs(sound[0])))


def snr_db(expected: Sound, got: Sound) -> float:
    """How far *got*'s difference from *expected* lies below it; 999 where they are equal."""
    wanted = expected.astype(np.float64)
    power = float(np.sum((wanted - got) ** 2))
    return 999.0 if power == 0 else float(10 * np.log10(np.sum(wanted**2) / power))


def tone_residue(
    sound: Sound, *, rate: int, hz: float = 440.0, skip: int = 0, tail: int | None = None
) -> float:
    """
    The largest sample left when the one sine that fits best is taken away, over its amplitude.

    A tone that goes through a join with its phase unbroken leaves next to nothing; a click, a gap
    or a slipped sample leaves a peak.
    """
    wave = sound[0, skip : sound.shape[1] - (skip if tail is None else tail)].astype(np.float64)
    at = 2 * np.pi * hz * np.arange(wave.size) / rate
    basis = np.stack((np.sin(at), np.cos(at)), axis=1)
    fit, *_ = np.linalg.lstsq(basis, wave, rcond=None)
    return float(np.max(np.abs(wave - basis @ fit)) / np.hypot(*fit))


def level(sound: Sound) -> float:
    """Root mean square of the first channel."""
    return float(np.sqrt(np.mean(sound[0].astype(np.float64) ** 2)))


def pitch_hz(sound: Sound, at: int, *, rate: int) -> float:
    """The strongest frequency of the first channel in the tenth of a second from *at*."""
    piece = sound[0, at : at + rate // 10]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), n=rate))
    return float(np.argmax(spectrum))
