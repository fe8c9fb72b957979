"""Files that say too much, too little or nothing, begin late, break off, or have holes."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import measure, media, synth
from tests.support.engine import make, make_stream
from tests.support.memory import MemorySource
from transforms.audio import flac
from transforms.audio.decode import decode
from transforms.audio.open import open_track
from transforms.audio.survey import survey

RATE = 44_100
SAMPLES = 3 * RATE + 55
SOUND = synth.on_grid(synth.speech(SAMPLES, rate=RATE, channels=2))


def samples(content: bytes) -> NDArray[np.generic]:
    pieces = []
    for frame in decode(MemorySource(content)):
        piece = frame.to_ndarray()
        if not frame.format.is_planar:
            piece = piece.reshape(-1, frame.layout.nb_channels).T
        pieces.append(piece)
    return np.concatenate(pieces, axis=1)


def made(kind: str) -> bytes:
    return media.make(kind, SOUND, rate=RATE)


def without(content: bytes, name: bytes, offset: int, replacement: bytes) -> bytes:
    changed = bytearray(content)
    at = changed.index(name) + offset
    changed[at : at + len(replacement)] = replacement
    return bytes(changed)


@pytest.mark.parametrize("claim", [0, 4, SAMPLES, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_whose_data_size_is_a_lie_is_read_as_far_as_it_goes(claim: int) -> None:
    content = without(made("wav-16"), b"data", 4, struct.pack("<I", claim))
    expected = SAMPLES if claim in (0, 0xFFFFFFFF, 0x7FFFFFFF) else claim // 4

    facts = survey(MemorySource(content), exact=True)

    assert samples(content).shape[1] == facts.samples
    assert facts.samples == expected


@pytest.mark.parametrize("total", [0, 1, SAMPLES // 2, SAMPLES + 1, 2**36 - 1])
def test_a_flac_whose_length_is_a_lie_is_counted(total: int) -> None:
    """RFC 9639 section 8.2: the length is the last 36 bits of 64; 0 for unknown."""
    content = made("flac")
    at = 8 + 10
    (packed,) = struct.unpack_from(">Q", content, at)
    lying = content[:at] + struct.pack(">Q", packed >> 36 << 36 | total) + content[at + 8 :]

    facts = survey(MemorySource(lying), exact=True)

    assert survey(MemorySource(content)).exact
    assert not survey(MemorySource(lying)).exact
    assert (facts.samples, facts.exact) == (SAMPLES, True)
    assert np.array_equal(samples(lying), samples(content))


@pytest.mark.parametrize("kind", ["flac", "wav-16", "mp3", "adts", "opus", "vorbis", "ogg-flac"])
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_file_that_breaks_off_plays_what_it_has(kind: str, part: float) -> None:
    whole = media.make(kind, SOUND, rate=48_000)
    content = whole[: int(len(whole) * part)]

    heard = samples(content)

    facts = survey(MemorySource(content), exact=True)
    expected = samples(whole)
    # The last page or packet may be lost with what is missing of it.
    assert 0.2 * SAMPLES < heard.shape[1] < SAMPLES
    assert np.array_equal(heard[:, :-6000], expected[:, : heard.shape[1] - 6000])
    assert abs((facts.samples or 0) - heard.shape[1]) <= 6000


@pytest.mark.parametrize(
    ("kind", "garbage"),
    [
        ("mp3-bare", b"\x00" * 700),
        ("mp3-bare", b"PK\x03\x04" + bytes(range(256)) * 3),
        ("adts", b"\x00" * 700),
        ("ts-aac", b"\x47\x00" * 300),
        ("ts-mp2", b"xyz" * 100),
        ("flac", b"ID3\x04\x00\x00\x00\x00\x02\x00" + bytes(256)),
        ("mp3", b"ID3\x03\x00\x00\x00\x00\x02\x00" + bytes(256)),
    ],
)
def test_garbage_before_a_file_is_skipped(kind: str, garbage: bytes) -> None:
    content = made(kind)
    clean = samples(content)

    heard = samples(garbage + content)

    # A demuxer that has to find its feet may miss a frame.
    lost = clean.shape[1] - heard.shape[1]
    assert 0 <= lost <= 1152
    assert np.array_equal(heard[:, 5000:], clean[:, lost + 5000 :])


@pytest.mark.parametrize("kind", ["m4a", "mka-aac", "flv-aac", "mka-flac"])
def test_what_comes_after_a_broken_packet_stays_where_it_was(kind: str) -> None:
    rate = 48_000 if "opus" in kind else RATE
    click = synth.burst(SAMPLES, at=2 * rate, rate=rate, channels=2) + 0.1 * SOUND
    content = media.make(kind, click, rate=rate)
    whole = samples(content)

    heard = samples(spoilt(content))

    assert heard.shape == whole.shape
    assert abs(measure.peak(heard.astype(np.float32)) - measure.peak(whole.astype(np.float32))) <= 1


def spoilt(content: bytes) -> bytes:
    """Break three packets in the first half so that none of them can be decoded."""
    changed = bytearray(content)
    with open_track(MemorySource(content), 1) as (container, stream):
        packets = [(packet.pos, packet.size) for packet in container.demux(stream) if packet.size]
    for at, size in packets[10:13]:
        assert at is not None
        payload = content.index(bytes_of(content, at, size), at)
        changed[payload : payload + size] = b"\xff" * size
    return bytes(changed)


def bytes_of(content: bytes, at: int, size: int) -> bytes:
    with open_track(MemorySource(content), 1) as (container, stream):
        for packet in container.demux(stream):
            if packet.pos == at and packet.size == size:
                return bytes(packet)
    raise AssertionError


def test_an_empty_first_packet_leaves_silence() -> None:
    """As cameras write: a fill element alone, for which the decoder gives nothing."""
    bare = media.encode(
        replace(media.RECIPES["m4a"], container_options={"use_editlist": "0"}), SOUND, rate=RATE
    )
    at = bare.index(b"mdat") + 4
    (size,) = struct.unpack_from(">I", bare, bare.index(b"stsz") + 12)
    broken = bare[:at] + b"\xff" * size + bare[at + size :]

    assert samples(broken).shape == samples(bare).shape
    assert not samples(broken)[:, :1024].any()


def test_a_file_without_a_stated_length_is_counted() -> None:
    for kind in ("mp3-bare", "adts", "ts-aac", "ac3", "flv-aac", "mka-opus"):
        rate = 48_000 if "opus" in kind else RATE
        content = media.make(kind, SOUND, rate=rate)
        facts = survey(MemorySource(content), exact=True)

        assert (facts.exact, facts.samples) == (True, samples(content).shape[1])


def test_a_boast_is_not_believed() -> None:
    content = media.boasting_mp3(10**9)
    facts = survey(MemorySource(content), exact=True)

    assert not survey(MemorySource(content)).exact
    assert (facts.exact, facts.samples) == (True, samples(content).shape[1])


def test_flac_headers_are_read_as_the_rfc_has_them() -> None:
    """RFC 9639 appendix D.2 and D.3: whole files with each bit explained."""
    assert flac.read_header(bytes.fromhex("fff869180000bf0358fd0312")) == flac.FrameHeader(
        samples=1, number=0, counts_samples=False
    )
    assert flac.read_header(bytes.fromhex("fff86998000f9912")) == flac.FrameHeader(
        samples=16, number=0, counts_samples=False
    )
    assert flac.read_header(bytes.fromhex("fff86998000f9812")) is None
    assert flac.read_header(b"\xff\xf8") is None
    assert flac.read_header(b"RIFF....") is None


@pytest.mark.parametrize("frame", [16, 192, 576, 4096, 4608, 1000, 65_535])
def test_the_last_frame_of_a_flac_tells_where_it_ends(frame: int) -> None:
    recipe = replace(media.RECIPES["flac"], codec_options={"frame_size": str(frame)})
    content = media.encode(recipe, SOUND[:, : RATE + 7], rate=RATE)

    assert flac.last_sample(MemorySource(content), content[8:42]) == RATE + 7
    assert flac.last_sample(MemorySource(content[:4000]), content[8:42]) != RATE + 7
    assert flac.last_sample(MemorySource(content), b"") is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e17, 3e38])
@pytest.mark.parametrize("query", ["f=aac", "f=m4a", "f=mp3", "f=hls-aac", "f=wav-riff&norm=-16"])
def test_samples_that_are_no_numbers_cost_nothing_but_themselves(query: str, value: float) -> None:
    sound = synth.tone(2 * RATE, rate=RATE)
    spoilt_sound = sound.copy()
    spoilt_sound[0, 1000] = value
    content = media.make("wav-float", spoilt_sound, rate=RATE)

    if "hls" in query:
        assert make_stream(query, content)[1].duration == 2
        return
    later = slice(RATE, 2 * RATE - 3000)
    clean, heard = make(query, media.make("wav-float", sound, rate=RATE)), make(query, content)
    assert measure.level(heard.sound[:, later]) > 0.05 * measure.level(clean.sound[:, later])


@pytest.mark.parametrize("kind", ["mp3", "mp3-vbr", "mp3-bare", "adts", "ts-mp2"])
@pytest.mark.parametrize(
    "behind",
    [
        bytes(5000),
        b"TAG" + b"x" * 125,
        b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0) + bytes(8),
        b"<html>" * 100,
    ],
    ids=["zeros", "id3v1", "ape", "html"],
)
def test_garbage_behind_a_file_counts_for_nothing(kind: str, behind: bytes) -> None:
    content = made(kind)
    clean = samples(content)

    heard = samples(content + behind)

    facts = survey(MemorySource(content + behind), exact=True)
    assert facts.samples == heard.shape[1]
    # The padding that a LAME header states may be looked for in the garbage.
    assert 0 <= heard.shape[1] - clean.shape[1] <= 1152
    assert np.array_equal(heard[:, : clean.shape[1]], clean)
