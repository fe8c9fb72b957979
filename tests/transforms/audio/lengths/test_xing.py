"""When an MP3's own count of its frames is taken for its length, and when they are counted."""

import struct
from collections.abc import Callable
from functools import cache

import pytest

from tests.support import media, synth
from tests.support.engine import make
from tests.support.memory import MemorySource
from transforms.audio.decode import decode
from transforms.audio.describe.probe import probe
from transforms.audio.lame_tag import crc16
from transforms.audio.survey import survey

RATE = 44_100


VARIABLE = media.Recipe(
    container="mp3",
    codec="libmp3lame",
    codec_options={"flags": "+qscale", "global_quality": str(4 * 118)},
)
RECIPES = {"mp3": media.RECIPES["mp3"], "variable": VARIABLE, "wav-16": media.WAV}


@cache
def made(kind: str, *, rate: int = RATE, channels: int = 2) -> bytes:
    """Two thirds of speech, which is louder than the rest."""
    sound = synth.speech(20 * rate, rate=rate, channels=channels).copy()
    sound[:, 13 * rate :] *= 0.01
    return media.encode(RECIPES[kind], sound, rate=rate)


def name_at(content: bytes) -> int:
    return max(content.find(b"Xing"), content.find(b"Info"))


def with_frames(content: bytes, change: Callable[[int], int]) -> bytes:
    """Have a Xing header count other frames than there are."""
    changed = bytearray(content)
    at = name_at(content) + 8
    struct.pack_into(">I", changed, at, change(struct.unpack_from(">I", content, at)[0]))
    return bytes(changed)


def signed(content: bytes) -> bytes:
    """Correct the checksum of a header at the very beginning."""
    changed, at = bytearray(content), name_at(content) + 154
    begin = content.index(b"\xff\xfb")
    struct.pack_into(">H", changed, at, crc16(bytes(changed[begin:at])))
    return bytes(changed)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (22_050, 2), (44_100, 2), (48_000, 1)])
@pytest.mark.parametrize("kind", ["mp3", "variable"])
def test_what_libav_has_signed_is_believed(kind: str, rate: int, channels: int) -> None:
    source = MemorySource(made(kind, rate=rate, channels=channels))

    facts = survey(source)

    assert (facts.samples, facts.exact) == (20 * rate, True)


@pytest.mark.parametrize("wanted", ["br=128", "br=120", "br=96&ch=1", "br=24&sr=22.05"])
def test_what_lame_has_signed_is_believed(wanted: str) -> None:
    content = make(f"f=mp3&{wanted}", made("wav-16")).content

    facts = survey(MemorySource(content))

    assert facts.exact
    assert facts.samples == sum(frame.samples for frame in decode(MemorySource(content)))


def test_a_header_is_believed_without_reading_the_file() -> None:
    long = media.make("mp3", synth.speech(90 * RATE, rate=RATE), rate=RATE)
    source = MemorySource(long)

    assert survey(source).exact
    assert source.read_bytes < len(long) // 2


@pytest.mark.parametrize("tags", [b"", b"TAG" + bytes(125), b"ape ", b"ape TAG" + bytes(125)])
def test_tags_at_the_end_are_no_sound(tags: bytes) -> None:
    edge = b"APETAGEX" + struct.pack("<IIII", 2000, 2000, 1, 1 << 31) + bytes(8)
    tags = tags.replace(b"ape ", edge + bytes(2000 - 32) + edge)

    facts = survey(MemorySource(made("mp3") + tags))

    assert (facts.samples, facts.exact) == (20 * RATE, True)


@pytest.mark.parametrize(
    "change", [lambda n: n * 3, lambda n: n + 1, lambda n: n - 1, lambda n: n // 3, lambda n: 0]
)
@pytest.mark.parametrize("kind", ["mp3", "variable"])
def test_a_changed_count_is_not_believed(kind: str, change: Callable[[int], int]) -> None:
    content = with_frames(made(kind), change)
    decoded = sum(frame.samples for frame in decode(MemorySource(content)))

    claimed, counted = (survey(MemorySource(content), exact=exact) for exact in (False, True))

    assert not claimed.exact
    assert (counted.samples, counted.exact) == (decoded, True)


def test_not_even_with_its_checksum_if_frames_are_not_of_that_size() -> None:
    content = signed(made("variable"))
    assert survey(MemorySource(content)).exact

    for factor in (3, 2):
        assert content.find(b"Xing") > 0
        boasting = signed(with_frames(content, lambda n, by=factor: n * by))
        assert not survey(MemorySource(boasting)).exact


def test_a_file_with_holes_is_counted() -> None:
    content = bytearray(made("mp3"))
    hole = len(content) // 3
    content[hole : hole + len(content) // 3] = bytes(len(content) // 3)
    source = MemorySource(bytes(content))

    assert not survey(source).exact
    counted = survey(source, exact=True)
    assert counted.samples == sum(frame.samples for frame in decode(source))


def test_a_cut_that_is_signed_elsewhere_is_counted() -> None:
    content = made("mp3")

    assert not survey(MemorySource(content[:-1])).exact
    assert not survey(MemorySource(content + content)).exact


def test_metadata_agrees_with_itself_and_says_that_the_file_does_not() -> None:
    content = with_frames(made("variable"), lambda frames: frames * 3)
    facts = survey(MemorySource(content), exact=True)
    assert facts.samples is not None

    tracks = probe(MemorySource(content))["tracks"]

    assert isinstance(tracks, list)
    audio = tracks[1]
    assert audio["duration"] == round(facts.samples / RATE, 6)
    assert abs(audio["frameCount"] * 1152 - facts.samples) < 3 * 1152
    assert audio["durationEstimated"] is True
