"""
The ear: how strongly a sound excites each place of the basilar membrane, and what that masks.

This is the FFT-based ear model of ITU-R BS.1387-1, annex 2, section 2.1, for sounds at 48 kHz. It
is written here because the noise-to-mask ratio needs the model's inner values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]

RATE_HZ = 48000
FRAME_SAMPLES = 2048
HOP_SAMPLES = 1024
FRAMES_A_SECOND = RATE_HZ / HOP_SAMPLES

# Sound pressure of a sine at full scale, in dB: what the recommendation assumes if none is known.
LISTENING_LEVEL_DB = 92.0

_CALIBRATION_HZ = 1019.5
_BAND_BARK = 0.25
_LOWEST_HZ, _HIGHEST_HZ = 80.0, 18000.0
_LEAST_ENERGY = 1e-12
_COMPRESSION = 0.4  # Exponent with which spread energies add up.
_LOWER_SLOPE = 10 ** (-2.7 * _BAND_BARK)  # 27 dB a Bark.


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """The 109 quarter-Bark bands between 80 Hz and 18 kHz; every array is (bands,)."""

    centres_hz: Values
    shares: Values  # (bins, bands): the part of each FFT bin that falls into each band.
    internal_noise: Values  # Energy of blood and breath (section 2.1.5).
    mask_offset: Values  # Factor by which a masker must exceed what it hides (section 2.1.9).


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """
    One sound, as the ear model hears it; frames start every 1024 samples.

    Spectra are (channels, frames, 1025), patterns (channels, frames, 109), all energies.
    """

    power: Values
    weighted: Values  # After the outer and middle ear.
    spread: Values  # Excitation before the smearing in time.
    excitation: Values

    @property
    def mask(self) -> Values:
        """Return the energy that this sound just hides in each band (section 2.1.9)."""
        return self.excitation / bands().mask_offset


def hear(sound: Values) -> Heard:
    """
    Run a sound through the ear model.

    Args:
        sound: (channels, samples) in [-1, 1] at 48 kHz, 2048 samples at least.
    """
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME_SAMPLES, axis=1)
    spectrum = np.fft.rfft(frames[:, ::HOP_SAMPLES] * _window(), axis=-1)
    power = np.abs(spectrum) ** 2 * _calibration()
    weighted = power * _outer_ear()
    spread = _spread(group(weighted) + bands().internal_noise)
    return Heard(power=power, weighted=weighted, spread=spread, excitation=_smear(spread))


def group(spectrum: Values) -> Values:
    """Add up the energies of FFT bins (…, 1025) in bands (…, 109) (section 2.1.4)."""
    return np.maximum(spectrum @ bands().shares, _LEAST_ENERGY)


@cache
def bands() -> Bands:
    """Lay out the bands (sections 2.1.4, 2.1.5 and 2.1.9)."""
    lowest, highest = _bark(_LOWEST_HZ), _bark(_HIGHEST_HZ)
    count = int(np.ceil((highest - lowest) / _BAND_BARK))
    lower = lowest + _BAND_BARK * np.arange(count, dtype=np.float64)
    upper = np.asarray(np.minimum(lower + _BAND_BARK, highest), np.float64)
    centres_hz = _hertz((lower + upper) / 2)
    width_hz = RATE_HZ / FRAME_SAMPLES
    starts_hz = (np.arange(FRAME_SAMPLES // 2 + 1)[:, np.newaxis] - 0.5) * width_hz
    low, high = _hertz(lower), _hertz(upper)
    overlap = np.minimum(high, starts_hz + width_hz) - np.maximum(low, starts_hz)
    offset_db = np.maximum(3.0, 0.25 * _BAND_BARK * np.arange(count))
    return Bands(
        centres_hz=centres_hz,
        shares=np.clip(overlap / width_hz, 0.0, 1.0),
        internal_noise=10 ** (0.1456 * (centres_hz / 1000) ** -0.8),
        mask_offset=10 ** (offset_db / 10),
    )


def forgetting(seconds_at_100_hz: float, least_seconds: float = 0.008) -> Values:
    """Return, for each band, how much of a running mean is left after a hop (section 2.1.8)."""
    at_100_hz = 100 / bands().centres_hz
    lasting = least_seconds + at_100_hz * (seconds_at_100_hz - least_seconds)
    return np.exp(-1 / (FRAMES_A_SECOND * lasting))


def running_mean(patterns: Values, forget: Values, gain: Values | float | None = None) -> Values:
    """
    Smooth patterns (…, frames, bands) with a first-order filter that starts at nothing.

    *gain* is what a new value counts, ``1 - forget`` unless given.
    """
    weight = 1 - forget if gain is None else gain
    smoothed = np.empty_like(patterns)
    state = np.zeros(patterns.shape[:-2] + patterns.shape[-1:])
    for frame in range(patterns.shape[-2]):
        state = np.asarray(forget * state + weight * patterns[..., frame, :], np.float64)
        smoothed[..., frame, :] = state
    return smoothed


@cache
def _window() -> Values:
    """Hann's, of the energy of a rectangle (section 2.1.2)."""
    at = 2 * np.pi * np.arange(FRAME_SAMPLES) / (FRAME_SAMPLES - 1)
    return np.asarray(np.sqrt(8 / 3) * 0.5 * (1 - np.cos(at)))


@cache
def _calibration() -> float:
    """Return the factor that makes a power of the FFT one of sound pressure (section 2.1.3)."""
    at = np.arange(10 * HOP_SAMPLES + FRAME_SAMPLES)
    sine = np.sin(2 * np.pi * _CALIBRATION_HZ * at / RATE_HZ)
    frames = np.lib.stride_tricks.sliding_window_view(sine, FRAME_SAMPLES)[::HOP_SAMPLES]
    loudest = np.max(np.abs(np.fft.rfft(frames * _window(), axis=-1)))
    return float(10 ** (LISTENING_LEVEL_DB / 10) / loudest**2)


@cache
def _outer_ear() -> Values:
    """Return how outer and middle ear weigh the power of each bin (section 2.1.3)."""
    khz = np.arange(1, FRAME_SAMPLES // 2 + 1) * RATE_HZ / FRAME_SAMPLES / 1000
    decibels = -2.184 * khz**-0.8 + 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) - 1e-3 * khz**3.6
    return np.concatenate([[0.0], 10 ** (decibels / 10)])


def _spread(energies: Values) -> Values:
    """Spread the energy of each band over its neighbours, louder ones further up (2.1.7)."""
    return np.asarray(_spread_unscaled(energies) / _spread_scale())


@cache
def _spread_scale() -> Values:
    scale: Values = _spread_unscaled(np.ones((1, bands().centres_hz.size)))[0]
    return scale


def _spread_unscaled(energies: Values) -> Values:
    count = energies.shape[-1]
    number = np.arange(count)
    steady = 10 ** ((-2.4 - 23 / bands().centres_hz) * _BAND_BARK)
    upper_slope = steady * energies ** (0.2 * _BAND_BARK)
    below = (1 - _LOWER_SLOPE ** (number + 1)) / (1 - _LOWER_SLOPE)
    above = (1 - upper_slope ** (count - number)) / (1 - upper_slope)
    own = (energies / (below + above - 1)) ** _COMPRESSION
    away = number[:, np.newaxis] - number
    downwards = np.where(away >= 0, _LOWER_SLOPE ** (_COMPRESSION * np.maximum(away, 0)), 0.0)
    total = own @ downwards
    upwards, slope = own, upper_slope**_COMPRESSION
    for distance in range(1, count):
        upwards = upwards[..., :-1] * slope[..., : count - distance]
        total[..., distance:] += upwards
    return np.asarray(total ** (1 / _COMPRESSION))


def _smear(spread: Values) -> Values:
    """Let excitation fade after its cause has gone: forward masking (section 2.1.8)."""
    return np.maximum(running_mean(spread, forgetting(0.030)), spread)


def _bark(hertz: float) -> float:
    return float(7 * np.arcsinh(hertz / 650))


def _hertz(bark: Values) -> Values:
    return np.asarray(650 * np.sinh(bark / 7), np.float64)
