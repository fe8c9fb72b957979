"""What goes through the coder comes back in its place, and better for more bits."""

from __future__ import annotations

import numpy as np
import pytest

from bench.quality.coder import code
from bench.quality.measure import Reference, resampled
from tests.support import synth

RATE = 48000


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("samples", [20 * 1024, 20 * 1024 + 1, 21 * 1024 - 1])
def test_a_decoded_click_is_where_it_was_to_the_sample(samples: int, channels: int) -> None:
    click = synth.burst(samples, at=10_007, rate=RATE, channels=channels)

    coded = code(click, rate_hz=RATE, bitrate_bps=128_000, options={})
    echo = np.correlate(coded.sound[0], click[0], "full")

    assert click.shape == coded.sound.shape
    assert samples - 1 == int(np.argmax(echo))


@pytest.mark.parametrize("coder", ["fast", "twoloop"])
def test_more_bits_sound_better(coder: str) -> None:
    # Both coders widen the band with the bitrate and put noise into it: not what is asked here.
    options = {"aac_coder": coder, "cutoff": "12000", "aac_pns": "0"}
    half = resampled(synth.noise(24000, amplitude=0.1).astype(np.float64), 24000, RATE)
    sound = half.astype(np.float32) + synth.tone(RATE, rate=RATE, hz=2500, amplitude=0.1)
    reference = Reference(sound, RATE)
    coded = [
        code(sound, rate_hz=RATE, bitrate_bps=kbps * 1000, options=options)
        for kbps in (32, 64, 96, 192)
    ]
    measured = [reference.measure(one.sound) for one in coded]

    assert sorted(one.kbps for one in coded) == [one.kbps for one in coded]
    assert sorted((m.nmr_db for m in measured), reverse=True) == [m.nmr_db for m in measured]
    assert sorted(m.grade for m in measured) == [m.grade for m in measured]
