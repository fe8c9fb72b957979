"""Loudness: measured as BS.1770 says, reached without passing the true peak limit."""

import math

import numpy as np
import pytest

from tests.support import synth
from transforms.audio.loudness import Loudness, measure

RATE = 48000


def test_a_full_scale_tone_at_997_hz_measures_as_bs_1770_says() -> None:
    sound = synth.tone(10 * RATE, rate=RATE, hz=997, amplitude=1.0, channels=1)
    found = measure([sound], sample_rate_hz=RATE, channels=1)

    assert found.integrated_lufs == pytest.approx(-3.01, abs=0.05)
    assert found.true_peak_db == pytest.approx(0.0, abs=0.1)


def test_the_gain_reaches_the_target() -> None:
    assert Loudness(integrated_lufs=-30.0, true_peak_db=-20.0).gain_to(-16.0) == 14.0


def test_the_gain_stops_where_the_true_peak_would_pass_its_limit() -> None:
    assert Loudness(integrated_lufs=-30.0, true_peak_db=-6.0).gain_to(-16.0) == 5.0


def test_silence_stays_silent() -> None:
    found = measure([np.zeros((1, 5 * RATE), np.float32)], sample_rate_hz=RATE, channels=1)

    assert found.gain_to(-16.0) == 0.0
    assert found.true_peak_db == -math.inf


def test_a_sound_shorter_than_the_meter_needs_is_left_alone() -> None:
    found = measure([synth.tone(100, rate=RATE, channels=1)], sample_rate_hz=RATE, channels=1)

    assert found.gain_to(-16.0) == 0.0
