"""
What is encoded: made sounds, each hard for a coder in its own way, and real recordings if given.

Made sounds need no licence and are the same in every run. Each has a noise floor, as recordings
have: on perfectly silent ground every trace of an encoder would count as heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from bench.quality.ear import Values
from bench.quality.measure import resampled
from deploy import demo

RATE_HZ = 48000

_SECONDS = 6
_SAMPLES = _SECONDS * RATE_HZ
_FLOOR = 10 ** (-75 / 20)
_PEAK = 0.7
_HIGHEST_HZ = 20000

# Files of the sample collection with at least two seconds of sound, by what is in their names.
_REAL = ("sample.avi", "opus-5.1", "chapters", "coverArt", "vbr_xing", ".wma", "WMV2", "amrnb")
_LONGEST_REAL_SECONDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A sound to encode."""

    name: str
    kind: str
    sound: Values  # (channels, samples) in [-1, 1].
    rate_hz: int

    def prepared(self, rate_hz: int, channels: int) -> NDArray[np.float32]:
        """Bring the sound to a rate and to one or two channels, as an encoder is given it."""
        sound = self.sound
        if channels == 1:
            sound = sound.mean(axis=0, keepdims=True)
        elif sound.shape[0] == 1:
            sound = sound.repeat(2, axis=0)
        ready = np.clip(resampled(sound, self.rate_hz, rate_hz), -1.0, 1.0)
        return np.ascontiguousarray(ready, dtype=np.float32)


def items(recordings: Path | None = None) -> list[Item]:
    """Make all sounds, and read the recordings in and below a folder."""
    made = [
        Item(name=name, kind=kind, sound=_finished(make()), rate_hz=RATE_HZ)
        for name, (kind, make) in _MADE.items()
    ]
    return made + (list(_recorded(recordings)) if recordings else [])


def _talk() -> Values:
    return _from_demo(demo.talk(_SECONDS, seed=1))


def _high_talk() -> Values:
    """The voice of a shorter throat: the other one, played faster."""
    spoken = demo.talk(_SECONDS * 1.25, seed=4).astype(np.float64)
    return resampled(spoken, round(demo.RATE_HZ * 1.25), RATE_HZ)[:, :_SAMPLES]


def _two_talkers() -> Values:
    """One on either side, neither in the middle."""
    low, high = _talk(), _high_talk()
    return np.concatenate([low + 0.1 * high, high + 0.1 * low])


def _tune() -> Values:
    return _from_demo(demo.music(_SECONDS + 1, seed=2)[:, : _SECONDS * demo.RATE_HZ])


def _voice_over() -> Values:
    return _talk() + 0.25 * _tune()


def _castanets() -> Values:
    """Clicks in near silence: what pre-echo is heard before."""
    random = np.random.default_rng(11)
    song, at = np.zeros((2, _SAMPLES)), 0.1
    while at < _SECONDS - 0.2:
        click = np.zeros(2400)
        for hz in random.uniform(1500, 7000, 4):
            click += _ringing(hz, random.uniform(0.003, 0.012), click.size)
        click += 0.6 * random.standard_normal(click.size) * np.exp(-_seconds(click.size) / 0.002)
        _place(song, click, at, random.uniform(0.2, 0.8))
        at += float(random.choice([0.09, 0.18, 0.27, 0.36]))
    return song


def _glockenspiel() -> Values:
    """Few clean partials that ring for long, each struck in silence."""
    random = np.random.default_rng(12)
    song = np.zeros((2, _SAMPLES))
    for number in range(11):
        hz = 1046.5 * 2 ** (float(random.choice([0, 2, 4, 5, 7, 9, 11, 12])) / 12)
        note = np.zeros(2 * RATE_HZ)
        for ratio, level, lasting in ((1, 1, 0.7), (2.76, 0.5, 0.35), (5.4, 0.25, 0.15)):
            note += level * _ringing(hz * ratio, lasting, note.size)
        _place(song, note, 0.1 + 0.5 * number, random.uniform(0.3, 0.7))
    return song


def _harpsichord() -> Values:
    """Dense harmonics up to the top, plucked eight times a second."""
    random = np.random.default_rng(13)
    song = np.zeros((2, _SAMPLES))
    for number in range(8 * _SECONDS - 4):
        hz = 130.8 * 2 ** (float(random.choice([0, 3, 7, 10, 12, 15, 19, 24])) / 12)
        note = np.zeros(RATE_HZ)
        for harmonic in range(1, int(15000 / hz)):
            level = harmonic**-0.7 * abs(np.sin(0.13 * np.pi * harmonic))
            note += level * _ringing(hz * harmonic, 0.5 / harmonic**0.5, note.size)
        _place(song, note, number / 8, 0.3 + 0.4 * (number % 2))
    return song


def _pitch_pipe() -> Values:
    """One steady reed: tones without any noise between them."""
    phase = 2 * np.pi * 330 * _seconds(_SAMPLES) + 0.4 * np.sin(2 * np.pi * 4 * _seconds(_SAMPLES))
    reed = sum(harmonic**-1.1 * np.sin(harmonic * phase) for harmonic in range(1, 40))
    return np.asarray(reed)[np.newaxis] * np.minimum(1, _seconds(_SAMPLES) * 20)


def _organ() -> Values:
    """Chords of steady pipes: even more tones, and these never move."""
    song = np.zeros((2, _SAMPLES))
    for number, chord in enumerate(
        ((131, 196, 262, 330), (147, 220, 294, 349), (123, 196, 294, 392))
    ):
        for place, hz in enumerate(chord):
            at = _seconds(2 * RATE_HZ)
            pipe = sum(n**-0.9 * np.sin(2 * np.pi * n * hz * at + place) for n in range(1, 25))
            swelling = np.minimum(1, at * 15) * np.minimum(1, (2 - at) * 15)
            _place(song, np.asarray(pipe) * swelling, 2.0 * number, 0.3 + 0.13 * place)
    return song


def _strings() -> Values:
    """A chord of many detuned players, different on both sides."""
    random = np.random.default_rng(14)
    song = np.zeros((2, _SAMPLES))
    for hz in (110.0, 164.8, 220.0, 277.2, 329.6, 440.0):
        for _player in range(4):
            wander = np.cumsum(random.standard_normal(_SAMPLES)) / RATE_HZ
            vibrato = 0.3 * np.sin(2 * np.pi * random.uniform(4, 6.5) * _seconds(_SAMPLES))
            pitch = hz * random.uniform(0.997, 1.003) * _seconds(_SAMPLES) + vibrato + wander
            bowed = sum(n**-1.2 * np.sin(2 * np.pi * n * pitch) for n in range(1, 24))
            _place(song, np.asarray(bowed), 0.0, random.random())
    return song * np.minimum(1, _seconds(_SAMPLES) * 3)


def _applause() -> Values:
    """Some hundred claps a second from everywhere: noise that is made of transients."""
    random = np.random.default_rng(15)
    song = np.zeros((2, _SAMPLES + 2400))
    for at in random.uniform(0, _SECONDS, 120 * _SECONDS):
        clap = random.standard_normal(960) * np.exp(-_seconds(960) / random.uniform(0.002, 0.006))
        clap = _shaped(clap[np.newaxis], random.uniform(800, 2500), 2.0)[0]
        _place(song, clap * random.uniform(0.2, 1.0), at, random.random())
    return song[:, :_SAMPLES]


def _surf() -> Values:
    """Pink noise that swells, half of it common to both sides."""
    random = np.random.default_rng(16)
    noise = random.standard_normal((2, _SAMPLES)) + random.standard_normal(_SAMPLES)
    spectrum = np.fft.rfft(noise, axis=-1)
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(_SAMPLES, 1 / RATE_HZ), 50.0))
    swell = 0.35 + 0.65 * np.sin(2 * np.pi * 0.3 * _seconds(_SAMPLES)) ** 2
    return np.fft.irfft(spectrum, _SAMPLES, axis=-1) * swell


def _dance() -> Values:
    """Bass drum, snare, hi-hats in sixteenths, a sawtooth bass and a wide pad."""
    random = np.random.default_rng(17)
    song = np.zeros((2, _SAMPLES + RATE_HZ))
    step = 60 / 124 / 4
    for number in range(int(_SECONDS / step)):
        at = number * step
        if number % 4 == 0:
            _place(song, 1.2 * _kick(), at, 0.5)
        if number % 8 == 4:
            _place(song, 0.5 * random.standard_normal(6000) * _decay(6000, 0.04), at, 0.5)
        hat = random.standard_normal(3000) * _decay(3000, 0.012)
        _place(song, 0.6 * _shaped(hat[np.newaxis], 9000, 1.0)[0], at, 0.65)
        saw = (55.0 * 2 ** (number // 8 % 3 / 4) * _seconds(5000)) % 1.0 - 0.5
        _place(song, 0.5 * saw * _decay(5000, 0.08), at, 0.5)
    for side, hz in enumerate((220.0, 221.3)):
        song[side] += 0.06 * sum(
            n**-0.8 * np.sin(2 * np.pi * n * hz * _seconds(song.shape[1])) for n in range(1, 30)
        )
    return song[:, :_SAMPLES]


_MADE: Mapping[str, tuple[str, Callable[[], Values]]] = {
    "talk": ("speech", _talk),
    "high talk": ("speech", _high_talk),
    "two talkers": ("speech", _two_talkers),
    "voice over": ("speech", _voice_over),
    "tune": ("music", _tune),
    "strings": ("music", _strings),
    "dance": ("music", _dance),
    "harpsichord": ("tones", _harpsichord),
    "glockenspiel": ("tones", _glockenspiel),
    "pitch pipe": ("tones", _pitch_pipe),
    "organ": ("tones", _organ),
    "castanets": ("transients", _castanets),
    "applause": ("transients", _applause),
    "surf": ("noise", _surf),
}

# One of each kind, for a quick look.
FEW = ("talk", "two talkers", "tune", "dance", "pitch pipe", "castanets", "surf", "vbr_xing")


def _recorded(folder: Path) -> Iterator[Item]:
    for path in sorted(folder.rglob("*")):
        found = [part for part in _REAL if part in path.name]
        if found:
            sound, rate_hz = _read(path)
            yield Item(name=found[0].strip("."), kind="recording", sound=sound, rate_hz=rate_hz)


def _read(path: Path) -> tuple[Values, int]:
    """Decode a file's first two channels, from where its sound begins."""
    with av.open(path) as container:
        stream = container.streams.audio[0]
        plain = av.AudioResampler("fltp")
        decoded = [new for old in container.decode(stream) for new in plain.resample(old)]
        rate_hz = stream.rate
    frames = [frame.to_ndarray() for frame in decoded]
    sound = np.concatenate(frames, axis=1)[:2].astype(np.float64)
    sounding = np.flatnonzero(np.max(np.abs(sound), axis=0) > 1e-3)
    begins = int(sounding[0]) if sounding.size else 0
    sound = sound[:, begins : begins + _LONGEST_REAL_SECONDS * rate_hz]
    # Decoders of lossy files pass full scale; encoders must not be judged by what is clipped then.
    return sound / max(1.0, np.max(np.abs(sound)) / 0.9), rate_hz


def _finished(sound: Values) -> Values:
    """
    Bring a made sound to its level, onto its floor and below 20 kHz.

    The model of the ear takes what is above 21.6 kHz for the noise of the machine.
    """
    floor = np.random.default_rng(10).standard_normal(sound.shape) * _FLOOR
    whole = sound * (_PEAK / np.max(np.abs(sound))) + floor
    spectrum = np.fft.rfft(whole, axis=-1)
    spectrum[:, np.fft.rfftfreq(whole.shape[1], 1 / RATE_HZ) > _HIGHEST_HZ] = 0
    return np.fft.irfft(spectrum, whole.shape[1], axis=-1)


def _from_demo(sound: NDArray[np.float32]) -> Values:
    return resampled(sound.astype(np.float64), demo.RATE_HZ, RATE_HZ)[:, :_SAMPLES]


def _seconds(samples: int) -> Values:
    return np.arange(samples) / RATE_HZ


def _decay(samples: int, lasting_s: float) -> Values:
    return np.asarray(np.exp(-_seconds(samples) / lasting_s))


def _ringing(hz: float, lasting_s: float, samples: int) -> Values:
    return np.asarray(np.sin(2 * np.pi * hz * _seconds(samples)) * _decay(samples, lasting_s))


def _kick() -> Values:
    at = _seconds(9600)
    return np.asarray(np.sin(2 * np.pi * (50 * at - 4 * np.exp(-at / 0.02))) * _decay(9600, 0.06))


def _shaped(sound: Values, hz: float, octaves: float) -> Values:
    """Keep what lies around a frequency, by a bell of a width in octaves."""
    bins = np.maximum(np.fft.rfftfreq(sound.shape[1], 1 / RATE_HZ), 1.0)
    bell = np.exp(-0.5 * (np.log2(bins / hz) / (octaves / 2)) ** 2)
    return np.fft.irfft(np.fft.rfft(sound, axis=-1) * bell, sound.shape[1], axis=-1)


def _place(song: Values, sound: Values, at_s: float, pan: float) -> None:
    """Add a mono sound at a time; *pan* is 0 on the left and 1 on the right."""
    start = round(at_s * RATE_HZ)
    kept = sound[: song.shape[1] - start]
    song[0, start : start + kept.size] += np.cos(pan * np.pi / 2) * kept
    song[1, start : start + kept.size] += np.sin(pan * np.pi / 2) * kept
