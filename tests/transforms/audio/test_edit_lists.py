"""Where a track of an MP4 begins and ends, as its edit list or Apple's tag states it."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import media, synth
from tests.support.engine import make_stream
from tests.support.memory import MemorySource
from transforms.audio.decode import decode
from transforms.audio.lengths.claims import stated_end
from transforms.audio.survey import survey

RATE = 44_100
SAMPLES = RATE + 123
PRIMING = 1024
BARE = replace(media.RECIPES["m4a"], container_options={"use_editlist": "0"})


def samples(content: bytes, start: int = 0, end: int | None = None) -> NDArray[np.float32]:
    source = MemorySource(content)
    return np.concatenate([f.to_ndarray() for f in decode(source, start=start, end=end)], axis=1)


def sound(seconds: float = SAMPLES / RATE) -> synth.Sound:
    return synth.speech(round(seconds * RATE), rate=RATE)


def edited(content: bytes, *, first: int, units: int, timescale: int = 1000) -> bytes:
    """Rewrite the only edit (ISO 14496-12, section 8.6.6), and what movies count in."""
    changed = bytearray(content)
    at = changed.index(b"elst") + 12
    struct.pack_into(">Ii", changed, at, units, first)
    struct.pack_into(">II", changed, changed.index(b"mvhd") + 16, timescale, units)
    struct.pack_into(">I", changed, changed.index(b"tkhd") + 24, units)
    return bytes(changed)


def tagged(content: bytes, *, priming: int, padding: int, length: int) -> bytes:
    """Add an ``iTunSMPB`` tag to a file that ends with its tags."""

    def box(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + name + body

    text = f" 00000000 {priming:08X} {padding:08X} {length:016X}" + " 00000000" * 8
    tag = box(
        b"----",
        box(b"mean", bytes(4) + b"com.apple.iTunes")
        + box(b"name", bytes(4) + b"iTunSMPB")
        + box(b"data", struct.pack(">II", 1, 0) + text.encode()),
    )
    changed = bytearray(content) + tag
    for name in (b"moov", b"udta", b"meta", b"ilst"):
        at = changed.rindex(name) - 4
        (size,) = struct.unpack_from(">I", changed, at)
        struct.pack_into(">I", changed, at, size + len(tag))
    return bytes(changed)


WHOLE = media.encode(BARE, sound(), rate=RATE)
MADE = media.make("m4a", sound(), rate=RATE)


def test_without_a_word_all_that_was_encoded_plays() -> None:
    assert samples(WHOLE).shape[1] == SAMPLES + PRIMING


@pytest.mark.parametrize("timescale", [1000, 600, 90_000, RATE])
def test_an_edit_list_that_counts_coarsely_ends_on_the_sample(timescale: int) -> None:
    units = round(SAMPLES * timescale / RATE)
    content = edited(MADE, first=PRIMING, units=units, timescale=timescale)

    assert samples(content).shape[1] == SAMPLES
    assert survey(MemorySource(content), exact=True).samples == SAMPLES


@pytest.mark.parametrize("first", [0, 1, 1024, 2112, 5000, 20_000])
def test_an_edit_list_drops_what_comes_before_it(first: int) -> None:
    content = edited(MADE, first=first, units=1003, timescale=1000)

    heard = samples(content)

    whole = samples(WHOLE)
    assert np.array_equal(heard, whole[:, first : first + heard.shape[1]])
    assert survey(MemorySource(content), exact=True).samples == heard.shape[1]
    assert abs(heard.shape[1] - min(SAMPLES, whole.shape[1] - first)) <= RATE // 1000


def test_an_edit_list_drops_what_comes_after_it() -> None:
    content = edited(MADE, first=PRIMING, units=500)

    assert np.array_equal(samples(content), samples(WHOLE)[:, PRIMING : PRIMING + RATE // 2])
    assert survey(MemorySource(content), exact=True).samples == RATE // 2


def test_apples_tag_drops_priming_and_padding() -> None:
    content = tagged(WHOLE, priming=PRIMING, padding=833, length=SAMPLES - 700)

    assert np.array_equal(samples(content), samples(WHOLE)[:, PRIMING : PRIMING + SAMPLES - 700])
    assert survey(MemorySource(content), exact=True).samples == SAMPLES - 700


def test_a_tag_that_promises_more_than_there_is_changes_nothing() -> None:
    content = tagged(WHOLE, priming=PRIMING, padding=0, length=10**9)

    assert samples(content).shape[1] == SAMPLES
    assert survey(MemorySource(content), exact=True).samples == SAMPLES


def test_a_late_cut_of_an_edited_file_is_on_the_sample() -> None:
    long = sound(27.01)
    whole = samples(media.encode(BARE, long, rate=RATE))
    content = edited(media.make("m4a", long, rate=RATE), first=2112, units=26_000, timescale=1000)

    for start in (20 * RATE, 21 * RATE + 777, 26 * RATE - 5):
        expected = whole[:, 2112 + start : 2112 + min(start + 9000, 26 * RATE)]
        assert np.array_equal(samples(content, start, start + 9000), expected)


def test_our_own_fragments_end_on_the_sample() -> None:
    content = media.make("wav-16", sound(9.0), rate=RATE)
    _, report, sink = make_stream("f=hls-aac&container=mp4&br=96", content)
    files = [file.path for file in report.files if file.path.startswith("/0f/")]
    joined = b"".join(
        sink.files[path]
        for path in sorted(files, key=lambda p: ("init" not in p, len(p), p))
        if not path.endswith(".m3u8")
    )

    assert samples(joined).shape[1] == report.samples
    assert survey(MemorySource(joined), exact=True).samples == report.samples


@pytest.mark.parametrize(
    ("edit_list", "media_end", "rate", "end"),
    [
        (None, 1000, 8000, 1000),
        (44_232, 44_223, 44_100, 44_223),
        (44_188, 44_223, 44_100, 44_223),
        (44_100, 44_223, 44_100, 44_100),
        (44_223, 45_056, 44_100, 44_223),
        (50_000, 44_223, 44_100, 44_223),
        (8120, 8123, 8000, 8123),
    ],
)
def test_the_end_is_the_earlier_but_for_rounding(
    edit_list: int | None, media_end: int, rate: int, end: int
) -> None:
    assert stated_end(edit_list, media_end, rate) == end
