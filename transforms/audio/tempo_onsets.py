"""
How strongly notes begin at every moment of a sound: spectral flux in bands as wide as hearing's.

A drum, a plucked string and a sung syllable have in common that several bands get louder at once.
Levels are compared by their logarithms, so that quiet notes count beside loud ones. Memory does
not grow with the sound beyond the curve itself, 100 numbers a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy import fft
from numpy.typing import NDArray

from transforms.audio.filters import Block, rechunk

RATE_HZ = 24_000
FRAMES_A_SECOND = 100

_HOP = RATE_HZ // FRAMES_A_SECOND
_WINDOW = 1024
_BATCH_FRAMES = 256

_BANDS = 36
_LOWEST_HZ = 30.0
_HIGHEST_HZ = 11_500.0

# A level of -60 dB counts a little and one of -80 dB hardly: below lie noise and coding.
_SOFTEST = 1e-3

# An attack lasts a window, so levels are compared with those of two frames before.
_BEFORE = 2

Curve: TypeAlias = NDArray[np.float64]


def onset_strength(blocks: Iterable[Block]) -> Curve:
    """
    Measure the onsets of ``(1, samples)`` float32 blocks in [-1, 1] at ``RATE_HZ``.

    Returns:
        ``(frames,)``, each the mean rise of all bands in nepers, frame n around sample
        ``n * RATE_HZ / FRAMES_A_SECOND``. Sound starts from silence.
    """
    window, bands = np.hanning(_WINDOW + 1)[:-1], _bands()
    waiting = np.zeros(_WINDOW // 2)
    before = np.zeros((_BEFORE, _BANDS))
    pieces: list[Curve] = []
    for block in rechunk(blocks, _HOP * _BATCH_FRAMES):
        samples = np.concatenate((waiting, np.nan_to_num(block[0])))
        if samples.size < _WINDOW:
            waiting = samples
            continue
        frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
        power = np.abs(fft.rfft(frames * window)) / (_WINDOW / 4)
        level = np.concatenate((before, np.log1p(power @ bands / _SOFTEST)))
        pieces.append(np.maximum(level[_BEFORE:] - level[:-_BEFORE], 0).mean(axis=1))
        before = level[-_BEFORE:]
        waiting = samples[len(frames) * _HOP :]
    return np.concatenate(pieces) if pieces else np.zeros(0)


def _bands() -> Curve:
    """Make ``(bins, bands)`` triangles that are even on the mel scale (O'Shaughnessy's formula)."""
    lowest, highest = (2595 * math.log10(1 + hertz / 700) for hertz in (_LOWEST_HZ, _HIGHEST_HZ))
    corners = 700 * (10 ** (np.linspace(lowest, highest, _BANDS + 2) / 2595) - 1)
    bins = fft.rfftfreq(_WINDOW, 1 / RATE_HZ)[:, None]
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    rising = (bins - low) / (middle - low)
    falling = (high - bins) / (high - middle)
    triangles: Curve = np.maximum(np.minimum(rising, falling), 0)
    triangles /= np.maximum(triangles.sum(axis=0), 1)
    return triangles
