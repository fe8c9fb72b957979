"""A segment is the same whenever it is made: in its turn, before it, or by several threads."""

from __future__ import annotations

import dataclasses
import random
from functools import cache

import pytest

from tests.support import synth
from tests.support.engine import read, resolved_for
from tests.support.media import make as media
from tests.support.memory import MemorySink, MemorySource
from transforms.plan import RenderPlan
from transforms.problems import RenderFailed
from transforms.render import render

FILES = {
    "speech.mp3": lambda: ("mp3", synth.speech(33 * 44_100, rate=44_100, channels=2), 44_100),
    "tone.wav": lambda: ("wav-16", synth.sweep(21 * 48_000 + 77, rate=48_000), 48_000),
    "noise.flac": lambda: ("flac", synth.noise(9 * 32_000 + 5, channels=2), 32_000),
    "speech.m4a": lambda: ("m4a", synth.speech(31 * 44_100 + 5, rate=44_100), 44_100),
}

# Resampled and not, of one kind and of several, mono beside stereo, trimmed, repeated, shaped.
CASES = {
    "one file": ("f=hls-aac-rt&br=96", ["speech.mp3"]),
    "several kinds": (
        "f=hls-aac-rt&br=96&br=128&sr=44.1&append=/b&append=/c",
        ["speech.mp3", "tone.wav", "noise.flac"],
    ),
    "trimmed, repeated and faded": (
        "f=hls-aac-rt&container=mp4&br=96&sr=48&ts=3.5s&rp=2&append=/b&fi=2&fo=20",
        ["tone.wav", "speech.m4a"],
    ),
    "two rates, one of them mono": (
        "f=hls-aac-rt&br=96&sr=32&br=32&sr=22.05&ch=1&norm=-16&append=/b",
        ["speech.m4a", "speech.mp3"],
    ),
    "a deferred variant": ("f=hls-aac-rt&br=96&br=128&rt=false", ["speech.mp3"]),
}


@cache
def file(name: str) -> bytes:
    kind, sound, rate = FILES[name]()
    return media(kind, sound, rate=rate)


def plan_of(case: str) -> tuple[RenderPlan, list[str]]:
    query, names = CASES[case]
    sources = [MemorySource(file(name)) for name in names]
    return resolved_for(read(query), sources).render, names


def made(plan: RenderPlan, names: list[str], sink: MemorySink, threads: int = 1) -> MemorySink:
    render(plan, [MemorySource(file(name)) for name in names], sink, threads=threads)
    return sink


@cache
def made_in_turn(case: str) -> MemorySink:
    return made(*plan_of(case), MemorySink())


@pytest.mark.parametrize("case", CASES)
def test_segments_are_the_same_in_any_order(case: str) -> None:
    plan, names = plan_of(case)
    one = made_in_turn(case)
    last = max(int(segment.path.split("/")[2].split(".")[0]) for segment in one.segments)
    chance = random.Random(case)

    for threads in (1, 3):
        wants = [
            (chance.randrange(len(plan.encodings)), chance.randrange(last + 1))
            if chance.random() < 0.5
            else None
            for _ in range(20)
        ]
        many = made(plan, names, MemorySink(wants=wants), threads)

        assert many.files == one.files
        assert len(many.segments) == len(one.segments), "none was made twice"
        assert [s.path for s in many.segments] != [s.path for s in one.segments]


@pytest.mark.parametrize("case", CASES)
def test_a_timeline_of_unknown_length_has_the_same_segments(case: str) -> None:
    plan, names = plan_of(case)

    known = made_in_turn(case)
    unknown = made(dataclasses.replace(plan, lengths=None), names, MemorySink(wants=[(0, 3)]))

    assert known.files == unknown.files


def test_what_is_waited_for_comes_next() -> None:
    plan, names = plan_of("several kinds")
    sink = MemorySink(wants=[None, None, None, (1, 9)])

    made(plan, names, sink)

    paths = [segment.path for segment in sink.segments]
    assert paths[:5] == ["/0f/0.ts", "/1f/0.ts", "/0f/1.ts", "/1f/9.ts", "/0f/9.ts"]


def test_what_cannot_exist_is_not_waited_for() -> None:
    plan, names = plan_of("one file")
    sink = MemorySink(wants=[(0, 10_000), (7, 0)])

    made(plan, names, sink)

    assert sink.segments[0].path == "/0f/0.ts"


def test_a_source_that_ends_before_its_stated_end_is_told() -> None:
    plan, names = plan_of("one file")
    (length,) = plan.lengths or ()
    longer = dataclasses.replace(length, samples=length.samples + 30 * length.sample_rate_hz)

    with pytest.raises(RenderFailed):
        made(dataclasses.replace(plan, lengths=(longer,)), names, MemorySink(wants=[(0, 7)]))
