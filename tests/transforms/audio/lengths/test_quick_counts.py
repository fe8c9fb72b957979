"""Lengths by tables and headers, against counting every packet."""

import random
from collections.abc import Callable
from functools import cache

import pytest

from tests.support import media, synth
from tests.support.engine import make
from tests.support.memory import MemorySource
from transforms.audio.lengths.count import Count, PacketCount, count_packets
from transforms.audio.lengths.index import by_index
from transforms.audio.lengths.walk import by_headers
from transforms.audio.open import open_track
from transforms.audio.survey import from_header

RATE = 44_100


@cache
def made(kind: str, *, seconds: float = 12, rate: int = RATE, channels: int = 2) -> bytes:
    return media.make(
        kind, synth.speech(int(seconds * rate) + 17, rate=rate, channels=channels), rate=rate
    )


def counts(content: bytes) -> tuple[Count | None, PacketCount]:
    """Count in both ways."""
    source = MemorySource(content)
    with open_track(source, 1) as (container, stream):
        facts = from_header(source, container, stream)
        quickly = by_headers if facts.container in ("mp3", "aac") else by_index
        quick = quickly(source, container, stream, facts)
    with open_track(source, 1) as (container, stream):
        return quick, count_packets(container, stream, facts)


@pytest.mark.parametrize("kind", ["m4a", "alac", "mp3-bare", "adts"])
@pytest.mark.parametrize("seconds", [0.4, 3.7, 12])
def test_a_quick_count_is_what_the_packets_say(kind: str, seconds: float) -> None:
    quick, slow = counts(made(kind, seconds=seconds))

    assert quick is not None or seconds < 10
    if quick is not None:
        assert (quick.samples, quick.exact) == (slow.samples, slow.exact)


@pytest.mark.parametrize("kind", ["m4a-fragmented", "mp4-opus", "mov", "mp3", "flac", "ts-aac"])
def test_what_tells_no_length_is_read(kind: str) -> None:
    rate = 48_000 if "opus" in kind else RATE

    quick, _ = counts(made(kind, rate=rate))

    assert quick is None


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
@pytest.mark.parametrize("kind", ["mp3-bare", "adts"])
def test_every_rate_has_its_frames(kind: str, rate: int) -> None:
    quick, slow = counts(made(kind, rate=rate, channels=1, seconds=30))

    assert quick is not None
    assert (quick.samples, quick.exact) == (slow.samples, slow.exact)


def test_frames_of_different_sizes_are_walked() -> None:
    recipe = media.Recipe(
        container="mp3",
        codec="libmp3lame",
        codec_options={"q": "4"},
        container_options={"write_xing": "0"},
    )
    sound = synth.speech(20 * RATE, rate=RATE, channels=2)

    quick, slow = counts(media.encode(recipe, sound, rate=RATE))

    assert quick is not None
    assert quick.samples == slow.samples


def cut_off(content: bytes) -> bytes:
    return content[: int(len(content) * 0.77)]


def with_junk(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + random.Random(4).randbytes(1500) + content[middle:]


def tagged(content: bytes) -> bytes:
    return content + b"APETAGEX" + bytes(3000) + b"TAG" + bytes(125)


def joined(content: bytes) -> bytes:
    return b"".join([content, b"TAG" + bytes(125), content, bytes(50), content])


def with_silence_of_no_frames(content: bytes) -> bytes:
    return content + bytes(400_000)


@pytest.mark.parametrize("spoilt", [cut_off, with_junk, tagged, joined, with_silence_of_no_frames])
@pytest.mark.parametrize("kind", ["mp3-bare", "adts"])
def test_spoilt_files_are_counted_as_libav_reads_them(
    kind: str, spoilt: Callable[[bytes], bytes]
) -> None:
    quick, slow = counts(spoilt(made(kind)))

    assert quick is None or (quick.samples, quick.exact) == (slow.samples, slow.exact)
    if kind == "mp3-bare":
        assert quick is not None


def test_a_file_cut_off_after_its_table_is_read() -> None:
    content = make("f=m4a", made("wav-16")).content
    assert content.index(b"moov") < content.index(b"mdat")

    assert counts(content)[0] is not None
    assert counts(cut_off(content))[0] is None


@pytest.mark.parametrize("kind", ["mp3-bare", "adts"])
def test_landmarks_of_a_walk_are_where_frames_begin(kind: str) -> None:
    content = made(kind, seconds=40)
    quick, _ = counts(content)
    assert quick is not None
    assert quick.landmarks is not None

    assert len(quick.landmarks.places) >= 3
    for sample, byte in quick.landmarks.places:
        assert content[byte] == 0xFF
        rest, _ = counts(content[byte:])
        assert rest is not None
        assert rest.samples == quick.samples - sample
