"""Ogg whose granule positions, pages or links are not what a tidy encoder writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import zip_longest

import numpy as np
import pytest
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from tests.support import media, odd_ogg, ogg, synth
from tests.support.memory import MemorySource
from transforms.audio.chain import links
from transforms.audio.decode import decode
from transforms.audio.describe.probe import probe
from transforms.audio.entry import opened_before
from transforms.audio.ogg_sound import read_headers, walk
from transforms.audio.survey import survey
from transforms.plan import LandmarkUnit

KINDS = ("opus", "vorbis", "ogg-flac")

# Opus has to hear 30 s before what is wanted.
SECONDS = {"opus": 75, "vorbis": 40, "ogg-flac": 40}
RATE = 48_000

WAYS: dict[str, Callable[[bytes], bytes]] = {
    "tidy": lambda content: content,
    "later": lambda content: odd_ogg.changed(content, odd_ogg.later),
    "leaping": lambda content: odd_ogg.changed(content, odd_ogg.leaping),
    "begun late": lambda content: odd_ogg.changed(content, odd_ogg.begun_late),
    "with a loss": lambda content: odd_ogg.changed(content, odd_ogg.with_a_loss),
    "without an end": lambda content: odd_ogg.changed(content, odd_ogg.without_an_end),
    "ended early": lambda content: odd_ogg.changed(content, odd_ogg.ended_early),
    "one page": lambda content: odd_ogg.changed(content, odd_ogg.ended_on_the_first_page),
    "broken": odd_ogg.broken,
    "cut off": lambda content: content[: len(content) * 2 // 3],
    "joined": lambda content: content + content,
    "joined, cut off": lambda content: content[: len(content) // 2] + content,
    "junk between": lambda content: content + bytes(1000) + content,
}


@cache
def made(kind: str) -> bytes:
    # libav's encoder for Vorbis knows stereo only.
    channels = 2 if kind == "vorbis" else 1
    sound = synth.speech(SECONDS[kind] * RATE, rate=RATE, channels=channels)
    return media.make(kind, sound, rate=RATE)


@cache
def odd(kind: str, way: str) -> bytes:
    return WAYS[way](made(kind))


@cache
def whole_of(kind: str, way: str) -> NDArray[np.generic]:
    return joined(decode(MemorySource(odd(kind, way))))


def between(content: bytes, start: int = 0, end: int | None = None) -> NDArray[np.generic]:
    """Decode as for a stream whose length is known."""
    source = MemorySource(content)
    marks = survey(source, exact=True).landmarks
    return joined(decode(source, start=start, end=end, landmarks=marks))


def joined(frames: Iterator[AudioFrame]) -> NDArray[np.generic]:
    """All samples, of which those of one time are a column."""
    arrays = [(frame.to_ndarray(), frame.layout.nb_channels) for frame in frames]
    return np.concatenate([a.reshape(n, -1, order="F") if len(a) < n else a for a, n in arrays], 1)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_length_is_what_decoding_makes(kind: str, way: str) -> None:
    content = odd(kind, way)
    facts = survey(MemorySource(content), exact=True)
    general, audio = probe(MemorySource(content))["tracks"]

    assert facts.exact
    assert facts.samples == whole_of(kind, way).shape[1]
    seconds = round(float(facts.duration or 0), 6)
    assert (general["duration"], audio["duration"]) == (seconds, seconds)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["opus", "vorbis"])
def test_pages_are_counted_at_once_as_packet_by_packet(kind: str, way: str) -> None:
    for link in links(MemorySource(odd(kind, way))):
        sound = read_headers(link)
        assert sound is not None
        assert sound.by_first_byte is not None
        slowly = replace(sound, by_first_byte=None)

        pages = list(walk(link, sound, sound.begin))
        assert pages == list(walk(link, slowly, sound.begin))
        assert pages or way == "one page"


# What a way does to pages is the same for each codec; decoders are told apart by some.
@pytest.mark.parametrize(
    ("kind", "way"),
    [
        *(("opus", way) for way in WAYS),
        *((kind, way) for kind in ("vorbis", "ogg-flac") for way in (*WAYS,)[::2]),
    ],
)
def test_halves_of_what_is_odd_are_the_whole(kind: str, way: str) -> None:
    content, whole = odd(kind, way), whole_of(kind, way)
    samples = whole.shape[1]

    half, late = samples // 2 + 77, samples - 1_000
    np.testing.assert_array_equal(between(content, 0, half), whole[:, :half])
    np.testing.assert_array_equal(between(content, half, samples), whole[:, half:])
    np.testing.assert_array_equal(between(content, late), whole[:, late:])


@pytest.mark.parametrize("way", ["later", "leaping", "with a loss", "broken"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_odd_is_entered_by_its_pages(kind: str, way: str) -> None:
    source = MemorySource(odd(kind, way))
    facts = survey(source, exact=True)
    assert facts.landmarks is not None
    assert facts.samples is not None
    assert facts.landmarks.unit is LandmarkUnit.PAGES

    with opened_before(source, 1, facts.samples - 1_000, facts.landmarks) as entry:
        assert entry.at is not None
        assert entry.at > 0


@pytest.mark.parametrize("way", ["later", "leaping"])
@pytest.mark.parametrize("kind", KINDS)
def test_granule_positions_move_no_sample(kind: str, way: str) -> None:
    np.testing.assert_array_equal(between(odd(kind, way)), between(made(kind)))


@pytest.mark.parametrize("kind", ["opus", "vorbis"])
def test_the_last_page_may_leave_out_several_packets(kind: str) -> None:
    whole = between(odd(kind, "without an end"))[:, :-12_345]
    expected = odd_ogg.changed(made(kind), lambda sound: sound[:-3])
    assert between(expected).shape[1] < whole.shape[1]

    by = 12_345
    ended = odd_ogg.changed(made(kind), lambda sound: odd_ogg.ended_early(sound, by))

    # Both have lost the last two pages; one of them ends 12 345 samples before what it has.
    np.testing.assert_array_equal(between(ended), whole)


@pytest.mark.parametrize("kind", KINDS)
def test_files_put_together_are_heard_one_after_the_other(kind: str) -> None:
    short = odd_ogg.changed(made(kind), lambda sound: sound[:3])
    long = made(kind)

    for parts in ((long, long), (short, long), (long, short), (short, short, short)):
        together = b"".join(parts)
        assert [link.read_at(0, 10**8) for link in links(MemorySource(together))] == list(parts)
        np.testing.assert_array_equal(
            between(together), np.concatenate([between(part) for part in parts], axis=1)
        )


def test_what_a_header_cannot_know_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.audio.survey.SHORT_BYTES", 0)
    seconds = {}
    for way in ("tidy", "later", "with a loss", "joined"):
        facts = survey(MemorySource(odd("opus", way)))
        assert not facts.exact
        seconds[way] = facts.duration

    # Nobody has seen the pages between the ends.
    assert seconds == dict.fromkeys(seconds, 75)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_is_told(kind: str) -> None:
    tidy, lossy = (probe(MemorySource(odd(kind, way)))["tracks"] for way in ("tidy", "with a loss"))

    assert not any("durationEstimated" in track for track in tidy)
    assert all(track["durationEstimated"] for track in lossy)


def test_halves_of_packets_that_a_loss_joins_are_not_called_exact() -> None:
    content = made("opus")
    count = sum(value < 255 for page in list(ogg.pages(content))[2:] for value in page.lacing)
    content = ogg.laid_out(
        content, headers=2, ends=[960 * number for number in range(1, count + 1)], lacing_values=40
    )
    lossless = list(ogg.pages(content))
    (number, *_) = [
        number
        for number, page in enumerate(lossless[:-1])
        if number > 20 and page.lacing[-1] == 255
    ]
    lossy = b"".join(page.packed() for page in (*lossless[: number + 1], *lossless[number + 3 :]))

    assert survey(MemorySource(content), exact=True).exact
    assert not survey(MemorySource(lossy), exact=True).exact
    audio = probe(MemorySource(lossy))["tracks"][1]
    assert audio["durationEstimated"]


@pytest.mark.parametrize("pair", [("opus", "vorbis"), ("vorbis", "ogg-flac")])
def test_tracks_beside_each_other_are_as_long_as_alone(pair: tuple[str, str]) -> None:
    one, other = (list(ogg.pages(made(kind))) for kind in pair)
    other = [replace(page, serial=one[0].serial ^ 1) for page in other]
    both = [page for pages in zip_longest(one, other) for page in pages if page is not None]
    content = b"".join(page.packed() for page in both)

    for track, kind in enumerate(pair, start=1):
        source = MemorySource(content)
        facts = survey(source, track=track, exact=True)
        whole = joined(decode(source, track=track))
        assert (facts.samples, facts.exact) == (SECONDS[kind] * RATE, True)
        np.testing.assert_array_equal(whole, between(made(kind)))
        start = 35 * RATE
        frames = decode(source, track=track, start=start, landmarks=facts.landmarks)
        np.testing.assert_array_equal(joined(frames), whole[:, start:])


def test_headers_of_any_size_are_read_once() -> None:
    (first, *_) = ogg.pages(made("opus"))
    comment = replace(first, flags=0, lacing=b"\xff" * 255, body=bytes(255 * 255))
    source = MemorySource(b"".join(page.packed() for page in (first, *[comment] * 20)))

    assert read_headers(source) is None
    assert source.read_bytes < 2 * source.size_bytes


def test_a_long_file_is_not_read_to_begin_with_it() -> None:
    def five_times(sound: Sequence[ogg.Page]) -> list[ogg.Page]:
        return [p for n in range(5) for p in odd_ogg.later(sound[:-1], n * sound[-2].granule)]

    content = odd_ogg.changed(made("opus"), five_times)
    source = MemorySource(content)

    assert survey(source).samples is not None
    next(decode(source))

    assert len(content) > 4_000_000
    assert source.read_bytes < 1_500_000
