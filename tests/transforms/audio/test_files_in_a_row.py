"""Files in a row, as a playlist with discontinuities has them: each is heard, and none moved."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.support import media, synth
from tests.support.memory import MemorySource
from transforms.audio.decode import decode
from transforms.audio.describe.probe import probe
from transforms.audio.survey import survey
from transforms.problems import RenderFailed, UnsupportedMedia
from transforms.sources import Linked, Source

RATE = 44_100

ROWS = [
    ("ts-aac", "ts-aac"),
    ("ts-aac", "ts-mp2"),
    ("ts-mp2", "adts", "ts-aac"),
    ("m4a-fragmented", "m4a-fragmented"),
    ("adts", "adts", "adts"),
    ("mp3-bare", "mp3-bare"),
]


# As segments are: where a fragment's sound lies is told from where the fragment is.
SEGMENTS = replace(
    media.RECIPES["m4a-fragmented"],
    container_options={
        "movflags": "+frag_keyframe+empty_moov+default_base_moof",
        "frag_duration": "500000",
    },
)


def tone(seconds: int, *, rate: int = RATE, hz: float = 440, channels: int = 2) -> synth.Sound:
    return synth.tone(rate * seconds, rate=rate, hz=hz, channels=channels)


def files(*kinds: str) -> list[bytes]:
    return [
        media.make(kind, tone(2 + number, hz=300 * (1 + number)), rate=RATE)
        for number, kind in enumerate(kinds)
    ]


def row(contents: list[bytes]) -> Linked:
    starts = list(itertools.accumulate(map(len, contents)))[:-1]
    return Linked(MemorySource(b"".join(contents)), starts)


def heard(source: Source, start: int = 0, end: int | None = None) -> np.ndarray:
    try:
        frames = list(decode(source, start=start, end=end))
    except RenderFailed:
        return np.zeros((2, 0))
    sound = [frame.to_ndarray() for frame in frames]
    # MP2 comes as 16 bits.
    floats = [each / 32768 if each.dtype == np.int16 else each for each in sound]
    return np.concatenate([each.reshape(2, -1) for each in floats], axis=1)


@pytest.mark.parametrize("kinds", ROWS)
def test_every_file_is_heard_as_it_is_alone(kinds: tuple[str, ...]) -> None:
    contents = files(*kinds)

    alone = [heard(MemorySource(content)) for content in contents]

    assert np.array_equal(heard(row(contents)), np.concatenate(alone, axis=1))


@pytest.mark.parametrize("kinds", ROWS)
def test_a_row_cut_anywhere_and_joined_is_whole(kinds: tuple[str, ...]) -> None:
    contents = files(*kinds)
    source = row(contents)
    whole = heard(source)
    first = heard(MemorySource(contents[0])).shape[1]

    for at in (1, first - 1000, first, first + 1, whole.shape[1] - 5000):
        parts = heard(source, 0, at), heard(source, at)
        assert parts[0].shape[1] == at
        assert np.array_equal(np.concatenate(parts, axis=1), whole)
    assert heard(source, first - 7, first + 9).shape[1] == 16
    with pytest.raises(RenderFailed, match="ends before its start"):
        list(decode(source, start=whole.shape[1]))


@pytest.mark.parametrize("kinds", ROWS)
def test_the_length_is_that_of_all(kinds: tuple[str, ...]) -> None:
    source = row(files(*kinds))
    samples = heard(source).shape[1]

    counted = survey(source, exact=True)
    general, audio = probe(source)["tracks"]

    assert (counted.samples, counted.exact, counted.landmarks) == (samples, True, None)
    claimed = survey(source)
    assert claimed.samples is not None
    assert abs(claimed.samples - samples) < RATE / 2
    assert audio["duration"] == general["duration"] == round(samples / RATE, 6)
    assert "durationEstimated" not in audio | general
    assert "frameCount" not in audio
    assert general["fileSize"] == source.size_bytes


def test_a_file_of_another_rate_takes_its_time() -> None:
    fast, slow = 48_000, 22_050
    contents = [
        media.make("adts", tone(1, rate=fast), rate=fast),
        media.make("ts-aac", tone(2, rate=slow, channels=1), rate=slow),
    ]
    seconds = [
        sum(Fraction(frame.samples, frame.sample_rate) for frame in decode(MemorySource(content)))
        for content in contents
    ]

    source = row(contents)

    assert survey(source, exact=True).samples == round(sum(seconds) * fast)
    late = list(decode(source, start=fast * 2))
    assert {frame.sample_rate for frame in late} == {slow}
    left = sum(frame.samples for frame in late)
    assert left == round((sum(seconds) - 2) * slow)


def fragments(content: bytes) -> tuple[bytes, list[bytes]]:
    """Take a fragmented MP4 apart into its header and its fragments."""
    starts, at = [], 0
    while at < len(content):
        size, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if kind in (b"moof", b"mfra"):
            starts.append(at)
        at += size
    pieces = [content[begin:end] for begin, end in itertools.pairwise(starts)]
    return content[: starts[0]], pieces


def test_what_goes_on_after_an_interruption_is_where_it_was() -> None:
    """An advertisement in a recording: its second half has the time it would have had."""
    sound = synth.sweep(RATE * 6, rate=RATE, channels=2)
    header, pieces = fragments(media.encode(SEGMENTS, sound, rate=RATE))
    (interruption,) = files("m4a-fragmented")
    half = len(pieces) // 2
    before, after = header + b"".join(pieces[:half]), header + b"".join(pieces[half:])

    whole = heard(MemorySource(header + b"".join(pieces)))
    found = heard(row([before, interruption, after]))
    between = heard(MemorySource(interruption)).shape[1]

    first = heard(MemorySource(before)).shape[1]
    assert found.shape[1] == whole.shape[1] + between
    assert np.array_equal(found[:, :first], whole[:, :first])
    # A decoder that begins anew has to hear a frame before it is right.
    tail = found[:, first + between :]
    assert np.abs(tail[:, 2048:] - whole[:, first + 2048 :]).max() < 1e-3


def test_a_file_of_pictures_adds_nothing() -> None:
    first, last = files("adts", "ts-aac")

    found = heard(row([first, media.pictures_only(), last]))

    assert np.array_equal(found, heard(row([first, last])))


def test_what_cannot_be_read_is_not_passed_over() -> None:
    first, last = files("adts", "adts")
    source = row([first, b"no sound at all " * 1000, last])

    with pytest.raises(UnsupportedMedia, match="container is unknown"):
        survey(source)
    with pytest.raises(UnsupportedMedia, match="container is unknown"):
        heard(source)


def test_a_track_without_sound_is_not_passed_over() -> None:
    first, last = files("adts", "ts-aac")
    header, _ = fragments(media.encode(SEGMENTS, tone(1), rate=RATE))
    source = row([first, header + last])

    with pytest.raises(UnsupportedMedia, match="without sound"):
        survey(source, exact=True)
    with pytest.raises(UnsupportedMedia, match="without sound"):
        heard(source)
