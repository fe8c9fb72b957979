"""Files put together by hand: entered in the middle, they are what one pass makes of them."""

import struct
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import media, synth
from tests.support.memory import MemorySource
from transforms.audio.decode import decode
from transforms.audio.describe.probe import probe
from transforms.audio.survey import survey
from transforms.problems import RenderFailed

RATE = 44_100
ID3 = b"ID3\x04\0\0\0\0\0\x20" + bytes(32)


@cache
def made(kind: str, rate: int = RATE, seconds: int = 25) -> bytes:
    return media.make(kind, synth.speech(seconds * rate, rate=rate), rate=rate)


def misled(content: bytes) -> bytes:
    """Have a Xing header count a third of the frames: padding is dropped where they would end."""
    changed = bytearray(content)
    at = max(content.find(b"Xing"), content.find(b"Info")) + 8
    struct.pack_into(">I", changed, at, struct.unpack_from(">I", content, at)[0] // 3)
    return bytes(changed)


JOINED = {
    "bare": lambda: (made("mp3-bare"), made("mp3-bare")),
    "tagged": lambda: (ID3, made("mp3"), ID3, made("mp3")),
    "named": lambda: (made("mp3"), made("mp3-vbr")),
    "bare, then named": lambda: (made("mp3-bare"), made("mp3")),
    "misled": lambda: (misled(made("mp3-vbr")), made("mp3-bare")),
    "misled, of its size": lambda: (misled(made("mp3-vbr", seconds=70)),),
    "adts": lambda: (made("adts"), made("adts")),
}


def between(content: bytes, start: int, end: int | None) -> NDArray[np.float32]:
    frames = decode(MemorySource(content), start=start, end=end)
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


@pytest.mark.parametrize("kind", JOINED)
def test_two_trims_of_a_joined_file_are_the_whole(kind: str) -> None:
    content = b"".join(JOINED[kind]())
    whole = between(content, 0, None)
    assert survey(MemorySource(content), exact=True).samples == whole.shape[1]

    for start in (22 * RATE + 5, 26 * RATE, 45 * RATE + 777):
        np.testing.assert_array_equal(between(content, 0, start), whole[:, :start])
        np.testing.assert_array_equal(between(content, start, None), whole[:, start:])
        np.testing.assert_array_equal(
            between(content, start, start + 999), whole[:, start : start + 999]
        )


# libav's encoder of AAC has its decoder draw noise, which is another one each time.
@pytest.mark.parametrize("kind", [kind for kind in JOINED if kind != "adts"])
def test_landmarks_of_a_joined_file_lead_there_as_well(kind: str) -> None:
    content = b"".join(JOINED[kind]())
    facts = survey(MemorySource(content), exact=True)
    whole = between(content, 0, None)

    for start in (22 * RATE + 5, 40 * RATE):
        frames = decode(
            MemorySource(content), start=start, end=facts.samples, landmarks=facts.landmarks
        )
        entered = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
        np.testing.assert_array_equal(entered, whole[:, start:])


@pytest.mark.parametrize(
    ("kind", "rates"),
    [
        ("mp3-bare", (44_100, 22_050)),
        ("mp3-bare", (24_000, 48_000)),
        ("mp3-bare", (44_100, 48_000)),
        ("mp3", (44_100, 22_050)),
        ("adts", (44_100, 22_050)),
        ("adts", (22_050, 44_100)),
        ("adts", (48_000, 24_000)),
        ("adts", (32_000, 44_100)),
    ],
)
def test_a_track_that_changes_its_rate_keeps_its_time(kind: str, rates: tuple[int, int]) -> None:
    first, second = rates
    content = made(kind, first) + made(kind, second)
    frames = list(decode(MemorySource(content)))
    assert {frame.sample_rate for frame in frames} == set(rates)
    seconds = sum((Fraction(frame.samples, frame.sample_rate) for frame in frames), Fraction(0))

    facts = survey(MemorySource(content), exact=True)

    assert facts.sample_rate_hz == first
    assert facts.samples == round(seconds * first)
    assert abs(seconds - 50) < Fraction(1, 5)
    assert not survey(MemorySource(content)).exact
    tracks = probe(MemorySource(content))["tracks"]
    assert isinstance(tracks, list)
    assert tracks[1]["duration"] == round(float(Fraction(facts.samples, first)), 6)

    start = 40 * first
    late = list(decode(MemorySource(content), start=start))
    left = sum((Fraction(frame.samples, frame.sample_rate) for frame in late), Fraction(0))
    assert abs(left + 40 - seconds) <= Fraction(1, second)
    whole = np.concatenate([f.to_ndarray() for f in frames if f.sample_rate == second], axis=1)
    tail = np.concatenate([frame.to_ndarray() for frame in late], axis=1)
    np.testing.assert_array_equal(tail, whole[:, -tail.shape[1] :])


def test_behind_the_end_of_a_joined_file_there_is_nothing() -> None:
    content = b"".join(JOINED["bare"]())

    with pytest.raises(RenderFailed, match="ends before its start"):
        between(content, 51 * RATE, None)
