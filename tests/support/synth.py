"""Sounds made of arithmetic: ``(channels, samples)`` float32 arrays in [-1, 1]."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Sound: TypeAlias = NDArray[np.float32]

CONCERT_A_HZ = 440.0


def tone(
    samples: int,
    *,
    rate: int,
    hz: float = CONCERT_A_HZ,
    amplitude: float = 0.5,
    channels: int = 1,
    first: int = 0,
) -> Sound:
    """A sine, the same in every channel; *first* is the position its first sample stands at."""
    at = np.arange(first, first + samples, dtype=np.float64)
    wave = amplitude * np.sin(2 * np.pi * hz * at / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


def sweep(
    samples: int, *, rate: int, low_hz: float = 100.0, high_hz: float = 4000.0, channels: int = 1
) -> Sound:
    """A linear chirp at half scale."""
    at = np.arange(samples, dtype=np.float64) / rate
    slope = (high_hz - low_hz) * rate / max(1, samples)
    wave = 0.5 * np.sin(2 * np.pi * (low_hz * at + slope * at * at / 2))
    return np.tile(wave.astype(np.float32), (channels, 1))


def impulse(samples: int, *, at: int, channels: int = 1, amplitude: float = 0.9) -> Sound:
    """Silence but for one sample."""
    sound = np.zeros((channels, samples), np.float32)
    sound[:, at] = amplitude
    return sound


def burst(samples: int, *, at: int, rate: int, channels: int = 1) -> Sound:
    """A band-limited click of about 2 ms centred on *at*: what survives a lossy codec in place."""
    away = (np.arange(samples, dtype=np.float64) - at) / rate
    wave = 0.9 * np.exp(-((away / 0.0004) ** 2)) * np.cos(2 * np.pi * 1000 * away)
    return np.tile(wave.astype(np.float32), (channels, 1))


def noise(samples: int, *, channels: int = 1, amplitude: float = 0.5, seed: int = 7) -> Sound:
    """White noise, different in every channel, the same in every run."""
    random = np.random.default_rng(seed)
    return random.uniform(-amplitude, amplitude, (channels, samples)).astype(np.float32)


# Its fifteen sines cost as much as half an encoding, and many tests take the same ones.
@lru_cache(maxsize=16)
def speech(samples: int, *, rate: int, channels: int = 1, seed: int = 7) -> Sound:
    """
    Syllables of a buzzing voice with breath and pauses: loud, quiet and silent in turn.

    The array is shared, and nobody may write to it.
    """
    at = np.arange(samples, dtype=np.float64) / rate
    pitch = 2 * np.pi * np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.7 * at)) / rate
    voice = sum(np.sin(n * pitch) / n for n in range(1, 16))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * at), 0, None) * (np.sin(2 * np.pi * 0.31 * at) > 0)
    breath = 0.02 * np.random.default_rng(seed).standard_normal(samples)
    wave = 0.3 * (voice * syllables + breath)
    sound: Sound = np.tile(wave.astype(np.float32), (channels, 1))
    sound.flags.writeable = False
    return sound


def silence(samples: int, *, channels: int = 1) -> Sound:
    """Nothing."""
    return np.zeros((channels, samples), np.float32)


def on_grid(sound: Sound, bits: int = 16) -> Sound:
    """The same sound rounded to integers of *bits* bits, so that such a file holds it exactly."""
    full = 2 ** (bits - 1)
    return (np.clip(np.rint(sound * full), -full, full - 1) / full).astype(np.float32)
