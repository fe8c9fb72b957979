"""Decoding that begins in the middle of a file, against decoding that came there."""

import io
from dataclasses import replace
from functools import cache

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import measure, media, ogg, synth
from tests.support.memory import MemorySource
from transforms.audio.decode import decode
from transforms.audio.entry import opened_before
from transforms.audio.survey import survey
from transforms.plan import Landmarks, LandmarkUnit

RATE = 48_000

# An entrance is looked for from 20 s on, and Opus has to hear 30 s before it.
SECONDS, OPUS_SECONDS = 32, 70

# Their decoders draw noise, or carry the rounding of one frame over to the next.
DRAWS = ("adts", "ac3", "flv-aac", "mka-aac", "ts-aac", "ts-mp2")

BY_BYTE = ("mp3-bare", "adts", "ac3")
BY_TICK = (
    *("mka-opus", "webm-opus", "mka-flac", "mka-aac", "mka-pcm", "ts-aac", "ts-mp2", "flv-aac"),
    *("flv-mp3", "avi-mp3", "wavpack", "tta"),
)
BY_SEEK = ("mp3", "m4a", "m4a-fragmented", "flac", "alac", "mp4-opus", "wav-16")
BY_PAGE = ("vorbis", "opus")


@cache
def sound(seconds: int, channels: int = 1) -> synth.Sound:
    return synth.speech(seconds * RATE, rate=RATE, channels=channels)


def seconds_of(kind: str) -> int:
    return OPUS_SECONDS if kind.endswith("opus") else SECONDS


@cache
def made(kind: str) -> bytes:
    # libav's own encoder of Vorbis knows stereo only.
    return media.make(kind, sound(seconds_of(kind), 2 if kind == "vorbis" else 1), rate=RATE)


def between(
    source: MemorySource, start: int, end: int | None, landmarks: Landmarks | None = None
) -> NDArray[np.float32]:
    frames = decode(source, start=start, end=end, landmarks=landmarks)
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


@pytest.mark.parametrize("kind", [*BY_BYTE, *BY_TICK, *BY_SEEK, *BY_PAGE])
def test_decoding_begins_in_the_middle_as_if_it_had_come_there(kind: str) -> None:
    content = made(kind)
    facts = survey(MemorySource(content), exact=True)
    assert facts.samples is not None
    assert facts.exact
    units = {**dict.fromkeys(BY_BYTE, LandmarkUnit.BYTES), **dict.fromkeys(BY_TICK, "ticks")}
    if kind in units:
        assert facts.landmarks is not None
        assert facts.landmarks.unit == units[kind]
    whole = between(MemorySource(content), 0, facts.samples)

    end = seconds_of(kind)
    for start in ((end - 7) * RATE, (end - 4) * RATE + 77, facts.samples - 5_000):
        source = MemorySource(content)
        with opened_before(source, 1, start, facts.landmarks) as entry:
            assert entry.at is None or entry.at > 0
        entered = between(source, start, facts.samples, facts.landmarks)
        expected = whole[:, start:]
        assert entered.shape == expected.shape
        if kind not in DRAWS:
            np.testing.assert_array_equal(entered, expected)
        elif start < facts.samples - RATE:
            assert measure.snr_db(expected, entered) > 20


@pytest.mark.parametrize("lacing_values", [1, 17, 255])
@pytest.mark.parametrize("kind", BY_PAGE)
def test_pages_may_begin_in_the_middle_of_packets(kind: str, lacing_values: int) -> None:
    content = made(kind)
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.audio[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        ends = [(packet.pts or 0) + (packet.duration or 0) for packet in packets]
    pre_skip = -(packets[0].pts or 0) if kind == "opus" else 0
    content = ogg.laid_out(
        content,
        headers=2,
        ends=[end + pre_skip for end in ends],
        lacing_values=lacing_values,
    )
    whole = between(MemorySource(content), 0, None)
    assert np.array_equal(whole, between(MemorySource(made(kind)), 0, None))

    end = seconds_of(kind)
    for start in range((end - 10) * RATE, (end - 2) * RATE, RATE + 1234):
        entered = between(MemorySource(content), start, start + RATE)
        np.testing.assert_array_equal(entered, whole[:, start : start + RATE])


def test_where_landmarks_lead_nowhere_all_is_decoded() -> None:
    content = made("mka-flac")
    start = 30 * RATE
    wrong = Landmarks(unit=LandmarkUnit.TICKS, places=((20 * RATE, 20_001), (29 * RATE, 29_001)))

    entered = between(MemorySource(content), start, start + RATE, wrong)

    np.testing.assert_array_equal(entered, between(MemorySource(content), start, start + RATE))


@pytest.mark.parametrize("kind", BY_PAGE)
def test_behind_a_missing_page_positions_are_those_of_one_pass(kind: str) -> None:
    all_pages = list(ogg.pages(made(kind)))
    content = b"".join(page.packed() for page in (*all_pages[:20], *all_pages[21:]))
    whole = between(MemorySource(content), 0, None)
    start = (seconds_of(kind) - 5) * RATE

    entered = between(MemorySource(content), start, start + RATE)

    np.testing.assert_array_equal(entered, whole[:, start : start + RATE])


def test_a_film_in_ogg_is_decoded_from_its_beginning() -> None:
    content = made("opus")
    first, *others = ogg.pages(content)
    other = replace(first, serial=first.serial ^ 1, number=0)
    content = b"".join(page.packed() for page in (first, other, *others))
    start = 60 * RATE

    with opened_before(MemorySource(content), 1, start) as entry:
        assert entry.at == 0
