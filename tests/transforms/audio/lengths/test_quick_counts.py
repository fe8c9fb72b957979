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
from transforms.audio.survey import from_header, survey

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
    quick, slow = counts(spoilt(made(kind, seconds=20)))

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


def told_by(config: bytes, instead: bytes, *, rate: int) -> bytes:
    """Make an MP4 and change what it says of its AAC (ISO 14496-3, AudioSpecificConfig)."""
    content = made("m4a", rate=rate)
    at = content.index(config, content.index(b"esds"))
    return content[:at] + instead + content[at + len(config) :]


@pytest.mark.parametrize(
    ("config", "instead", "rate", "frame"),
    [
        # Spectral band replication, which doubles the rate and the frame; frames of 960.
        ("139056e500", "139056e5a0", 22_050, 2048),
        ("121056e500", "121456e500", RATE, 960),
    ],
)
def test_aac_need_not_have_frames_of_1024(config: str, instead: str, rate: int, frame: int) -> None:
    quick, slow = counts(told_by(bytes.fromhex(config), bytes.fromhex(instead), rate=rate))

    assert quick is not None
    assert (quick.samples, quick.exact) == (slow.samples, slow.exact)
    assert abs(slow.packets * frame - slow.samples) <= 2 * frame


def test_a_table_with_an_empty_sample_is_read() -> None:
    content = bytearray(made("m4a"))
    table = content.index(b"stsz") + 16
    content[table + 400 : table + 404] = bytes(4)

    assert counts(bytes(content))[0] is None


def id3(size: int) -> bytes:
    """Make an ID3v2 tag of nothing."""
    digits = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + digits + bytes(size)


def test_tags_between_adts_frames_are_counted_around() -> None:
    content = made("adts")
    tagged_often = b"".join(id3(60) + content for _ in range(6))

    facts = survey(MemorySource(tagged_often), exact=True)
    assert facts.samples == counts(tagged_often)[1].samples
    assert facts.landmarks is None


@pytest.mark.parametrize("tags", [(2000,), (2000, 3000), (10, 20, 30)])
def test_an_mp3_may_begin_with_several_tags(tags: tuple[int, ...]) -> None:
    content = b"".join(map(id3, tags)) + made("mp3")

    facts = survey(MemorySource(content), exact=True)
    assert (facts.samples, facts.exact) == (12 * RATE + 17, True)


def test_a_landmark_is_no_beginning_of_another_file() -> None:
    # The eighth stride of the walk, which would be a landmark, begins with an Info frame.
    bare = made("mp3-bare", seconds=40)
    with open_track(MemorySource(bare), 1) as (container, stream):
        frames = [packet.pos or 0 for packet in container.demux(stream) if packet.size]
    content = bare[: frames[16 + 512]] + made("mp3", seconds=40)

    facts = survey(MemorySource(content), exact=True)
    for _, byte in facts.landmarks.places if facts.landmarks else ():
        assert b"Info" not in content[byte : byte + 100]
    assert facts.samples == counts(content)[1].samples
