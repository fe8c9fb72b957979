"""
What differs between two sounds as heard: the variables of ITU-R BS.1387-1, basic version.

Sections are those of its annex 2. Where the text leaves room, the reading of Kabal is taken (An
Examination and Interpretation of ITU-R BS.1387, McGill University 2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.quality.ear import (
    FRAME_SAMPLES,
    FRAMES_A_SECOND,
    HOP_SAMPLES,
    Heard,
    Values,
    bands,
    forgetting,
    group,
    running_mean,
)

_ADAPTATION_SECONDS = 0.050
_SKIPPED_FRAMES = int(np.ceil(0.5 * FRAMES_A_SECOND))  # Delayed averaging, section 5.2.3.
_ONSET_FRAMES = int(np.ceil(0.050 * FRAMES_A_SECOND))
_LOUD_SONE = 0.1
_DISTURBED = 10**0.15  # A band whose noise passes its mask by 1.5 dB.
_LEAST_FRAME_DB = -20.0
_LAGS = 256
_AUDIBLE_ENERGY = 8000 / 32768**2  # Of half a frame, section 4.8.


@dataclass(frozen=True, slots=True, kw_only=True)
class Movs:
    """The eleven variables; of several channels the mean, or what one listener notices."""

    bandwidth_reference: float  # FFT bins.
    bandwidth_test: float  # FFT bins.
    total_nmr_db: float
    win_mod_diff: float
    distorted_block: float
    harmonic_structure: float
    avg_mod_diff_1: float
    avg_mod_diff_2: float
    noise_loudness: float  # Sone.
    detection: float  # Largest probability that a frame's error is heard.
    disturbed_frames: float  # Share.


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The variables of the basic version, and one more."""

    movs: Movs
    segmental_nmr_db: float  # Of the advanced version, here on the basic one's bands.


@dataclass(frozen=True, slots=True, kw_only=True)
class Modulation:
    """How quickly the loudness of each band changes, and its mean (section 3.2)."""

    pace: Values
    level: Values


def compare(
    reference: Heard,
    test: Heard,
    reference_sound: Values,
    test_sound: Values,
    modulated: Modulation,
) -> Compared:
    """
    Compute all variables for a pair of sounds that are aligned to the sample.

    Args:
        modulated: ``modulation(reference)``, which serves every test of one reference.
    """
    changing = modulation(test)
    ratios = noise_to_mask(reference, test)
    bandwidth_reference, bandwidth_test = _bandwidths(reference, test)
    window, first, second = _modulation_differences(modulated, changing)
    detection, distorted = _detection(reference, test)
    found = Movs(
        bandwidth_reference=bandwidth_reference,
        bandwidth_test=bandwidth_test,
        total_nmr_db=total_nmr_db(ratios),
        win_mod_diff=window,
        distorted_block=distorted,
        harmonic_structure=_harmonic_structure(reference, test, reference_sound, test_sound),
        avg_mod_diff_1=first,
        avg_mod_diff_2=second,
        noise_loudness=_noise_loudness(reference, test, modulated, changing),
        detection=detection,
        disturbed_frames=float(np.mean(np.max(ratios, axis=-1) >= _DISTURBED)),
    )
    return Compared(movs=found, segmental_nmr_db=segmental_nmr_db(ratios))


def noise_to_mask(reference: Heard, test: Heard) -> Values:
    """
    Divide the error's energy by the mask of the reference: (channels, frames, bands).

    The error is the difference of magnitudes, so a change of phase alone counts little (section
    2.1.10, then 4.5).
    """
    error = (np.sqrt(test.weighted) - np.sqrt(reference.weighted)) ** 2
    return group(error) / reference.mask


def total_nmr_db(ratios: Values) -> float:
    """Average noise-to-mask ratios over bands and frames, in dB, then channels (section 4.5.1)."""
    return float(np.mean(10 * np.log10(np.mean(ratios, axis=(1, 2)))))


def segmental_nmr_db(ratios: Values) -> float:
    """
    Average noise-to-mask ratios over bands, then in dB over frames and channels (section 4.5.3).

    A frame counts as -20 dB at least: beyond that, less error is no gain for anyone.
    """
    frames = 10 * np.log10(np.mean(ratios, axis=-1))
    return float(np.mean(np.maximum(frames, _LEAST_FRAME_DB)))


def modulation(heard: Heard) -> Modulation:
    """Follow how the loudness of each band changes (section 3.2)."""
    loudness = heard.spread**0.3
    forget = forgetting(_ADAPTATION_SECONDS)
    level = running_mean(loudness, forget)
    change = np.abs(np.diff(loudness, axis=-2, prepend=0.0)) * FRAMES_A_SECOND
    return Modulation(pace=running_mean(change, forget) / (1 + level / 0.3), level=level)


def _modulation_differences(reference: Modulation, test: Modulation) -> tuple[float, float, float]:
    """Sections 4.2 and 5.2: windowed, averaged, and averaged with lost modulation counting less."""
    now = slice(_SKIPPED_FRAMES, None)
    before, after, level = (x[:, now] for x in (reference.pace, test.pace, reference.level))
    difference = np.abs(after - before)
    first = 100 * np.mean(difference / (1 + before), axis=-1)
    lost = np.where(after >= before, 1.0, 0.1)
    second = 100 * np.mean(lost * difference / (0.01 + before), axis=-1)
    weight = np.sum(level / (level + 100 * bands().internal_noise ** 0.3), axis=-1)
    windows = np.lib.stride_tricks.sliding_window_view(np.sqrt(first), 4, axis=-1)
    windowed = np.sqrt(np.mean(np.mean(windows, axis=-1) ** 4, axis=-1))
    total = np.sum(weight, axis=-1)
    return (
        float(np.mean(windowed)),
        float(np.mean(np.sum(weight * first, axis=-1) / total)),
        float(np.mean(np.sum(weight * second, axis=-1) / total)),
    )


def _noise_loudness(
    reference: Heard, test: Heard, modulated: Modulation, changing: Modulation
) -> float:
    """Section 4.3: how loud the error is beside the sound that partly masks it, in sone."""
    before, after = _adapted(reference.excitation, test.excitation)
    least = bands().internal_noise
    dull, sharp = 0.15 * modulated.pace + 0.5, 0.15 * changing.pace + 0.5
    hiding = np.exp(-1.5 * (after - before) / before)
    excess = np.maximum(sharp * after - dull * before, 0.0) / (least + dull * before * hiding)
    bandwise = (least / sharp) ** 0.23 * ((1 + excess) ** 0.23 - 1)
    frames = np.maximum(24 * np.mean(bandwise, axis=-1), 0.0)
    heard = frames[:, _audible_from(reference, test) :]
    return float(np.mean(np.sqrt(np.mean(heard**2, axis=-1)))) if heard.shape[1] else 0.0


def _audible_from(reference: Heard, test: Heard) -> int:
    """Return the frame from which noise loudness counts (sections 5.2.3 and 5.2.4)."""
    loud = (_loudness(reference) > _LOUD_SONE) & (_loudness(test) > _LOUD_SONE)
    frames = np.flatnonzero(np.any(loud, axis=0))
    first = int(frames[0]) if frames.size else loud.shape[1]
    return max(_SKIPPED_FRAMES, first + _ONSET_FRAMES)


def _loudness(heard: Heard) -> Values:
    """Zwicker's loudness in sone: (channels, frames) (section 3.3)."""
    khz = bands().centres_hz / 1000
    slope_db = -2 - 2.05 * np.arctan(khz / 4) - 0.75 * np.arctan((khz / 1.6) ** 2)
    slope, threshold = 10 ** (slope_db / 10), 10 ** (0.364 * khz**-0.8)
    growth = (1 - slope + slope * heard.excitation / threshold) ** 0.23 - 1
    sone = 1.07664 * (threshold / (slope * 1e4)) ** 0.23 * growth
    return np.asarray(24 * np.mean(np.maximum(sone, 0.0), axis=-1))


def _adapted(reference: Values, test: Values) -> tuple[Values, Values]:
    """Take out what is a mere change of level or of timbre (section 3.1)."""
    forget = forgetting(_ADAPTATION_SECONDS)
    before, after = running_mean(reference, forget), running_mean(test, forget)
    total = np.sum(after, axis=-1, keepdims=True)
    level = (np.sum(np.sqrt(after * before), axis=-1, keepdims=True) / total) ** 2
    reference = reference / np.maximum(level, 1.0)
    test = test * np.minimum(level, 1.0)
    shared = running_mean(test * reference, forget, gain=1.0)
    own = running_mean(reference * reference, forget, gain=1.0)
    louder = shared >= own
    for_test = np.where(louder, own / shared, 1.0)
    for_reference = np.where(louder, 1.0, shared / own)
    return (
        reference * running_mean(_neighbours(for_reference), forget),
        test * running_mean(_neighbours(for_test), forget),
    )


def _neighbours(factors: Values) -> Values:
    """Average over eight bands, three below and four above, as far as there are any."""
    count = factors.shape[-1]
    sums = np.concatenate([np.zeros((*factors.shape[:-1], 1)), np.cumsum(factors, axis=-1)], -1)
    first = np.maximum(np.arange(count) - 3, 0)
    last = np.minimum(np.arange(count) + 4, count - 1) + 1
    return np.asarray((sums[..., last] - sums[..., first]) / (last - first))


def _bandwidths(reference: Heard, test: Heard) -> tuple[float, float]:
    """Section 4.4: the highest bin 10 dB (5 dB) above what the test has above 21.6 kHz."""
    floor = np.max(test.power[..., 921:1024], axis=-1, keepdims=True)
    bins = np.arange(1, 922)
    of_reference = np.max(bins * (reference.power[..., :921] > 10 * floor), axis=-1)
    within = bins <= of_reference[..., np.newaxis]
    of_test = np.max(bins * (within & (test.power[..., :921] >= 10**0.5 * floor)), axis=-1)
    wide = of_reference > 346
    if not wide.any():
        return 0.0, 0.0
    return float(np.mean(of_reference[wide])), float(np.mean(of_test[wide]))


def _detection(reference: Heard, test: Heard) -> tuple[float, float]:
    """Sections 4.7 and 4.9: how probably an error is heard, and how far past its threshold."""
    before, after = 10 * np.log10(reference.excitation), 10 * np.log10(test.excitation)
    level = 0.3 * np.maximum(before, after) + 0.7 * after
    audible = np.maximum(level, 1e-3)
    step = (
        5.95072 * (6.39468 / audible) ** 1.71332
        + 9.01033e-11 * audible**4
        + 5.05622e-6 * audible**3
        - 0.00102438 * audible**2
        + 0.0550197 * audible
        - 0.198719
    )
    step = np.where(level > 0, step, 1e30)
    difference = before - after
    steepness = np.where(difference > 0, 4.0, 6.0)
    missed = np.min(0.5 ** (np.abs(difference) / step) ** steepness, axis=0)
    steps = np.sum(np.max(np.abs(np.trunc(difference)) / step, axis=0), axis=-1)
    probability = 1 - np.prod(missed, axis=-1)
    followed, largest = 0.0, 0.0
    for value in probability:
        followed = 0.9 * followed + 0.1 * float(value)
        largest = max(largest, followed)
    noticed = steps[probability > 0.5]
    if not noticed.size:
        return largest, 0.0
    mean = float(np.mean(noticed))
    return largest, float(np.log10(mean)) if mean > 0 else -0.5


def _harmonic_structure(
    reference: Heard, test: Heard, reference_sound: Values, test_sound: Values
) -> float:
    """Section 4.8: whether the error has the pitch of a tone, by the spectrum's autocorrelation."""
    tiny = np.finfo(np.float64).tiny
    logs = np.log(np.maximum(test.power[..., : 2 * _LAGS], tiny))
    logs = logs - np.log(np.maximum(reference.power[..., : 2 * _LAGS], tiny))
    start = logs[..., :_LAGS]
    lagged = np.lib.stride_tricks.sliding_window_view(logs, _LAGS, axis=-1)[..., :_LAGS, :]
    products = np.einsum("cfk,cflk->cfl", start, lagged)
    energies = np.einsum("cflk,cflk->cfl", lagged, lagged) * np.sum(start**2, -1, keepdims=True)
    with_unit = np.where(energies > 0, products / np.sqrt(np.maximum(energies, tiny)), 0.0)
    at = 2 * np.pi * np.arange(_LAGS) / (_LAGS - 1)
    window = np.sqrt(8 / 3) * 0.5 * (1 - np.cos(at)) / _LAGS
    centred = with_unit - np.mean(with_unit, axis=-1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(window * centred, axis=-1)) ** 2
    rising = spectrum[..., 1:] > spectrum[..., :-1]
    peaks = np.max(np.where(rising, spectrum[..., 1:], 0.0), axis=-1)
    audible = np.any(_loud_halves(reference_sound) | _loud_halves(test_sound), axis=0)
    return float(1000 * np.mean(peaks[:, audible])) if audible.any() else 0.0


def _loud_halves(sound: Values) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME_SAMPLES, axis=1)
    newer = frames[:, ::HOP_SAMPLES, HOP_SAMPLES:]
    return np.asarray(np.sum(newer**2, axis=-1) >= _AUDIBLE_ENERGY)
