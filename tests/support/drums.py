"""Drum loops: a pattern of sixteenths, played at a tempo, straight or swung, as people play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tests.support.synth import Sound

Samples = NDArray[np.float64]

# Sixteenths of a bar of four beats, of the bass drum, the snare and the hi-hat.
PATTERNS: Mapping[str, tuple[Sequence[int], Sequence[int], Sequence[int]]] = {
    "rock": ((0, 8), (4, 12), range(0, 16, 2)),
    "pushed rock": ((0, 6, 8), (4, 12), range(0, 16, 2)),
    "four on the floor": ((0, 4, 8, 12), (4, 12), range(2, 16, 4)),
    "busy hats": ((0, 4, 8, 12), (4, 12), range(16)),
    "break": ((0, 2, 10, 11), (4, 7, 9, 12, 15), range(0, 16, 2)),
    "funk": ((0, 3, 6, 10), (4, 7, 9, 12), range(16)),
    "bare": ((0, 8), (4, 12), ()),
}


def clicks(bpm: float, *, rate: int, seconds: float, start: float = 0.0) -> Sound:
    """A metronome whose first click comes after *start* seconds; ``(1, samples)``."""
    sound = np.zeros(round(seconds * rate) + rate)
    time = np.arange(rate // 50) / rate
    click = 0.8 * np.sin(2 * np.pi * 1500 * time) * np.exp(-200 * time)
    for moment in np.arange(start, seconds, 60 / bpm):
        _put(sound, click, moment, rate)
    return _finished(sound, rate)


def loop(
    pattern: str,
    bpm: float,
    *,
    rate: int = 24_000,
    seconds: float = 20,
    start: float = 0.0,
    swing: float = 0.5,
    seed: int = 0,
) -> Sound:
    """
    A drummer's loop; ``(1, samples)``.

    *swing* says where in a beat its second eighth comes, a half where it is straight. Strokes are
    off by 4 ms and vary by a tenth, as a good drummer's do.
    """
    random = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * rate) + rate)
    places = (0.0, swing / 2, swing, (1 + swing) / 2)
    bars = int(seconds * bpm / 240) + 1
    instruments = zip((_bass_drum, _snare, _hat), PATTERNS[pattern], strict=True)
    for play, sixteenths in instruments:
        for bar in range(bars):
            for sixteenth in sixteenths:
                beat = 4 * bar + sixteenth // 4 + places[sixteenth % 4]
                loudness = random.uniform(0.9, 1.1) * (1.0 if sixteenth % 4 == 0 else 0.6)
                moment = start + beat * 60 / bpm + random.normal(0, 0.004)
                _put(sound, loudness * play(rate, random), moment, rate)
    return _finished(sound, rate)


def _bass_drum(rate: int, random: np.random.Generator) -> Samples:
    time = np.arange(rate // 6) / rate
    return 0.9 * np.sin(2 * np.pi * (51 * time - np.exp(-40 * time))) * np.exp(-18 * time)


def _snare(rate: int, random: np.random.Generator) -> Samples:
    time = np.arange(rate // 7) / rate
    rattle = 0.35 * random.standard_normal(time.size) * np.exp(-28 * time)
    return rattle + 0.3 * np.sin(2 * np.pi * 190 * time) * np.exp(-30 * time)


def _hat(rate: int, random: np.random.Generator) -> Samples:
    time = np.arange(rate // 20) / rate
    return 0.12 * np.diff(random.standard_normal(time.size + 1)) * np.exp(-90 * time)


def _put(sound: Samples, stroke: Samples, moment: float, rate: int) -> None:
    first = round(moment * rate)
    if 0 <= first < sound.size - stroke.size:
        sound[first : first + stroke.size] += stroke


def _finished(sound: Samples, rate: int) -> Sound:
    heard = sound[None, :-rate]
    return (heard / max(1.0, float(np.abs(heard).max()) / 0.9)).astype(np.float32)
