"""Fragmented MP4: boxes read by hand, and libav and our own reader getting back what went in."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext
from av.codec import CodecContext
from hypothesis import given, settings

from tests.support import aac, measure
from tests.support.aac import FRAME, Stream
from transforms.mux.fmp4 import Fmp4Muxer, audio_specific_config

CONTAINERS = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"mvex"}
CONTAINERS |= {b"moof", b"traf"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One box: its place in the tree, its place in the file, and what is in it."""

    path: str
    at: int
    body: bytes


def read(content: bytes, path: str = "", start: int = 0) -> Iterator[Box]:
    """Walk the boxes in order; each must end where the next begins (ISO 14496-12, 4.2)."""
    at = 0
    while at < len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        assert 8 <= size <= len(content) - at
        body = content[at + 8 : at + size]
        box = Box(path=f"{path}/{name.decode()}", at=start + at, body=body)
        yield box
        if name in CONTAINERS:
            yield from read(body, box.path, start + at + 8)
        at += size


def boxes(content: bytes) -> dict[str, Box]:
    """The boxes by path, each of which must be there once."""
    found = {box.path: box for box in read(content)}
    assert len(found) == len(list(read(content)))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """What one segment says about its samples (8.8.5, 8.8.7, 8.8.8, 8.8.12)."""

    sequence: int
    time: int
    durations: list[int]
    samples: list[bytes]


def fragment(content: bytes) -> Fragment:
    found = boxes(content)
    traf = "/moof/traf"
    assert [
        "/moof",
        "/moof/mfhd",
        traf,
        f"{traf}/tfhd",
        f"{traf}/tfdt",
        f"{traf}/trun",
        "/mdat",
    ] == [*found]
    flags, track, duration, sample_flags = struct.unpack(">4I", found[f"{traf}/tfhd"].body)
    assert (flags, track, duration, sample_flags) == (0x020028, 1, FRAME, 0x02000000)
    version, time = struct.unpack(">IQ", found[f"{traf}/tfdt"].body)
    assert version == 1 << 24
    trun = found[f"{traf}/trun"].body
    flags, count, offset = struct.unpack_from(">3I", trun)
    fields = np.frombuffer(trun[12:], ">u4").reshape(count, -1).tolist()
    assert (flags, len(trun)) in ((0x201, 12 + 4 * count), (0x301, 12 + 8 * count))
    assert offset == found["/mdat"].at + 8, "from the first byte of moof"
    sizes = [row[-1] for row in fields]
    ends = list(accumulate(sizes, initial=0))
    mdat = found["/mdat"].body
    assert ends[-1] == len(mdat)
    return Fragment(
        sequence=struct.unpack(">II", found["/moof/mfhd"].body)[1],
        time=time,
        durations=[row[0] if len(row) == 2 else duration for row in fields],
        samples=[mdat[ends[n] : ends[n + 1]] for n in range(count)],
    )


def descriptor(tag: int, body: bytes) -> bytes:
    """A descriptor as most writers have it, which mux.js counts on: a length of four bytes."""
    return bytes((tag, 0x80, 0x80, 0x80, len(body))) + body


def whole(stream: Stream, cuts: Sequence[int] = ()) -> bytes:
    """Mux a stream into its initialization section and all its segments."""
    muxer = Fmp4Muxer(stream.encoding)
    return muxer.initialisation() + b"".join(stream.segments(muxer, cuts))


def test_the_initialization_section_has_what_cmaf_wants_and_no_sample() -> None:
    found = boxes(Fmp4Muxer(aac.encoding()).initialisation())

    trak = "/moov/trak"
    mdia, minf = f"{trak}/mdia", f"{trak}/mdia/minf"
    stbl = f"{minf}/stbl"
    expected = [
        *("/ftyp", "/moov", "/moov/mvhd", trak, f"{trak}/tkhd", f"{trak}/edts"),
        *(f"{trak}/edts/elst", mdia, f"{mdia}/mdhd", f"{mdia}/hdlr", minf, f"{minf}/smhd"),
        *(f"{minf}/dinf", f"{minf}/dinf/dref", stbl, f"{stbl}/stsd", f"{stbl}/stts"),
        *(f"{stbl}/stsc", f"{stbl}/stsz", f"{stbl}/stco", "/moov/mvex", "/moov/mvex/trex"),
    ]
    assert expected == list(found)
    assert found["/ftyp"].body == b"iso6\0\0\0\0" + b"iso6mp41cmfc"
    assert struct.unpack(">I4I", found["/moov/mvex/trex"].body[:20]) == (0, 1, 1, FRAME, 0)
    for name, size in {"stts": 8, "stsc": 8, "stsz": 12, "stco": 8}.items():
        assert bytes(size) == found[f"{stbl}/{name}"].body
    flags, _, _, track = struct.unpack_from(">4I", found[f"{trak}/tkhd"].body)
    assert (flags, track) == (7, 1)
    assert (len(found[f"{trak}/tkhd"].body), len(found["/moov/mvhd"].body)) == (84, 100)
    assert found[f"{mdia}/hdlr"].body[8:12] == b"soun"


@pytest.mark.parametrize("rate", aac.RATES)
def test_the_edit_list_begins_after_the_priming_in_the_sample_rates_own_time(rate: int) -> None:
    found = boxes(Fmp4Muxer(aac.encoding(rate)).initialisation())

    # Version 0, one edit: of no stated length, from sample 1024 on, at normal speed.
    edit = struct.unpack(">IIIiI", found["/moov/trak/edts/elst"].body)
    assert edit == (0, 1, 0, 1024, 0x10000)
    # Version and flags, two dates, the timescale, no stated length.
    assert (0, 0, 0, rate, 0) == struct.unpack(">5I", found["/moov/mvhd"].body[:20])
    assert (0, 0, 0, rate, 0) == struct.unpack(">5I", found["/moov/trak/mdia/mdhd"].body[:20])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", aac.RATES)
def test_the_decoders_configuration_is_the_encoders(rate: int, channels: int) -> None:
    context = CodecContext.create("aac", "w")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate, context.format = rate, "fltp"
    context.layout = "mono" if channels == 1 else "stereo"
    context.open()

    encoding = aac.encoding(rate, channels, 64_000)

    assert context.extradata == audio_specific_config(encoding)
    sample = boxes(Fmp4Muxer(encoding).initialisation())["/moov/trak/mdia/minf/stbl/stsd"].body[8:]
    size, name, reference, count, bits, written = struct.unpack(">I4s6xH8xHH4xI", sample[:36])
    expected = (len(sample), b"mp4a", 1, channels, 16, (rate if rate < 65536 else 0) << 16)
    assert expected == (size, name, reference, count, bits, written)
    esds_size, esds = struct.unpack(">I4s", sample[36:44])
    assert (len(sample) - 36, b"esds") == (esds_size, esds)
    # Object type 0x40 in an audio stream, buffer, bitrates; then the configuration and SL 2.
    config = bytes((0x40, 0x15, 0, 3 * channels, 0)) + struct.pack(">II", 64_000, 64_000)
    config += descriptor(5, audio_specific_config(encoding))
    stream = descriptor(3, bytes(3) + descriptor(4, config) + descriptor(6, b"\x02"))
    assert bytes(4) + stream == sample[44:]


@settings(max_examples=60, deadline=None)
@given(aac.segmentations())
def test_fragments_follow_each_other_and_end_with_the_sound(
    drawn: tuple[Stream, list[int]],
) -> None:
    stream, cuts = drawn

    fragments = [fragment(s) for s in stream.segments(Fmp4Muxer(stream.encoding), cuts)]

    assert [part.sequence for part in fragments] == list(range(1, len(cuts) + 2))
    assert [part.time for part in fragments] == [FRAME * first for first in (0, *cuts)]
    ends = accumulate((sum(part.durations) for part in fragments), initial=0)
    assert [*(part.time for part in fragments), FRAME + stream.samples] == list(ends)
    assert list(stream.packets) == [sample for part in fragments for sample in part.samples]


@settings(max_examples=30, deadline=None)
@given(aac.segmentations())
def test_libav_gets_back_every_packet_and_hides_the_priming(
    drawn: tuple[Stream, list[int]],
) -> None:
    stream, cuts = drawn
    content = whole(stream, cuts)

    packets = aac.packets_of(content, "mp4")

    assert list(stream.packets) == list(map(bytes, packets))
    assert [FRAME * n for n in range(-1, len(packets) - 1)] == [packet.pts for packet in packets]
    last = packets[-1]
    assert last.pts is not None and last.duration is not None
    assert stream.samples == last.pts + last.duration
    # libav's own decoding honours the edit list, but plays the last frame to its end.
    np.testing.assert_array_equal(stream.decoded()[:, FRAME:], aac.decoded(content, "mp4"))


@pytest.mark.parametrize(("rate", "channels", "bps"), [(48000, 2, 96_000), (8000, 1, 16_000)])
def test_an_impulse_stays_where_it_was(rate: int, channels: int, bps: int) -> None:
    stream = aac.encode("burst", 70_001, rate=rate, channels=channels, bps=bps)

    decoded = aac.decoded(whole(stream, [10, 40]), "mp4")

    assert abs(measure.peak(decoded) - 35_000) <= 1


@pytest.mark.parametrize(("rate", "channels", "bps"), [(48000, 2, 96_000), (8000, 1, 16_000)])
def test_each_segment_decodes_alone_at_its_place(rate: int, channels: int, bps: int) -> None:
    stream = aac.encode("sweep", 100_001, rate=rate, channels=channels, bps=bps)
    cuts = [20, 47, 90]
    muxer = Fmp4Muxer(stream.encoding)
    start, everything = muxer.initialisation(), stream.decoded()

    for segment, first, end in zip(
        stream.segments(muxer, cuts), [0, *cuts], [*cuts, 99], strict=True
    ):
        packets = aac.packets_of(start + segment, "mp4")
        assert (first - 1) * FRAME == packets[0].pts
        # The first frame is priming, or lacks what the one before would have added to it.
        alone = aac.decoded(start + segment, "mp4")[:, -(end - first - 1) * FRAME :]
        part = everything[:, (first + 1) * FRAME : end * FRAME]
        assert part.shape == alone.shape
        assert measure.snr_db(part, alone) > 25


@pytest.mark.parametrize("whole_packets", [0, 1, 2])
def test_packets_past_the_end_of_the_sound_are_left_out(whole_packets: int) -> None:
    stream = aac.encode("noise", 10_000)
    packets = stream.packets + stream.packets[-1:] * whole_packets

    made = fragment(
        Fmp4Muxer(stream.encoding).segment(
            packets,
            number=0,
            first_packet=0,
            padding_samples=stream.padding + whole_packets * FRAME,
        )
    )

    assert list(stream.packets) == made.samples
    assert [FRAME] * 10 + [FRAME - stream.padding] == made.durations


def test_without_padding_durations_are_not_repeated() -> None:
    stream = aac.encode("noise", 10 * FRAME)

    (segment,) = stream.segments(Fmp4Muxer(stream.encoding), [])

    assert stream.padding == 0
    assert len(boxes(segment)["/moof/traf/trun"].body) == 12 + 4 * 11
    assert fragment(segment).durations == [FRAME] * 11


@pytest.mark.parametrize(
    ("bps", "most_percent"), [(32_000, 5.5), (96_000, 2.0), (256_000, 0.8), (576_000, 0.8)]
)
def test_the_container_costs_next_to_nothing(bps: int, most_percent: float) -> None:
    stream = aac.encode("noise", 48_000 * 12, bps=bps)

    segment, _ = stream.segments(Fmp4Muxer(stream.encoding), [281])

    assert 100 * (len(segment) / sum(map(len, stream.packets[:281])) - 1) <= most_percent


def test_a_segment_is_named_and_served_as_audio() -> None:
    muxer = Fmp4Muxer(aac.encoding())

    assert (muxer.extension, muxer.media_type) == ("m4s", "audio/mp4")
