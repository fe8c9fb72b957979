"""The demo recordings are a voice and a tune, and the same ones every time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av
import numpy as np
import pytest

from deploy import demo

_WINDOW = 2048
_BINS_HZ = np.fft.rfftfreq(_WINDOW, 1 / demo.RATE_HZ)


@pytest.fixture(scope="module")
def spoken() -> demo.Sound:
    return demo.talk()


@pytest.fixture(scope="module")
def played() -> demo.Sound:
    return demo.music()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media") / "new"
    demo.write_all(folder)
    return folder


def _levels_db(sound: demo.Sound) -> demo.Sound:
    """Level of each 23 ms of the first channel."""
    windows = sound[0, : sound.shape[1] // 1024 * 1024].reshape(-1, 1024)
    return 10 * np.log10(np.mean(windows.astype(np.float64) ** 2, axis=1) + 1e-12)


def _centroids_hz(sound: demo.Sound) -> demo.Sound:
    """Spectral centroid of each 46 ms of the first channel that is not silent."""
    frames = np.lib.stride_tricks.sliding_window_view(sound[0], _WINDOW)[::_WINDOW]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW))) ** 2
    energy = power.sum(axis=1)
    heard = energy > energy.max() * 1e-4
    return (power[heard] @ _BINS_HZ) / energy[heard]


def test_the_talk_is_thirty_seconds_of_mono_and_the_music_twenty_of_stereo(
    spoken: demo.Sound, played: demo.Sound
) -> None:
    expected = ((1, 30 * demo.RATE_HZ), (2, 20 * demo.RATE_HZ))

    assert (spoken.shape, played.shape) == expected


def test_nothing_clips(spoken: demo.Sound, played: demo.Sound) -> None:
    peaks = [float(np.max(np.abs(sound))) for sound in (spoken, played)]

    assert peaks == pytest.approx([demo.PEAK, demo.PEAK])


def test_the_talk_has_pauses_and_the_music_has_none(spoken: demo.Sound, played: demo.Sound) -> None:
    talk, music = _levels_db(spoken), _levels_db(played)
    tune = music[: len(music) * 3 // 4]  # The last chord rings out.

    assert np.mean(talk < talk.max() - 40) > 0.1
    assert np.mean(tune < music.max() - 40) < 0.02


def test_the_voice_moves_between_vowels_and_hiss_while_the_tune_stays_warm(
    spoken: demo.Sound, played: demo.Sound
) -> None:
    talk, music = _centroids_hz(spoken), _centroids_hz(played)

    assert np.median(talk) > np.median(music)
    assert np.percentile(talk, 95) > 2000
    assert np.percentile(talk, 95) / np.percentile(talk, 10) > 5


def test_the_two_channels_of_the_music_are_different(played: demo.Sound) -> None:
    correlation = float(np.corrcoef(played)[0, 1])

    assert 0.3 < correlation < 0.98


def test_the_same_seed_sounds_the_same_and_another_one_different() -> None:
    first, again, other = demo.talk(2), demo.talk(2), demo.talk(2, seed=9)

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_folder_is_made_and_holds_whole_playable_files(folder: Path) -> None:
    found = {}
    for path in sorted(folder.iterdir()):
        with av.open(path) as container:
            stream = container.streams.audio[0]
            samples = sum(frame.samples for frame in container.decode(stream))
            found[path.name] = (stream.codec_context.name, stream.channels, samples)
    rate = demo.RATE_HZ
    expected = {
        "music.flac": ("flac", 2, 20 * rate),
        "outro.mp3": ("mp3float", 2, 6 * rate),
        "speech.wav": ("pcm_s16le", 1, 8 * rate),
        "talk.mp3": ("mp3float", 1, 30 * rate),
    }

    assert found == expected


def test_the_talk_is_tagged(folder: Path) -> None:
    with av.open(folder / "talk.mp3") as container:
        tags = {name: container.metadata.get(name) for name in ("title", "artist", "album")}

    assert tags == {"title": "A talk about nothing", "artist": "audio-edge", "album": "Demo"}


def test_writing_again_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    def digests(of: Path) -> dict[str, str]:
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in of.iterdir()}

    assert demo.main([str(tmp_path)]) == 0
    assert digests(tmp_path) == digests(folder)
