"""
Recordings to try the edge with, made from nothing: a voice that speaks no language, and a tune.

A fresh installation has no audio, and a bare sine tells little about an encoder. So the voice has
a larynx, formants, consonants and pauses, the tune has strings, a bass, a drum and a room; both
come out the same every time. ``python deploy/demo.py FOLDER`` writes them, encoded by the engine.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from transforms.audio.survey import survey
from transforms.audio.timeline import resolve
from transforms.grammar import split
from transforms.mux.wav import write_riff
from transforms.plan import Encoding, Limits, Segment
from transforms.planner import plan
from transforms.render import render

RATE_HZ = 44100
TALK_SECONDS = 30
MUSIC_SECONDS = 20
OUTRO_SECONDS = 6
SPEECH_SECONDS = 8
PEAK = 0.7  # -3.1 dBFS, which leaves lossy encoders room to overshoot.

# numpy's own name for "an array of floats" needs its precision, which changes along the way here.
Sound: TypeAlias = NDArray[Any]

_HOP = 256
_WINDOW = 1024
_TRANSFORM = 2048

# Formants in Hz (Peterson and Barney 1952, men's means for the first three).
_VOWELS: Mapping[str, tuple[int, int, int]] = {
    "i": (270, 2290, 3010),
    "e": (530, 1840, 2480),
    "a": (730, 1090, 2440),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
    "ae": (660, 1720, 2410),
    "er": (490, 1350, 1690),
}
_BANDWIDTHS_HZ = (70.0, 90.0, 130.0, 220.0, 300.0)
_HIGHER_FORMANTS_HZ = (3500.0, 4500.0)

# Centre and width of the hiss in Hz, its level, seconds it lasts, and whether the voice goes on.
_CONSONANTS: Mapping[str, tuple[float, float, float, float, bool]] = {
    "s": (6500, 2500, 0.50, 0.10, False),
    "sh": (3300, 1800, 0.55, 0.11, False),
    "f": (7000, 6000, 0.16, 0.08, False),
    "h": (1500, 2500, 0.16, 0.06, False),
    "t": (4500, 3000, 0.60, 0.03, False),
    "k": (2000, 1200, 0.55, 0.035, False),
    "z": (5500, 2500, 0.22, 0.07, True),
    "m": (300, 200, 0.0, 0.07, True),
    "l": (400, 300, 0.0, 0.06, True),
}


def talk(seconds: float = TALK_SECONDS, seed: int = 1) -> Sound:
    """Speak about nothing: (1, samples) float32, pauses included."""
    random = np.random.default_rng(seed)
    score = _speak(random, round(seconds * RATE_HZ / _HOP))
    samples = round(seconds * RATE_HZ)
    at = np.arange(samples) / _HOP
    voice = _glottis(_along(score.pitch_hz, at), random) * _along(score.voice, at)
    hiss = random.standard_normal(samples) * _along(score.noise, at)
    throat = _resonances(score.formants_hz, np.array(_BANDWIDTHS_HZ))
    mouth = _band(score.noise_centre_hz, score.noise_width_hz)
    spoken = _filtered(voice, throat) + 0.25 * _filtered(hiss, mouth)
    return _levelled(_in_room(spoken[np.newaxis], random, seconds=0.25, wet=0.10))


def music(seconds: float = MUSIC_SECONDS, seed: int = 2) -> Sound:
    """Play four chords again and again, and end on the first: (2, samples) float32."""
    random = np.random.default_rng(seed)
    song = np.zeros((2, round(seconds * RATE_HZ)), np.float64)
    beat = 60 / 92
    chords = ((57, 60, 64, 67), (53, 57, 60, 64), (48, 55, 60, 64), (55, 59, 62, 69))
    bars = int((seconds - 3.5) // (4 * beat))
    for bar in range(bars):
        chord, start = chords[bar % len(chords)], bar * 4 * beat
        for step, degree in enumerate((0, 2, 1, 3, 2, 1, 3, 2)):
            late = start + step * beat / 2 + 0.008 * random.random()
            string = _string(_hertz(chord[degree] + 12 * (step == 6)), 2.2, 0.6)
            _add(song, string * (0.8 + 0.3 * random.random()), late, pan=0.25 * degree - 0.4)
        bass = _string(_hertz(chord[0] - 12), 1.6, 0.15)
        for offbeat in (0.0, 2.5):
            _add(song, 1.3 * bass, start + offbeat * beat, pan=0.0)
        for step in range(4):
            if step % 2 == 0:
                _add(song, 0.5 * _drum(), start + step * beat, pan=0.0)
            shaker = _shaker(random) * (0.5 if step % 2 else 0.3)
            _add(song, shaker, start + (step + 0.5) * beat, pan=0.5)
    for number, note in enumerate((45, *chords[0], 72)):
        last = _string(_hertz(note), 4.2, 0.4)
        _add(song, last, bars * 4 * beat + 0.04 * number, pan=0.3 * number - 0.75)
    return _levelled(_in_room(song, random, seconds=1.1, wet=0.16))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Score:
    """What the speaker does, one row every ``_HOP`` samples."""

    pitch_hz: Sound
    voice: Sound
    noise: Sound
    noise_centre_hz: Sound
    noise_width_hz: Sound
    formants_hz: Sound


def _speak(random: np.random.Generator, steps: int) -> _Score:
    """Make up phrases of syllables: where the mouth goes, and how the pitch falls."""
    hops = RATE_HZ / _HOP
    pitch = np.full(steps, 110.0)
    voice, noise = np.zeros(steps), np.zeros(steps)
    centre, width = np.full(steps, 3000.0), np.full(steps, 2000.0)
    formants = np.tile(np.array([*_VOWELS["er"], *_HIGHER_FORMANTS_HZ]), (steps, 1))
    vowels, consonants = list(_VOWELS.values()), list(_CONSONANTS.values())
    at = round(0.25 * hops)
    while at < steps:
        phrase_start, syllables = at, int(random.integers(5, 11))
        for syllable in range(syllables):
            hiss_hz, hiss_width, level, lasts, voiced = consonants[random.integers(len(consonants))]
            end = at + max(2, round(lasts * hops * random.uniform(0.8, 1.3)))
            centre[at:end], width[at:end], noise[at:end] = hiss_hz, hiss_width, level
            voice[at:end] = 0.35 if voiced else 0.0
            at = end
            slow = 1.6 if syllable == syllables - 1 else 1.0
            end = at + round(random.uniform(0.09, 0.19) * slow * hops)
            # The mouth is on its way to the vowel while the consonant still sounds.
            formants[max(0, at - 8) : end, :3] = vowels[random.integers(len(vowels))]
            voice[at:end] = random.uniform(0.75, 1.0)
            pitch[at:end] = random.uniform(-8, 16)
            at = end
        phrase = slice(phrase_start, min(at, steps))
        length = phrase.stop - phrase.start
        accents = np.where(voice[phrase] > 0.5, pitch[phrase], 0.0)
        pitch[phrase] = accents + np.linspace(132, 92, length)
        at += round(random.uniform(0.3, 0.75) * hops)
    voice[-round(0.2 * hops) :] = noise[-round(0.2 * hops) :] = 0.0
    return _Score(
        pitch_hz=_smooth(pitch, 21),
        voice=_smooth(voice, 7),
        noise=_smooth(noise, 3),
        noise_centre_hz=centre,
        noise_width_hz=width,
        formants_hz=np.stack([_smooth(track, 9) for track in formants.T], axis=1),
    )


def _glottis(pitch_hz: Sound, random: np.random.Generator) -> Sound:
    """Open and close the vocal folds (Rosenberg 1971): the flow's slope, with jitter and breath."""
    jitter = 1 + 0.006 * _smooth(random.standard_normal(pitch_hz.size), 400) * 20
    phase = np.cumsum(pitch_hz * jitter / RATE_HZ) % 1.0
    opening, closing = 0.40, 0.16
    flow = np.where(
        phase < opening,
        0.5 - 0.5 * np.cos(np.pi * phase / opening),
        np.cos(0.5 * np.pi * (phase - opening) / closing),
    )
    flow[phase > opening + closing] = 0.0
    breath = 0.02 * flow * random.standard_normal(flow.size)
    slope: Sound = np.diff(flow, prepend=0.0) * 12 + breath
    return slope


def _resonances(centres_hz: Sound, bandwidths_hz: Sound) -> Sound:
    """Build the response of a throat at each step: (steps, bins), one pole pair a formant."""
    bins = np.fft.rfftfreq(_TRANSFORM, 1 / RATE_HZ).astype(np.float32)
    response = np.ones((centres_hz.shape[0], bins.size), np.complex64)
    for centre, bandwidth in zip(centres_hz.T.astype(np.float32), bandwidths_hz, strict=True):
        at = bins / centre[:, np.newaxis]
        damping = np.float32(bandwidth) / centre[:, np.newaxis] * at
        response /= 1 - at * at + np.complex64(1j) * damping
    # Five poles stand for endlessly many: the ones above would lift the treble again.
    return response * (1 + (bins / np.float32(2500)) ** 2)


def _band(centre_hz: Sound, width_hz: Sound) -> Sound:
    """Build a bell-shaped response at each step: (steps, bins)."""
    bins = np.fft.rfftfreq(_TRANSFORM, 1 / RATE_HZ).astype(np.float32)
    away = (bins - centre_hz[:, np.newaxis].astype(np.float32)) / width_hz[:, np.newaxis]
    response: Sound = np.exp(-0.5 * (2 * away) ** 2).astype(np.float32)
    return response


def _filtered(sound: Sound, response: Sound) -> Sound:
    """Filter by a response that changes every ``_HOP`` samples, overlapping and adding."""
    steps = response.shape[0]
    padded = np.pad(sound, (_WINDOW // 2, _TRANSFORM + steps * _HOP - sound.size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: steps * _HOP : _HOP]
    window = np.hanning(_WINDOW + 1)[:-1] * (2 * _HOP / _WINDOW)
    spectra = np.fft.rfft((frames * window).astype(np.float32), _TRANSFORM)
    pieces = np.fft.irfft(spectra * response, _TRANSFORM)
    total = np.zeros((steps + _TRANSFORM // _HOP, _HOP))
    for part in range(_TRANSFORM // _HOP):
        total[part : part + steps] += pieces[:, part * _HOP : (part + 1) * _HOP]
    joined: Sound = total.reshape(-1)[_WINDOW // 2 :][: sound.size]
    return joined


def _string(hertz: float, seconds: float, brightness: float) -> Sound:
    """Pluck a string: stiff partials, the high ones gone first."""
    at = np.arange(round(seconds * RATE_HZ), dtype=np.float32) / RATE_HZ
    sound = np.zeros(at.size, np.float32)
    for partial in range(1, 13):
        pitch = hertz * partial * np.sqrt(1 + 0.0004 * partial**2)
        if pitch > RATE_HZ / 3:
            break
        level = np.sin(np.pi * partial * 0.21) / partial ** (1.6 - brightness)
        decay = np.float32(-(1.1 + 0.55 * partial) / (0.4 + 60 / hertz))
        sound += np.float32(level) * np.exp(decay * at) * np.sin(np.float32(2 * np.pi * pitch) * at)
    sound *= np.minimum(1, at / np.float32(0.004))
    sound *= np.minimum(1, (at[-1] - at) / np.float32(0.08))
    return sound


def _drum() -> Sound:
    """Strike a soft drum whose pitch falls."""
    at = np.arange(round(0.28 * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * (52 * at + 1.4 * (1 - np.exp(-30 * at)))
    struck: Sound = np.sin(phase) * np.exp(-14 * at) * np.minimum(1, at / 0.003)
    return struck


def _shaker(random: np.random.Generator) -> Sound:
    """Shake once: bright noise that swells and dies away."""
    at = np.arange(round(0.12 * RATE_HZ)) / RATE_HZ
    bright = np.diff(random.standard_normal(at.size), n=2, prepend=[0.0, 0.0])
    shaken: Sound = 0.16 * bright * np.exp(-45 * at) * np.minimum(1, at / 0.012)
    return shaken


def _add(song: Sound, sound: Sound, seconds: float, *, pan: float) -> None:
    """Mix a mono sound in at a time and a place, -1 left to 1 right, at equal power."""
    first = round(seconds * RATE_HZ)
    heard = sound[: max(0, song.shape[1] - first)]
    angle = np.pi / 4 * (1 + np.clip(pan, -1, 1))
    song[0, first : first + heard.size] += np.cos(angle) * heard
    song[1, first : first + heard.size] += np.sin(angle) * heard


def _in_room(sound: Sound, random: np.random.Generator, *, seconds: float, wet: float) -> Sound:
    """Add a room's echo, another one for each channel, darker the later it comes."""
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    size = 1 << (sound.shape[1] + at.size).bit_length()
    heard = np.empty_like(sound)
    for channel, dry in enumerate(sound):
        echo = _smooth(random.standard_normal(at.size), 5) * np.exp(-6.9 * at / seconds)
        echo *= (at > 0.012) / np.sqrt(np.sum(echo**2))
        spectrum = np.fft.rfft(dry, size) * np.fft.rfft(echo, size)
        heard[channel] = dry + wet * 3 * np.fft.irfft(spectrum, size)[: dry.size]
    return heard


def _levelled(sound: Sound) -> Sound:
    """Bring the loudest sample to ``PEAK`` and the very ends to silence."""
    fade = round(0.02 * RATE_HZ)
    rising = np.linspace(0, 1, fade)
    sound[:, :fade] *= rising
    sound[:, -fade:] *= rising[::-1]
    levelled: Sound = (sound * (PEAK / np.max(np.abs(sound)))).astype(np.float32)
    return levelled


def _along(track: Sound, at: Sound) -> Sound:
    """Read a track of steps at fractional steps."""
    read: Sound = np.interp(at, np.arange(track.size), track)
    return read


def _smooth(track: Sound, width: int) -> Sound:
    """Average over *width* neighbours, the ends repeated; the length stays."""
    edges = np.pad(track, (width // 2, width - 1 - width // 2), mode="edge")
    sums = np.cumsum(np.insert(edges, 0, 0.0))
    averaged: Sound = (sums[width:] - sums[:-width]) / width
    return averaged


def _hertz(note: int) -> float:
    """Pitch of a MIDI note number."""
    return float(440 * 2 ** ((note - 69) / 12))


class _Wave:
    """A sound with tags, as the WAV file that the engine reads as its source."""

    def __init__(self, sound: Sound, tags: Mapping[str, str]) -> None:
        file = io.BytesIO()
        encoding = Encoding(
            bitrate_bps=None,
            average=False,
            sample_rate_hz=RATE_HZ,
            channels=sound.shape[0],
            bit_depth="16",
        )
        write_riff(file, encoding, tags, [sound])
        self._content = file.getvalue()
        self.size_bytes = len(self._content)

    def read_at(self, offset: int, length: int) -> bytes:
        return self._content[offset : offset + length]


class _Target:
    """One file to write the only artifact file to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self, path: str) -> BinaryIO:
        return self._path.open("w+b")

    def progress(self, fraction: float) -> None:
        pass

    def segment(self, segment: Segment) -> None:
        pass

    def wanted(self) -> tuple[int, int] | None:
        return None


def write(sound: Sound, path: Path, query: str, tags: Mapping[str, str]) -> None:
    """
    Encode a sound as a transform URL's parameters say.

    The file appears under its name when it is whole.
    """
    source = _Wave(sound, tags)
    wanted = plan(split("/W142hJk/audio/demo.wav", query)).plan
    limits = Limits(duration_ms=3_600_000, file_bytes=1 << 30)
    resolved = resolve(wanted, [survey(source, exact=True)], limits)
    partial = path.with_name(f".{path.name}.partial")
    render(resolved.render, [source], _Target(partial))
    partial.replace(path)


def write_all(folder: Path) -> tuple[Path, ...]:
    """Write the demo recordings into *folder*, and return where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    spoken, played = talk(), music()
    outro = played[:, -OUTRO_SECONDS * RATE_HZ :].copy()
    outro[:, : RATE_HZ // 2] *= np.linspace(0, 1, RATE_HZ // 2, dtype=np.float32)
    by = {"artist": "audio-edge", "album": "Demo"}
    recordings = (
        ("talk.mp3", spoken, "f=mp3&br=96&sr=44.1", "A talk about nothing"),
        ("music.flac", played, "f=flac&sr=44.1", "Four chords"),
        ("outro.mp3", outro, "f=mp3&br=128&sr=44.1", "Four chords (end)"),
        ("speech.wav", spoken[:, : SPEECH_SECONDS * RATE_HZ], "f=wav-riff&sr=44.1", "A short talk"),
    )
    for name, sound, query, title in recordings:
        write(sound, folder / name, query, {"title": title, **by})
    return tuple(folder / name for name, *_ in recordings)


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Write demo recordings into a folder.")
    parser.add_argument("folder", type=Path)
    for path in write_all(parser.parse_args(arguments).folder):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
