"""
One number for a degraded sound: its noise-to-mask ratio, and the grade that listeners would give.

Both follow ITU-R BS.1387-1, basic version. The ratio is a physical statement; the grade (ODG) is a
second view, by a network that was trained on listening tests of codecs from the nineties, mostly at
higher bitrates than ours. It was not checked with the ITU's conformance recordings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.quality import movs
from bench.quality.ear import FRAME_SAMPLES, RATE_HZ, Heard, Values, hear

# Annex 2, table 15 (smallest and largest of each variable) and 16 and 17 (weights).
_RANGES = np.array(
    [
        [393.916656, 921.0],
        [361.965332, 881.131226],
        [-24.045116, 16.212030],
        [1.110661, 107.137772],
        [-0.206623, 2.886017],
        [0.074318, 13.933351],
        [1.113683, 63.257874],
        [0.950345, 1145.018555],
        [0.029985, 14.819740],
        [0.000101, 1.0],
        [0.0, 1.0],
    ]
)
_HIDDEN = np.array(
    [
        [-0.502657, 0.436333, 1.219602],
        [4.307481, 3.246017, 1.123743],
        [4.984241, -2.211189, -0.192096],
        [0.051056, -1.762424, 4.331315],
        [2.321580, 1.789971, -0.754560],
        [-5.303901, -3.452257, -10.814982],
        [2.730991, -6.111805, 1.519223],
        [0.624950, -1.331523, -5.955151],
        [3.102889, 0.871260, -5.922878],
        [-1.051468, -0.939882, -0.142913],
        [-1.804679, -0.503610, -0.620456],
    ]
)
_HIDDEN_BIAS = np.array([-2.518254, 0.654841, -2.207228])
_OUT = np.array([-3.817048, 4.107138, 4.629582])
_OUT_BIAS = -0.307594
_WORST_GRADE, _BEST_GRADE = -3.98, 0.22

_SOUND_BEGINS = 200 / 32768  # Sum of five samples, section 5.2.4.4.


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How a test differs from its reference."""

    nmr_db: float
    """Total noise-to-mask ratio: below 0 the error is masked on average; lower is better."""

    segmental_nmr_db: float
    """The same ratio averaged in dB over frames, so that a few bad ones do not decide."""

    disturbed: float
    """Share of frames in which some band's error passes its mask by 1.5 dB or more."""

    grade: float
    """Objective difference grade: 0 is imperceptible, -4 very annoying."""


class Reference:
    """
    A sound that others are compared with; what is known of it is computed once.

    Args:
        sound: (channels, samples) in [-1, 1].

        rate_hz: Of both sounds; the model hears at 48 kHz, so others are resampled.
    """

    def __init__(self, sound: NDArray[np.float32], rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._samples = sound.shape[1]
        whole = _at_model_rate(sound, rate_hz)
        self._span = _sounding(whole)
        self._sound = whole[:, self._span]

    @cached_property
    def _heard(self) -> Heard:
        return hear(self._sound)

    @cached_property
    def _modulation(self) -> movs.Modulation:
        return movs.modulation(self._heard)

    def measure(self, test: NDArray[np.float32]) -> Measured:
        """
        Compare a test with this reference.

        Raises:
            ValueError: The test is not exactly as long.
        """
        found = self._compared(test)
        return Measured(
            nmr_db=found.movs.total_nmr_db,
            segmental_nmr_db=found.segmental_nmr_db,
            disturbed=found.movs.disturbed_frames,
            grade=grade(found.movs),
        )

    def _compared(self, test: NDArray[np.float32]) -> movs.Compared:
        if test.shape[1] != self._samples:
            raise ValueError(f"{test.shape[1]} samples against {self._samples}")
        sound = _at_model_rate(test, self._rate_hz)[:, self._span]
        return movs.compare(self._heard, hear(sound), self._sound, sound, self._modulation)


def grade(found: movs.Movs) -> float:
    """Map the variables to an objective difference grade (section 6)."""
    values = np.array([getattr(found, name) for name in found.__slots__])
    least, most = _RANGES.T
    scaled = (values - least) / (most - least)
    hidden = 1 / (1 + np.exp(-(scaled @ _HIDDEN + _HIDDEN_BIAS)))
    index = float(hidden @ _OUT + _OUT_BIAS)
    return float(_WORST_GRADE + (_BEST_GRADE - _WORST_GRADE) / (1 + np.exp(-index)))


def resampled(sound: Values, rate_hz: int, wanted_hz: int) -> Values:
    """Resample a whole sound in the frequency domain, without delay; its ends wrap around."""
    samples = sound.shape[-1]
    wanted = round(samples * wanted_hz / rate_hz)
    if wanted == samples:
        return sound
    spectrum = np.fft.rfft(sound, axis=-1)
    kept = np.zeros((*sound.shape[:-1], wanted // 2 + 1), np.complex128)
    bins = min(kept.shape[-1], spectrum.shape[-1])
    kept[..., :bins] = spectrum[..., :bins]
    return np.asarray(np.fft.irfft(kept, wanted, axis=-1) * (wanted / samples))


def _at_model_rate(sound: NDArray[np.float32], rate_hz: int) -> Values:
    """Bring a sound to 48 kHz and 16 bits, which the model was made for."""
    whole = resampled(sound.astype(np.float64), rate_hz, RATE_HZ)
    return np.asarray(np.rint(np.clip(whole, -1.0, 1.0) * 32767) / 32767)


def _sounding(sound: Values) -> slice:
    """Leave out silence before and after (section 5.2.4.4), as long as enough remains."""
    sums = np.max([np.convolve(np.abs(one), np.ones(5), "same") for one in sound], axis=0)
    loud = np.flatnonzero(sums > _SOUND_BEGINS)
    if not loud.size or loud[-1] - loud[0] < FRAME_SAMPLES:
        return slice(0, sound.shape[1])
    return slice(int(loud[0]), int(loud[-1]) + 1)
