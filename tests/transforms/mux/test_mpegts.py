"""MPEG-TS segments: read byte by byte here, and by libav, which must get back what went in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import aac, measure
from tests.support.aac import FRAME, Stream
from transforms.mux.mpegts import TsMuxer, crc32_mpeg2

PAT, PMT, AUDIO = 0, 0x1000, 0x100
PCR_HZ, PTS_HZ = 27_000_000, 90_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TsPacket:
    """One transport packet (ISO 13818-1, 2.4.3.2 and 2.4.3.4)."""

    pid: int
    unit_start: bool
    counter: int
    random_access: bool
    discontinuity: bool
    pcr: int | None
    payload: bytes


@dataclass(slots=True, kw_only=True)
class Pes:
    """One PES packet, and in which transport packet each byte of it ends up."""

    pts: int
    content: bytes
    ends: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    def place_of(self, byte: int) -> int:
        return self.places[bisect_left(self.ends, byte + 1)]


def read(content: bytes) -> list[TsPacket]:
    assert len(content) % 188 == 0
    return [_packet(content[at : at + 188]) for at in range(0, len(content), 188)]


def _packet(raw: bytes) -> TsPacket:
    assert raw[0] == 0x47, "the sync byte"
    assert raw[1] & 0xA0 == 0, "no error, no priority"
    assert raw[3] & 0xD0 == 0x10, "clear, and with a payload"
    flags, pcr, begin = 0, None, 4
    if raw[3] & 0x20:
        length = raw[4]
        begin = 5 + length
        assert length <= 182
        flags = raw[5] if length else 0
        assert flags & 0x2F == 0, "nothing but what is read here"
        used = 1 if length else 0
        if flags & 0x10:
            field_ = int.from_bytes(raw[6:12], "big")
            assert field_ >> 9 & 0x3F == 0x3F, "reserved bits"
            assert field_ & 0x1FF < 300
            pcr = (field_ >> 15) * 300 + (field_ & 0x1FF)
            used += 6
        assert set(raw[5 + used : begin]) <= {0xFF}, "stuffing"
    return TsPacket(
        pid=(raw[1] & 0x1F) << 8 | raw[2],
        unit_start=bool(raw[1] & 0x40),
        counter=raw[3] & 15,
        random_access=bool(flags & 0x40),
        discontinuity=bool(flags & 0x80),
        pcr=pcr,
        payload=raw[begin:],
    )


def pes_packets(packets: Sequence[TsPacket]) -> list[Pes]:
    """Put the PES packets together again, their headers checked (2.4.3.6)."""
    made: list[Pes] = []
    length = 0
    for number, packet in enumerate(packets):
        if packet.pid != AUDIO:
            continue
        body = packet.payload
        if packet.unit_start:
            assert not made or length == len(made[-1].content), "PES_packet_length"
            assert body[:4] == b"\x00\x00\x01\xc0"
            assert body[6:9] == b"\x84\x80\x05", "aligned, a PTS alone"
            assert packet.random_access and packet.pcr is not None
            length = int.from_bytes(body[4:6], "big") - 8
            made.append(Pes(pts=_pts(body[9:14]), content=b""))
            body = body[14:]
        made[-1].content += body
        made[-1].ends.append(len(made[-1].content))
        made[-1].places.append(number)
    assert not made or length == len(made[-1].content)
    return made


def _pts(raw: bytes) -> int:
    bits = int.from_bytes(raw, "big")
    assert bits >> 36 == 2 and bits >> 32 & 1 == bits >> 16 & 1 == bits & 1 == 1, "marker bits"
    return (bits >> 33 & 7) << 30 | (bits >> 17 & 0x7FFF) << 15 | bits >> 1 & 0x7FFF


def frames_of(pes: Pes) -> Iterator[tuple[int, bytes]]:
    """Where each ADTS frame ends within a PES packet, and the frame."""
    at = 0
    while at < len(pes.content):
        size = int.from_bytes(pes.content[at + 3 : at + 6], "big") >> 5 & 0x1FFF
        yield at + size, pes.content[at : at + size]
        at += size
    assert at == len(pes.content), "whole frames"


def exact_pts(packet: int, rate: int) -> Fraction:
    """When packet *packet* is played, in 90 kHz ticks."""
    return PTS_HZ * (10 + Fraction((packet - 1) * FRAME, rate))


def assert_flawless(packets: Sequence[TsPacket], stream: Stream, first: int = 0) -> None:
    """What must hold of any segments of ours, joined."""
    rate = stream.encoding.sample_rate_hz
    for pid in (PAT, PMT):
        counters = [packet.counter for packet in packets if packet.pid == pid]
        assert [(counters[0] + n) % 16 for n in range(len(counters))] == counters
    begins = [n for n, packet in enumerate(packets) if packet.pid == PAT]
    for begin, end in pairwise([*begins, len(packets)]):
        counters = [packet.counter for packet in packets[begin + 2 : end]]
        assert [n % 16 for n in range(len(counters))] == counters
        if sum(len(packet.payload) for packet in packets[begin + 2 : end]) >= 100:
            assert counters[-1] == 15
    assert {PAT, PMT, AUDIO} == {packet.pid for packet in packets}
    assert not any(packet.discontinuity for packet in packets)

    pcrs = [(n, packet.pcr) for n, packet in enumerate(packets) if packet.pcr is not None]
    steps = [b - a for (_, a), (_, b) in pairwise(pcrs)]
    assert all(0 < step <= PCR_HZ // 10 for step in steps), "2.7.2"
    due = dict(pcrs)
    packet = first
    frames: list[bytes] = []
    pes_s = pes_packets(packets)
    for pes in pes_s:
        assert round(exact_pts(packet, rate)) == pes.pts
        for end, frame in frames_of(pes):
            place = pes.place_of(end - 1)
            later = next((due[n] for n in range(place + 1, len(packets)) if n in due), 0)
            assert later <= exact_pts(packet, rate) * 300, "a frame is there before it is played"
            frames.append(frame)
            packet += 1
    assert list(map(stream.with_header, stream.packets[first:packet])) == frames
    assert all(b.pts - a.pts <= PTS_HZ * 7 // 10 for a, b in pairwise(pes_s)), "2.7.4"


@settings(max_examples=60, deadline=None)
@given(aac.segmentations())
def test_joined_segments_are_one_flawless_stream(drawn: tuple[Stream, list[int]]) -> None:
    stream, cuts = drawn

    segments = stream.segments(TsMuxer(stream.encoding), cuts)

    packets = read(b"".join(segments))
    assert_flawless(packets, stream)
    assert sum(1 for pes in pes_packets(packets) for _ in frames_of(pes)) == len(stream.packets)
    assert len(cuts) + 1 == len([packet for packet in packets if packet.pid == PAT])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.integers(1, 40), st.integers(1, 1536)), min_size=1, max_size=250),
    st.sampled_from(aac.RATES),
    st.integers(0, 1 << 40),
)
@example(sizes=[1536] * 200, rate=96000, first=0)  # More than a PES packet's length can say.
def test_packets_of_any_size_and_place_make_a_legal_stream(
    sizes: list[int], rate: int, first: int
) -> None:
    packets = tuple(bytes([n % 256]) * size for n, size in enumerate(sizes))
    stream = replace(aac.encode("silence", 1, rate=rate), packets=packets)
    middle = len(packets) // 2
    muxer = TsMuxer(stream.encoding)

    made = muxer.segment(packets[:middle], number=0, first_packet=0) if middle else b""
    made += muxer.segment(packets[middle:], number=1 if middle else 0, first_packet=middle)
    late = TsMuxer(stream.encoding).segment(packets, number=3, first_packet=first)

    assert_flawless(read(made), stream)
    wrapped = pes_packets(read(late))
    assert round(exact_pts(first, rate)) % (1 << 33) == wrapped[0].pts
    assert list(packets) == [frame[7:] for pes in wrapped for _, frame in frames_of(pes)]


def test_pcr_and_pts_wrap_where_they_must() -> None:
    stream = aac.encode("noise", 48_000)
    first = (1 << 33) * 48_000 // PTS_HZ // FRAME - 468 - 20

    packets = read(TsMuxer(stream.encoding).segment(stream.packets, number=0, first_packet=first))

    pcrs = [packet.pcr for packet in packets if packet.pcr is not None]
    steps = [(b - a) % ((1 << 33) * 300) for a, b in pairwise(pcrs)]
    times = [pes.pts for pes in pes_packets(packets)]
    assert max(pcrs) > min(pcrs) + (1 << 32) * 300
    assert times[0] > times[-1]
    assert all(0 < step <= PCR_HZ // 10 for step in steps)


def test_crc_is_that_of_the_standard() -> None:
    assert crc32_mpeg2(b"123456789") == 0x0376E6E7


@pytest.mark.parametrize("number", [0, 1, 17])
def test_each_segment_begins_with_its_tables(number: int) -> None:
    stream = aac.encode("noise", 60_000)
    segment = stream.segments(TsMuxer(stream.encoding), range(3, 57, 3))[number]

    pat, pmt, audio = read(segment)[:3]

    counter = number % 16
    assert (PAT, True, counter) == (pat.pid, pat.unit_start, pat.counter)
    assert (PMT, True, counter) == (pmt.pid, pmt.unit_start, pmt.counter)
    assert (audio.pid, audio.unit_start, audio.random_access) == (AUDIO, True, True)
    # Pointer; table 0, 13 bytes; stream 1, version 0, current; section 0 of 0; program 1, PMT.
    assert bytes.fromhex("00 00b00d 0001c1 0000 0001f000") == pat.payload[:13]
    # Table 2, 18 bytes; program 1; PCR on the audio PID; ADTS (0x0F) on it; no descriptors.
    expected = bytes.fromhex("00 02b012 0001c1 0000 e100f000 0fe100f000")
    assert expected == pmt.payload[:18]
    for table, size in ((pat, 17), (pmt, 22)):
        assert crc32_mpeg2(table.payload[1:size]) == 0, "a section with its CRC has the CRC 0"
        assert set(table.payload[size:]) == {0xFF}


@settings(max_examples=40, deadline=None)
@given(aac.segmentations())
def test_libav_gets_back_every_packet_at_its_time(drawn: tuple[Stream, list[int]]) -> None:
    stream, cuts = drawn
    rate = stream.encoding.sample_rate_hz

    content = b"".join(stream.segments(TsMuxer(stream.encoding), cuts))
    packets = aac.packets_of(content, "mpegts")

    assert list(map(stream.with_header, stream.packets)) == list(map(bytes, packets))
    # Within a PES packet libav counts on in durations that it rounds to ticks.
    counted = [n for pes in pes_packets(read(content)) for n, _ in enumerate(frames_of(pes))]
    for number, (packet, since) in enumerate(zip(packets, counted, strict=True)):
        assert packet.pts is not None
        assert abs(packet.pts - exact_pts(number, rate)) <= Fraction(1, 2) + since


@settings(max_examples=25, deadline=None)
@given(aac.segmentations())
def test_joined_segments_decode_as_one_stream(drawn: tuple[Stream, list[int]]) -> None:
    stream, cuts = drawn

    joined = aac.decoded(b"".join(stream.segments(TsMuxer(stream.encoding), cuts)), "mpegts")

    np.testing.assert_array_equal(stream.decoded(), joined)


@pytest.mark.parametrize(("rate", "channels", "bps"), [(48000, 2, 96_000), (8000, 1, 16_000)])
def test_each_segment_decodes_alone(rate: int, channels: int, bps: int) -> None:
    stream = aac.encode("sweep", 100_001, rate=rate, channels=channels, bps=bps)
    whole = stream.decoded()
    cuts = [20, 47, 90]

    for segment, first, end in zip(
        stream.segments(TsMuxer(stream.encoding), cuts), [0, *cuts], [*cuts, 99], strict=True
    ):
        alone = aac.decoded(segment, "mpegts")
        part = whole[:, first * FRAME : end * FRAME]
        assert part.shape == alone.shape
        # The first frame lacks what the one before would have added to it.
        assert measure.snr_db(part[:, FRAME:], alone[:, FRAME:]) > 25


def complaints(content: bytes) -> list[str]:
    """What libav says against a stream; it tells broken continuity to those who debug only."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.DEBUG)
    try:
        with av.logging.Capture() as said:
            aac.packets_of(content, "mpegts")
    finally:
        av.logging.set_level(level)
    return [text for severity, _, text in said if severity <= 24 or "ontinuity" in text]


def test_libav_has_no_complaint_at_any_rate() -> None:
    for rate in aac.RATES:
        stream = aac.encode("noise", 30_000, rate=rate, channels=1, bps=32_000)
        first, *others = stream.segments(TsMuxer(stream.encoding), [5, 12, 20])

        assert complaints(first + b"".join(others)) == []
        assert complaints(first + b"".join(others[1:])) != []


def test_packets_past_the_end_of_the_sound_are_left_out() -> None:
    stream = aac.encode("noise", 10_000)
    padded = (*stream.packets, stream.packets[-1], stream.packets[-1])
    muxer = TsMuxer(stream.encoding)

    made = muxer.segment(
        padded, number=0, first_packet=0, padding_samples=stream.padding + 2 * FRAME
    )

    assert TsMuxer(stream.encoding).segment(stream.packets, number=0, first_packet=0) == made


def test_a_segment_follows_from_its_packets_and_its_place_alone() -> None:
    stream = aac.encode("noise", 60_000, rate=44100)
    _, second = stream.segments(TsMuxer(stream.encoding), [31])

    alone = TsMuxer(stream.encoding).segment(
        stream.packets[31:], number=1, first_packet=31, padding_samples=stream.padding
    )

    assert second == alone


@pytest.mark.parametrize(
    ("bps", "most_percent"), [(32_000, 27.0), (96_000, 9.0), (256_000, 5.5), (576_000, 5.0)]
)
def test_the_container_costs_little(bps: int, most_percent: float) -> None:
    stream = aac.encode("noise", 48_000 * 12, bps=bps)

    segments = stream.segments(TsMuxer(stream.encoding), [281])

    raw = sum(map(len, stream.packets))
    assert 100 * (sum(map(len, segments)) / raw - 1) <= most_percent


def test_there_is_no_initialization_section() -> None:
    muxer = TsMuxer(aac.encoding())

    assert (muxer.initialisation(), muxer.extension, muxer.media_type) == (None, "ts", "video/mp2t")
