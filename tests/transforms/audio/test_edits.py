"""Edit lists of several pieces, against the samples of the track they are made of."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import accumulate

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import media, synth
from tests.support.engine import make
from tests.support.memory import MemorySource
from transforms.audio.decode import decode
from transforms.audio.describe.probe import probe
from transforms.audio.edits import MOST_EDITS, edited_track
from transforms.audio.survey import survey
from transforms.problems import RenderFailed, UnsupportedMedia

RATE = 48_000
SECONDS = 45
SILENCE = -1

FRAGMENTED = replace(
    media.RECIPES["m4a-fragmented"],
    container_options={
        "movflags": "+frag_keyframe+empty_moov+default_base_moof",
        "frag_duration": "500000",
    },
)
RECIPES = {**media.RECIPES, "fragmented": FRAGMENTED}
KINDS = ("m4a", "alac", "mov", "mp4-opus", "fragmented")

# In seconds: how long, and from where.
LISTS = {
    "two": [(10, 1), (10, 30)],
    "swapped": [(10, 30), (10, 1)],
    "repeated": [(10, 25), (10, 25)],
    "late": [(2, SILENCE), (30, 5)],
    "gap": [(5, 1), (5, SILENCE), (5, 20)],
    "silence at last": [(5, 40), (3, SILENCE)],
    "nothing but silence": [(3, SILENCE)],
}


@cache
def made(kind: str) -> bytes:
    return media.encode(RECIPES[kind], synth.speech(SECONDS * RATE, rate=RATE), rate=RATE)


def boxed(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def listed(
    content: bytes,
    entries: Sequence[tuple[int, int]] | None,
    *,
    track: int = 1,
    version: int = 0,
    speed: int = 1,
) -> bytes:
    """Replace a track's edit list; *entries* in the file's own units, no list if ``None``."""
    changed = bytearray(content)
    trak = -1
    for _ in range(track):
        trak = changed.index(b"trak", trak + 1)
    trak -= 4
    (size,) = struct.unpack_from(">I", changed, trak)
    old = changed.find(b"edts", trak, trak + size) - 4
    grown = 0
    if old > 0:
        (gone,) = struct.unpack_from(">I", changed, old)
        del changed[old : old + gone]
        grown -= gone
    if entries is not None:
        layout = ">QqhH" if version else ">IihH"
        rows = b"".join(struct.pack(layout, *entry, speed, 0) for entry in entries)
        body = struct.pack(">BxxxI", version, len(entries)) + rows
        edts = boxed(b"edts", boxed(b"elst", body))
        at = changed.index(b"mdia", trak) - 4
        changed[at:at] = edts
        grown += len(edts)
    struct.pack_into(">I", changed, trak, size + grown)
    moov = changed.index(b"moov") - 4
    struct.pack_into(">I", changed, moov, struct.unpack_from(">I", changed, moov)[0] + grown)
    return bytes(changed)


def units(content: bytes) -> tuple[int, int]:
    """What a movie counts in, and its first track."""
    heads = (content.index(b"mvhd") + 16, content.index(b"mdhd") + 16)
    movie, sound = (struct.unpack_from(">I", content, at)[0] for at in heads)
    return movie, sound


def in_units(content: bytes, entries: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    movie, sound = units(content)
    return [(length * movie, at if at < 0 else at * sound) for length, at in entries]


def samples(content: bytes, start: int = 0, end: int | None = None) -> NDArray[np.float32]:
    frames = decode(MemorySource(content), start=start, end=end)
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


@cache
def recorded(kind: str) -> NDArray[np.float32]:
    heard = samples(listed(made(kind), None))
    if not kind.endswith("opus"):
        return heard
    # What comes before Opus' pre-skip is not played at all.
    return np.concatenate([np.full((1, 312), np.nan, np.float32), heard], axis=1)


def expected(kind: str, entries: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
    """Put together, in seconds, what a list says."""
    track = recorded(kind)
    silence = np.zeros_like(track)
    parts = [
        silence[:, : length * RATE] if at < 0 else track[:, at * RATE : (at + length) * RATE]
        for length, at in entries
    ]
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("kind", KINDS)
def test_edits_are_played_one_after_another(kind: str, name: str) -> None:
    content = listed(made(kind), in_units(made(kind), LISTS[name]))

    heard = samples(content)

    np.testing.assert_array_equal(heard, expected(kind, LISTS[name]))
    facts = survey(MemorySource(content), exact=True)
    assert (facts.samples, facts.exact) == (heard.shape[1], True)
    claimed = survey(MemorySource(content))
    assert (claimed.samples, claimed.exact) == (heard.shape[1], False)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("kind", ["m4a", "alac"])
def test_two_trims_of_edits_are_the_whole(kind: str, name: str) -> None:
    content = listed(made(kind), in_units(made(kind), LISTS[name]))
    whole = samples(content)
    joints = accumulate(length * RATE for length, _ in LISTS[name])

    for joint in (RATE + 1, *joints):
        for start in (joint - 1, joint, joint + 777):
            if not 0 < start < whole.shape[1]:
                continue
            np.testing.assert_array_equal(samples(content, 0, start), whole[:, :start])
            np.testing.assert_array_equal(samples(content, start), whole[:, start:])


def test_opus_without_a_list_is_as_long_as_it_says() -> None:
    content = listed(made("mp4-opus"), None)
    whole = samples(content)
    facts = survey(MemorySource(content), exact=True)
    assert (facts.samples, facts.exact, whole.shape[1]) == (SECONDS * RATE, True, SECONDS * RATE)
    np.testing.assert_array_equal(whole, samples(made("mp4-opus")))

    for start in (RATE, 40 * RATE):
        np.testing.assert_array_equal(samples(content, 0, start), whole[:, :start])
        np.testing.assert_array_equal(samples(content, start), whole[:, start:])


def test_behind_the_last_edit_there_is_nothing() -> None:
    content = listed(made("alac"), in_units(made("alac"), LISTS["two"]))

    with pytest.raises(RenderFailed, match="ends before its start"):
        samples(content, 20 * RATE)


def test_what_is_made_is_as_long_as_the_metadata_says() -> None:
    content = listed(made("m4a"), in_units(made("m4a"), LISTS["gap"]))

    assert make("f=wav-riff&sr=48", content).sound.shape[1] == 15 * RATE
    tracks = probe(MemorySource(content))["tracks"]

    assert isinstance(tracks, list)
    general, audio = tracks
    assert (general["duration"], audio["duration"]) == (15.0, 15.0)
    assert not {"durationEstimated"} & (general.keys() | audio.keys())
    assert audio["bitRate"] == pytest.approx(128_000, rel=0.1)


def test_a_list_may_have_long_entries() -> None:
    content = listed(made("alac"), in_units(made("alac"), LISTS["gap"]), version=1)

    np.testing.assert_array_equal(samples(content), expected("alac", LISTS["gap"]))


def test_an_edit_that_stands_still_is_silence() -> None:
    content = listed(made("alac"), in_units(made("alac"), [(4, 3)]), speed=0)

    heard = samples(content)
    assert heard.shape == (1, 4 * RATE)
    assert not heard.any()


def test_every_track_has_its_own_list() -> None:
    first, second = (synth.tone(8 * RATE, hz=hz, rate=RATE) for hz in (300, 900))
    content = media.encode(media.RECIPES["alac"], first, second, rate=RATE)
    content = listed(content, in_units(content, [(1, SILENCE), (2, 3)]), track=2)

    lengths = [survey(MemorySource(content), track=n, exact=True).samples for n in (1, 2)]
    assert lengths == [8 * RATE, 3 * RATE]
    frames = decode(MemorySource(content), track=2)
    heard = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    assert not heard[:, :RATE].any()
    assert np.abs(heard[:, RATE:]).max() > 0


def test_roundings_of_coarse_edits_do_not_add_up() -> None:
    content = made("alac")
    coarse = bytearray(content)
    struct.pack_into(">I", coarse, coarse.index(b"mvhd") + 16, 600)
    # 1001 units of 1/600 s are no whole number of samples at 44.1 kHz, but are at 48 kHz; 7 are
    # none at all of milliseconds.
    struct.pack_into(">I", coarse, coarse.index(b"mvhd") + 16, 7)
    edits = [(1, second * RATE) for second in range(20)]

    heard = samples(listed(bytes(coarse), edits))

    assert heard.shape[1] == round(20 * RATE / 7)
    track = recorded("alac")
    for number in range(20):
        begin, end = round(number * RATE / 7), round((number + 1) * RATE / 7)
        piece = track[:, number * RATE : number * RATE + end - begin]
        np.testing.assert_array_equal(heard[:, begin:end], piece)


def test_a_last_edit_ends_with_the_track() -> None:
    movie, _ = units(made("alac"))
    left = [(movie, 0), (movie * 100, 40 * RATE)]
    assert samples(listed(made("alac"), left)).shape[1] == 6 * RATE
    middle = [(movie * 10, 40 * RATE), (movie, 0)]
    heard = samples(listed(made("alac"), middle))

    # What is missing of one in the middle is silence, so that what follows stays where it belongs.
    assert heard.shape[1] == 11 * RATE
    assert not heard[:, 5 * RATE : 10 * RATE].any()
    np.testing.assert_array_equal(heard[:, 10 * RATE :], recorded("alac")[:, :RATE])


def test_a_last_edit_without_a_length_is_all_that_is_left() -> None:
    movie, _ = units(made("fragmented"))
    content = listed(made("fragmented"), [(movie * 2, SILENCE), (0, 1024)])

    heard = samples(content)

    track = recorded("fragmented")
    np.testing.assert_array_equal(heard[:, 2 * RATE :], track[:, 1024:])
    assert survey(MemorySource(content), exact=True).samples == heard.shape[1]
    edited = edited_track(MemorySource(content), 1)
    assert edited is not None
    assert not edited.needs_length


def test_apples_tag_says_no_more_than_the_list() -> None:
    text = f" 00000000 {1024:08X} {500:08X} {RATE:016X}" + " 00000000" * 8
    tag = boxed(
        b"----",
        boxed(b"mean", bytes(4) + b"com.apple.iTunes")
        + boxed(b"name", bytes(4) + b"iTunSMPB")
        + boxed(b"data", struct.pack(">II", 1, 0) + text.encode()),
    )
    content = bytearray(listed(made("m4a"), in_units(made("m4a"), LISTS["gap"])) + tag)
    for name in (b"moov", b"udta", b"meta", b"ilst"):
        at = content.rindex(name) - 4
        struct.pack_into(">I", content, at, struct.unpack_from(">I", content, at)[0] + len(tag))

    np.testing.assert_array_equal(samples(bytes(content)), expected("m4a", LISTS["gap"]))


def test_a_list_that_promises_years_is_surveyed_at_once() -> None:
    content = listed(made("alac"), [(2**32 - 1, SILENCE), (1000, 0)])

    facts = survey(MemorySource(content), exact=True)

    movie, _ = units(content)
    assert facts.samples == round((2**32 - 1 + 1000) * RATE / movie)


def test_silence_alone_is_no_track() -> None:
    content = listed(made("fragmented"), in_units(made("fragmented"), LISTS["late"]))
    header = content[: content.index(b"moof") - 4]

    assert survey(MemorySource(header), exact=True).samples == 0
    with pytest.raises(UnsupportedMedia):
        samples(header)


@pytest.mark.parametrize("name", [b"mvhd", b"mdhd", b"hdlr", b"elst", b"mdia"])
def test_without_what_belongs_to_a_list_there_is_none(name: bytes) -> None:
    content = listed(made("alac"), in_units(made("alac"), LISTS["two"]))
    assert edited_track(MemorySource(content), 1) is not None

    assert edited_track(MemorySource(content.replace(name, b"free")), 1) is None


@pytest.mark.parametrize("units_at", [b"mvhd", b"mdhd"])
def test_units_of_nothing_make_no_list(units_at: bytes) -> None:
    content = bytearray(listed(made("alac"), in_units(made("alac"), LISTS["two"])))
    struct.pack_into(">I", content, content.index(units_at) + 16, 0)

    assert edited_track(MemorySource(bytes(content)), 1) is None


def test_a_list_may_claim_more_entries_than_it_has() -> None:
    content = bytearray(listed(made("alac"), in_units(made("alac"), LISTS["two"])))
    struct.pack_into(">I", content, content.index(b"elst") + 8, 2**32 - 1)

    edited = edited_track(MemorySource(bytes(content)), 1)
    assert edited is not None
    assert len(edited.edits) == 2


def test_more_edits_than_anybody_makes_are_left_to_libav() -> None:
    assert edited_track(MemorySource(listed(made("alac"), [(10, 0)] * MOST_EDITS)), 1) is not None
    assert edited_track(MemorySource(listed(made("alac"), [(10, 0)] * (MOST_EDITS + 1))), 1) is None
