"""Tracks that change on the way: chained Ogg, and packets whose headers speak of another rate."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.support import measure, media, synth
from tests.support.engine import make
from tests.support.memory import MemorySource
from transforms.audio.chain import links
from transforms.audio.decode import decode
from transforms.audio.describe.probe import probe
from transforms.audio.survey import survey
from transforms.problems import RenderFailed

KINDS = ("opus", "vorbis", "ogg-flac")


def ogg(kind: str, sound: synth.Sound, *, rate: int, serial: int) -> bytes:
    recipe = media.RECIPES[kind]
    return media.encode(
        replace(recipe, container_options={"serial_offset": str(serial)}), sound, rate=rate
    )


def tone(seconds: float, *, rate: int, hz: float, channels: int = 2) -> synth.Sound:
    return synth.tone(round(seconds * rate), rate=rate, hz=hz, channels=channels)


def radio(kind: str) -> tuple[bytes, list[bytes]]:
    """Three titles, of which the second has another rate and is mono where that can be."""
    second = 48_000
    first = 48_000 if kind == "opus" else 44_100
    channels = 2 if kind == "vorbis" else 1
    parts = [
        ogg(kind, tone(1, rate=first, hz=440), rate=first, serial=1),
        ogg(kind, tone(0.5, rate=second, hz=660, channels=channels), rate=second, serial=2),
        ogg(kind, tone(0.25, rate=first, hz=880), rate=first, serial=3),
    ]
    return b"".join(parts), parts


@pytest.mark.parametrize("kind", KINDS)
def test_every_link_is_heard(kind: str) -> None:
    content, parts = radio(kind)
    heard: Counter[tuple[int, str]] = Counter()
    alone: Counter[tuple[int, str]] = Counter()

    for frame in decode(MemorySource(content)):
        heard[frame.sample_rate, frame.layout.name] += frame.samples
    for part in parts:
        for frame in decode(MemorySource(part)):
            alone[frame.sample_rate, frame.layout.name] += frame.samples

    assert heard == alone
    seconds = sum(survey(MemorySource(part)).duration or 0 for part in parts)
    facts = survey(MemorySource(content), exact=True)
    assert (facts.exact, round(seconds * facts.sample_rate_hz)) == (True, facts.samples)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_is_cut_on_the_sample(kind: str) -> None:
    content, _ = radio(kind)
    whole = make("f=wav-riff&sr=48&ch=1", content).sound

    for cut in (0.3, 1.0, 1.2, 1.5, 1.6):
        halves = [
            make(f"f=wav-riff&sr=48&ch=1&{name}={cut}s", content).sound for name in ("te", "ts")
        ]
        joined = np.concatenate(halves, axis=1)
        # The resampler of a half begins anew; where there is none, the joint cannot be seen.
        assert abs(joined.shape[1] - whole.shape[1]) <= 1
        assert abs(halves[0].shape[1] - cut * 48_000) <= 1
    with pytest.raises(RenderFailed):
        list(decode(MemorySource(content), start=10**9))


def test_the_pitch_of_each_title_is_where_it_belongs() -> None:
    content, _ = radio("opus")
    sound = make("f=wav-riff", content).sound

    for second, hz in ((0.4, 440), (1.2, 660), (1.6, 880)):
        assert abs(measure.pitch_hz(sound, round(second * 48_000), rate=48_000) - hz) < 10


def test_a_file_that_is_no_chain_is_left_alone() -> None:
    for kind in (*KINDS, "mp3", "wav-16"):
        source = MemorySource(media.make(kind, tone(0.2, rate=48_000, hz=440), rate=48_000))
        assert [link.read_at(0, 10**6) for link in links(source)] == [source.read_at(0, 10**6)]


def test_garbage_behind_a_file_is_no_link() -> None:
    content = ogg("opus", tone(0.5, rate=48_000, hz=440), rate=48_000, serial=1)

    for behind in (b"OggS", b"OggS" + bytes(60), b"x" * 500, content[:40]):
        source = MemorySource(content + behind)
        assert sum(frame.samples for frame in decode(source)) == 24_000


def test_a_link_that_is_broken_is_passed_over() -> None:
    content, parts = radio("ogg-flac")
    broken = bytearray(content)
    at = len(parts[0]) + 28
    broken[at : at + 200] = bytes(200)

    heard = sum(frame.samples / frame.sample_rate for frame in decode(MemorySource(bytes(broken))))

    assert heard == pytest.approx(1.25)


@pytest.mark.parametrize(
    ("kind", "second_rate", "channels"),
    [("adts", 48_000, 1), ("ts-aac", 48_000, 1), ("ts-mp2", 32_000, 2), ("adts", 24_000, 2)],
)
def test_a_track_that_changes_its_rate_keeps_its_time(
    kind: str, second_rate: int, channels: int
) -> None:
    first = media.make(kind, tone(2, rate=44_100, hz=440), rate=44_100)
    second = media.make(
        kind, tone(2, rate=second_rate, hz=660, channels=channels), rate=second_rate
    )
    content = first + second
    own = [survey(MemorySource(part), exact=True) for part in (first, second)]
    seconds = [float(facts.duration or 0) for facts in own]

    facts = survey(MemorySource(content), exact=True)
    tail = make(f"f=wav-riff&sr=48&ch=1&ts={round(seconds[0] * 1000) + 100}ms", content).sound

    assert float(facts.duration or 0) == pytest.approx(sum(seconds), abs=0.001)
    # libavcodec calls the first frame of the new rate one of the old rate.
    assert tail.shape[1] / 48_000 == pytest.approx(seconds[1] - 0.1, abs=0.012)
    assert abs(measure.pitch_hz(tail, 48_000, rate=48_000) - 660) < 10


def test_links_are_read_within_their_bounds() -> None:
    content, parts = radio("opus")
    found = links(MemorySource(content))

    assert [link.size_bytes for link in found] == [len(part) for part in parts]
    assert [link.read_at(0, 10**6) for link in found] == parts
    assert found[1].read_at(10**6, 10) == b""
    assert io.BytesIO(parts[1]).read(4) == found[1].read_at(0, 4)


def test_a_chain_is_described_whole() -> None:
    content, _ = radio("opus")
    general, audio = probe(MemorySource(content))["tracks"]  # type: ignore[misc]

    assert (general["duration"], audio["duration"]) == (1.75, 1.75)
    assert audio["bitRate"] == round(len(content) * 8 / 1.75)
