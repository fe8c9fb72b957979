"""ADTS streams with something in front of them."""

import random
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import media, synth
from tests.support.memory import MemorySource
from transforms.audio.adts_begin import from_first_frame
from transforms.audio.decode import decode
from transforms.audio.describe.probe import probe
from transforms.audio.survey import survey

RATE = 44_100


@cache
def made() -> bytes:
    return media.make("adts", synth.silence(30 * RATE, channels=1), rate=RATE)


def samples(content: bytes, start: int = 0, end: int | None = None) -> NDArray[np.float32]:
    frames = decode(MemorySource(content), start=start, end=end)
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


@pytest.mark.parametrize("seed", range(40))
def test_junk_in_front_costs_no_frame(seed: int) -> None:
    chance = random.Random(seed)
    content = chance.randbytes(chance.randrange(1, 6000)) + made()
    whole = samples(made()).shape[1]

    facts = survey(MemorySource(content), exact=True)

    assert (facts.samples, facts.exact) == (whole, True)
    assert samples(content).shape[1] == whole


def test_landmarks_count_from_the_first_frame() -> None:
    content = random.Random(3).randbytes(5000) + made()
    facts = survey(MemorySource(content), exact=True)
    assert facts.landmarks is not None

    start = 25 * RATE
    frames = decode(
        MemorySource(content), start=start, end=facts.samples, landmarks=facts.landmarks
    )

    assert sum(frame.samples for frame in frames) == (facts.samples or 0) - start
    tracks = probe(MemorySource(content))["tracks"]
    assert isinstance(tracks, list)
    assert tracks[1]["duration"] == round((facts.samples or 0) / RATE, 6)


def test_the_end_of_a_frame_is_left_out() -> None:
    cut = made()[made().index(b"\xff\xf1", 3_000) - 3 :]

    assert from_first_frame(MemorySource(cut)).size_bytes == len(cut) - 3


@pytest.mark.parametrize("kind", ["ts-aac", "flv-aac", "m4a", "mp3", "wav-16", "adts"])
def test_anything_else_stays_as_it_is(kind: str) -> None:
    source = MemorySource(media.make(kind, synth.speech(3 * RATE, rate=RATE), rate=RATE))

    assert from_first_frame(source) is source


def test_frames_within_another_container_are_its_own() -> None:
    body = made()[:40_000]
    source = MemorySource(media.wav_header(rate=RATE, channels=1, data_bytes=len(body)) + body)

    assert from_first_frame(source) is source


@pytest.mark.parametrize("left", range(8))
def test_a_header_may_be_cut_off(left: int) -> None:
    source = MemorySource((bytes(100) + made()[:left]).ljust(100 + left, b"\xff"))

    assert from_first_frame(source) is source
    for end in (b"\xff\xf1", b"\xff\xf9\x50"):
        source = MemorySource(bytes((1 << 16) - len(end)) + end + bytes(100))
        assert from_first_frame(source) is source
