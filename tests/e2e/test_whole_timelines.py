"""``playlist=full``: all of a stream at once, whatever of it has been made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import m3u8
import numpy as np
import pytest

from tests.e2e.running import Answer, Edge, until
from tests.e2e.sounds import long_silence, talk
from tests.support import synth
from tests.support.measure import decode, pitch_hz

Install = Callable[..., Edge]

RATE = 48_000
HOURS = 3
NOTE_AT_SECONDS = 9_000
IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.fixture
def edge(install: Install) -> Edge:
    edge = install()
    lecture(edge.root / "lecture.wav")
    return edge.start()


def lecture(path: Path) -> None:
    """Three hours of silence, but for twelve seconds of a note after two and a half."""
    long_silence(path, HOURS * 3600, rate=RATE)
    header = path.stat().st_size - HOURS * 3600 * RATE * 2
    tone = synth.tone(12 * RATE, rate=RATE)[0]
    with path.open("r+b") as file:
        file.seek(header + NOTE_AT_SECONDS * RATE * 2)
        file.write((tone * 32767).astype(np.int16).tobytes())


def playlist(answer: Answer) -> m3u8.M3U8:
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    return m3u8.loads(answer.body.decode())


def whole(name: str, path: str, *, variants: str = "") -> str:
    return f"{name}!f=hls-aac-rt&playlist=full{variants}&a={path}"


def cancel(edge: Edge) -> None:
    (job,) = edge.jobs()
    edge.api(f"/jobs/ProcessFileJob/{job['jobId']}", method="DELETE")


@pytest.mark.parametrize("container", ["ts", "mp4"])
def test_the_middle_of_hours_is_heard_before_the_beginning_is_made(
    edge: Edge, container: str
) -> None:
    name, variants = "lecture.wav", f"&container={container}&br=96&br=64"
    first = playlist(edge.audio(f"{name}?f=hls-aac-rt&playlist=full{variants}"))
    media = edge.audio(whole(name, "/1f/manifest.m3u8", variants=variants))
    listed = playlist(media)
    starts = np.cumsum([0.0, *(segment.duration for segment in listed.segments)])
    number = int(np.searchsorted(starts, NOTE_AT_SECONDS + 1)) - 1
    uri = listed.segments[number + 1].uri
    segment = edge.audio(whole(name, f"/1f/{uri}", variants=variants))
    made = playlist(edge.audio(f"{name}!f=hls-aac-rt{variants}&a=/1f/manifest.m3u8"))
    cancel(edge)

    assert [entry.uri for entry in first.playlists] == [
        f"{name}!f=hls-aac-rt&playlist=full{variants}&a=/{n}f/manifest.m3u8" for n in range(2)
    ]
    assert (listed.playlist_type, listed.is_endlist) == ("vod", True)
    assert sum(segment.duration for segment in listed.segments) == pytest.approx(HOURS * 3600)
    assert media.headers["Cache-Control"] == segment.headers["Cache-Control"] == IMMUTABLE
    assert segment.status == 200
    start = [
        edge.audio(whole(name, f"/1f/{part.uri}", variants=variants)).body
        for part in listed.segment_map
    ]
    sound, rate = decode(b"".join(start) + segment.body)
    assert pitch_hz(sound, sound.shape[1] // 2, rate=rate) == pytest.approx(440, abs=3)
    assert sum(segment.duration for segment in made.segments) < NOTE_AT_SECONDS / 2


def test_both_forms_are_one_artifact_and_one_bill(install: Install) -> None:
    edge = install()
    edge.put("talk.mp3", talk(50))
    edge.start()
    variants = "&br=96&br=128&rt=false"
    before = edge.audio(whole("talk.mp3", "/1f/manifest.m3u8", variants=variants))
    (*_, last) = playlist(before).segments
    late = edge.audio(whole("talk.mp3", f"/1f/{last.uri}", variants=variants))
    grown = f"talk.mp3!f=hls-aac-rt{variants}&a="
    until(lambda: edge.jobs()[0]["status"] == "Succeeded", "all of it to be made")
    after = edge.audio(whole("talk.mp3", "/1f/manifest.m3u8", variants=variants))
    event = playlist(edge.audio(f"{grown}/1f/manifest.m3u8"))

    assert after.body == before.body
    assert [part.uri for part in event.segments] == [part.uri for part in playlist(after).segments]
    assert [part.duration for part in event.segments] == [
        part.duration for part in playlist(after).segments
    ]
    assert edge.audio(f"{grown}/1f/{last.uri}").body == late.body
    # Made from the front by somebody else, every segment is the same.
    again = f"talk.mp3!f=hls-aac{variants.replace('&rt=false', '')}&a="
    edge.made(f"talk.mp3?f=hls-aac{variants.replace('&rt=false', '')}")
    for variant in range(2):
        for part in event.segments:
            path = f"/{variant}f/{part.uri}"
            one, other = edge.audio(grown + path), edge.audio(again + path)
            assert one.status == other.status == 200
            assert hashlib.sha256(one.body).digest() == hashlib.sha256(other.body).digest()
    assert len(edge.entries()) == 2


def test_a_length_that_no_header_states_is_counted(install: Install) -> None:
    edge = install()
    content = talk(20)
    edge.put("bare.mp3", content[content.index(b"\xff\xfb", 2000) :])
    edge.start()

    listed = playlist(edge.audio(whole("bare.mp3", "/0f/manifest.m3u8")))
    (*_, last) = listed.segments
    segment = edge.audio(whole("bare.mp3", f"/0f/{last.uri}"))

    assert listed.is_endlist
    assert segment.status == 200
    sound, rate = decode(segment.body)
    assert float(Fraction(sound.shape[1], rate)) == pytest.approx(last.duration, abs=0.05)


def test_another_process_is_heard_too(edge: Edge) -> None:
    other = edge.beside("second").start()
    try:
        edge.audio("lecture.wav?f=hls-aac-rt&playlist=full")
        segment = other.audio(whole("lecture.wav", "/0f/1500.ts"))
        made = playlist(edge.audio("lecture.wav!f=hls-aac-rt&a=/0f/manifest.m3u8"))
        cancel(edge)
    finally:
        other.end()

    assert segment.status == 200
    assert len(made.segments) < 1500


@pytest.mark.parametrize("query", ["f=mp3&playlist=full", "f=hls-aac-rt&playlist=all"])
def test_what_makes_no_sense_is_refused(install: Install, query: str) -> None:
    answer = install().start().audio(f"note.wav?{query}")

    assert answer.status == 400
    assert answer.problem["details"]["parameter"] == "playlist"
