"""The measure ranks what is known to sound better above what is known to sound worse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.quality import ear
from bench.quality.measure import Measured, Reference, resampled
from tests.support import synth

RATE = 48000
SECONDS = 2
SAMPLES = SECONDS * RATE

Sound = NDArray[np.float32]


@pytest.fixture(scope="module")
def spoken() -> Sound:
    """A voice below 15 kHz: the model takes what is above 21.6 kHz for the machine's noise."""
    return lowpass(synth.speech(SAMPLES, rate=RATE), 15000)


@pytest.fixture(scope="module")
def reference(spoken: Sound) -> Reference:
    return Reference(spoken, RATE)


def narrow_noise(hz: float, *, level: float, width_hz: float = 100.0, seed: int = 3) -> Sound:
    """Noise in a band, of a root mean square of *level*."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(SAMPLES))
    bins = np.fft.rfftfreq(SAMPLES, 1 / RATE)
    noise = np.fft.irfft(np.where(np.abs(bins - hz) < width_hz / 2, spectrum, 0), SAMPLES)
    return (noise * level / np.sqrt(np.mean(noise**2)))[np.newaxis].astype(np.float32)


def lowpass(sound: Sound, hz: float) -> Sound:
    spectrum = np.fft.rfft(sound, axis=-1)
    spectrum[:, np.fft.rfftfreq(sound.shape[1], 1 / RATE) > hz] = 0
    return np.fft.irfft(spectrum, sound.shape[1], axis=-1).astype(np.float32)


def better(one: Measured, other: Measured) -> bool:
    return (
        one.nmr_db < other.nmr_db
        and one.segmental_nmr_db <= other.segmental_nmr_db
        and one.disturbed <= other.disturbed
    )


def test_a_sound_is_best_when_it_is_the_same(reference: Reference, spoken: Sound) -> None:
    same = reference.measure(spoken)

    assert same.nmr_db < -100
    assert same.segmental_nmr_db == -20.0
    assert same.disturbed == 0.0
    # The network's answer to equal sounds is a little above the scale's end.
    assert abs(same.grade - 0.2) < 0.05


@pytest.mark.parametrize(
    "worse",
    [
        lambda sound, by: sound + by * synth.noise(SAMPLES, amplitude=0.01),
        lambda sound, by: np.round(sound * 2000 / by) * by / 2000,
        lambda sound, by: lowpass(sound, 10000 / by),
        lambda sound, by: sound + by / 50 * np.roll(sound, 3000, axis=1),
    ],
    ids=["noise", "steps", "treble lost", "echo"],
)
def test_more_of_a_fault_is_worse(
    worse: Callable[[Sound, int], Sound], reference: Reference, spoken: Sound
) -> None:
    little, more, much = (
        reference.measure(worse(spoken, by).astype(np.float32)) for by in (1, 3, 9)
    )

    assert better(little, more)
    assert better(more, much)
    assert little.grade > much.grade


def test_noise_beside_a_tone_is_masked_and_the_same_noise_far_away_is_not() -> None:
    tone = synth.tone(SAMPLES, rate=RATE, hz=1000, amplitude=0.5)
    reference = Reference(tone, RATE)
    power = 10 ** (-38 / 20) * 0.5 / 2**0.5

    near = reference.measure(tone + narrow_noise(1100, level=power))
    far = reference.measure(tone + narrow_noise(6000, level=power))

    assert better(near, far)
    assert near.nmr_db < far.nmr_db - 15
    assert far.disturbed > 0.95


def test_noise_below_the_masker_is_masked_and_noise_above_it_is_not() -> None:
    masker = narrow_noise(1000, level=0.1, width_hz=160)
    reference = Reference(masker, RATE)

    hidden = reference.measure(masker + narrow_noise(1000, level=0.1 * 10 ** (-20 / 20), seed=4))
    heard = reference.measure(masker + narrow_noise(1000, level=0.1, seed=4))

    assert hidden.nmr_db < heard.nmr_db - 10
    assert hidden.disturbed < heard.disturbed


def test_masking_reaches_further_up_than_down_and_louder_further() -> None:
    def excited(amplitude: float) -> NDArray[np.float64]:
        tone = synth.tone(4096, rate=RATE, hz=1000, amplitude=amplitude)
        return 10 * np.log10(ear.hear(tone.astype(np.float64)).spread[0, 1])

    loud, soft = excited(0.5), excited(0.005)
    middle = int(np.argmax(loud))
    up, down = loud[middle] - loud[middle + 16], loud[middle] - loud[middle - 16]
    up_soft = soft[middle] - soft[middle + 16]

    assert up < down
    assert up < up_soft


def test_the_ear_has_109_bands_from_80_hz_to_18_khz() -> None:
    centres = ear.bands().centres_hz
    # BS.1387-1, annex 2, table 8: the first one and the last ones.
    expected = [91.708, 16477.914, 17077.504, 17690.045]

    assert centres.size == 109
    assert np.allclose(expected, centres[[0, -3, -2, -1]], atol=0.005)


def test_a_sine_at_full_scale_is_as_loud_as_the_listening_level() -> None:
    tone = synth.tone(RATE, rate=RATE, hz=1019.5, amplitude=1.0).astype(np.float64)
    decibels = 10 * np.log10(np.max(ear.hear(tone).power))

    assert abs(decibels - ear.LISTENING_LEVEL_DB) < 0.05


def test_what_sounded_just_before_masks_for_a_while() -> None:
    burst = np.zeros((1, RATE))
    burst[0, :4096] = synth.noise(4096)[0]
    mask = ear.hear(burst).mask[0, :, 60]

    assert mask[5] < mask[3]
    assert mask[5] > 10 * mask[-1]


def test_the_later_the_worse(reference: Reference, spoken: Sound) -> None:
    late = [reference.measure(np.roll(spoken, by, axis=1)) for by in (0, 1, 32, 1024)]

    assert sorted(one.nmr_db for one in late) == [one.nmr_db for one in late]
    assert late[-1].nmr_db > late[1].nmr_db + 10


def test_a_test_must_be_as_long_as_its_reference(reference: Reference, spoken: Sound) -> None:
    with pytest.raises(ValueError, match="95999 samples against 96000"):
        reference.measure(spoken[:, 1:])


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_other_rates_are_brought_to_the_models_without_a_trace(rate: int) -> None:
    tone = synth.tone(rate * SECONDS, rate=rate, hz=1000).astype(np.float64)
    expected = synth.tone(SAMPLES, rate=RATE, hz=1000).astype(np.float64)

    assert np.max(np.abs(expected - resampled(tone, rate, RATE))) < 1e-6
