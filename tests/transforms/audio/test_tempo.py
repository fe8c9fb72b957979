from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.support import synth
from tests.support.drums import PATTERNS, clicks, loop
from tests.support.media import make
from tests.support.memory import MemorySource
from tests.support.synth import Sound
from transforms.audio.tempo import Tempo
from transforms.audio.tempo_beats import LONGEST_SECONDS, tempo, tempo_of
from transforms.audio.tempo_onsets import FRAMES_A_SECOND, RATE_HZ, onset_strength

TEMPOS = (60, 68.3, 77.7, 86, 95.5, 104, 113.3, 120, 128, 137.1, 145, 156.6, 167, 174, 190)


def heard(sound: Sound) -> Tempo | None:
    """The tempo of a sound at the rate that is listened at."""
    return tempo(onset_strength([sound]))


def verdict(found: Tempo | None, bpm: float) -> str:
    """Say how a tempo relates to what was played, within 1 %."""
    ratios = {"right": 1.0, "double": 2.0, "half": 0.5}
    names = (
        name
        for name, ratio in ratios.items()
        if found is not None and abs(found.bpm / bpm / ratio - 1) <= 0.01
    )
    return next(names, "wrong")


@pytest.mark.parametrize("bpm", TEMPOS)
def test_a_metronome_is_right_at_every_tempo(bpm: float) -> None:
    found = heard(clicks(bpm, rate=RATE_HZ, seconds=20, start=0.371))

    assert found is not None
    assert found.bpm == pytest.approx(bpm, abs=0.1)
    assert found.confidence > 0.9


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("kind", ["wav-16", "flac"])
def test_the_sample_rate_does_not_matter(rate: int, kind: str) -> None:
    source = MemorySource(make(kind, clicks(127.3, rate=rate, seconds=10), rate=rate))
    found = tempo_of(source)

    assert found is not None
    assert found.bpm == pytest.approx(127.3, abs=0.2)


def test_a_coded_stereo_file_is_listened_to() -> None:
    sound = loop("rock", 98.4, rate=44_100, start=0.5)
    stereo = np.concatenate((sound, 0.5 * sound))
    found = tempo_of(MemorySource(make("mp3", stereo, rate=44_100)))

    assert found is not None
    assert found.bpm == pytest.approx(98.4, abs=0.5)


def test_loops_are_right_within_a_percent_or_else_an_octave_off() -> None:
    verdicts = Counter(
        verdict(heard(loop(pattern, bpm, start=0.13 * number, seed=number)), bpm)
        for pattern in ("rock", "pushed rock", "four on the floor", "busy hats", "bare")
        for number, bpm in enumerate(TEMPOS)
    )

    assert verdicts["wrong"] == 0
    # Who plays at 60 may be heard at 120, and who plays at 190 at 95: the sound is nearly the same.
    assert verdicts["right"] >= 0.7 * verdicts.total()


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("swing", [0.5, 0.58, 0.66])
def test_usual_tempos_are_right_whatever_is_played(pattern: str, swing: float) -> None:
    for bpm in (92.3, 108.0, 121.7):
        found = heard(loop(pattern, bpm, swing=swing, start=0.29))

        assert verdict(found, bpm) == "right", (bpm, found)


@pytest.mark.parametrize("bpm", [85.0, 120.0])
def test_a_few_seconds_are_enough(bpm: float) -> None:
    assert verdict(heard(loop("rock", bpm, seconds=6)), bpm) == "right"


def noise_of(seconds: int, seed: int) -> Sound:
    return synth.noise(seconds * RATE_HZ, seed=seed)


def random_clicks(seconds: int, seed: int) -> Sound:
    random = np.random.default_rng(seed)
    sound = synth.silence(seconds * RATE_HZ)
    for moment in np.cumsum(random.exponential(0.25, seconds * 3)):
        first = round(moment * RATE_HZ)
        sound[0, first : first + 100] = 0.5
    return sound[:, : seconds * RATE_HZ]


@pytest.mark.parametrize("seconds", [3, 8, 30])
def test_what_comes_by_chance_is_no_beat(seconds: int) -> None:
    for seed in range(10):
        assert heard(noise_of(seconds, seed)) is None
        assert heard(random_clicks(seconds, seed)) is None


def moving(samples: int, *, rate: int) -> Sound:
    """A voice's vibrato, which is no beat although it returns five times a second."""
    time = np.arange(samples) / rate
    wave = 0.3 * np.sin(2 * np.pi * 330 * time + 3 * np.sin(2 * np.pi * 5.5 * time))
    sound: Sound = wave[None].astype(np.float32)
    return sound


@pytest.mark.parametrize(
    "sound",
    [
        synth.silence(20 * RATE_HZ),
        synth.noise(20 * RATE_HZ, amplitude=1e-4),
        synth.tone(20 * RATE_HZ, rate=RATE_HZ),
        np.round(synth.tone(20 * RATE_HZ, rate=RATE_HZ) * 127).astype(np.float32) / 127,
        synth.sweep(20 * RATE_HZ, rate=RATE_HZ),
        moving(20 * RATE_HZ, rate=RATE_HZ),
        synth.impulse(20 * RATE_HZ, at=5 * RATE_HZ),
        clicks(120, rate=RATE_HZ, seconds=2.5),
        np.full((1, 20 * RATE_HZ), np.nan, np.float32),
        np.zeros((1, 0), np.float32),
    ],
    ids=["silence", "hiss", "tone", "coarse", "sweep", "vibrato", "bang", "short", "nan", "empty"],
)
def test_what_has_no_beat_has_no_tempo(sound: Sound) -> None:
    assert heard(sound) is None


def test_more_than_the_first_minutes_is_not_listened_to() -> None:
    first = clicks(100, rate=8_000, seconds=LONGEST_SECONDS)
    rest = clicks(170, rate=8_000, seconds=LONGEST_SECONDS)
    source = MemorySource(make("wav-16", np.concatenate((first, rest), axis=1), rate=8_000))
    alone = MemorySource(make("wav-16", first, rate=8_000))

    assert tempo_of(source) == tempo_of(alone)


def test_the_curve_does_not_depend_on_how_the_sound_is_cut() -> None:
    sound = loop("funk", 111, seconds=8)
    pieces = [sound[:, first : first + 777] for first in range(0, sound.shape[1], 777)]

    np.testing.assert_array_equal(onset_strength(pieces), onset_strength([sound]))


def test_onsets_are_where_the_strokes_are() -> None:
    curve = onset_strength([clicks(60, rate=RATE_HZ, seconds=5, start=0.5)])
    strokes = np.flatnonzero((curve > 0.5) & (np.roll(curve, 1) <= 0.5)) / FRAMES_A_SECOND

    assert strokes == pytest.approx([0.5, 1.5, 2.5, 3.5, 4.5], abs=0.03)
