"""
What a track is and how long it plays, without decoding it.

Two depths. From the header: milliseconds, and exact where the container's own count can be
trusted. From the packets: reads the whole file once, and is exact everywhere. What a header
claims is never billed; it only plans.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from transforms.audio.open import open_track
from transforms.plan import SourceFacts
from transforms.rates import layer3_kbps
from transforms.sources import Source

# Fixed frame lengths in samples: ISO 14496-3 (AAC), 11172-3 and 13818-3 (Layer II, III),
# ATSC A/52 (AC-3), 3GPP TS 26.071 and 26.171 (AMR).
_FRAME_SAMPLES = {
    **{"aac": 1024, "aac_latm": 1024, "mp2": 1152, "mp2float": 1152, "ac3": 1536},
    **{"amrnb": 160, "amrwb": 320, "libopencore_amrnb": 160, "libopencore_amrwb": 320},
    **{"mp1": 384, "mp1float": 384},
}
_WITHOUT_FRAMES = ("flac", "vorbis", "libvorbis", "wavpack", "tta", "alac")
_OPUS = ("opus", "libopus")
# Their packets carry exact durations, unless the container rounds them (Matroska: to 1 ms);
# those of the other codecs without fixed frames do not.
_COUNTED_BY_DURATION = ("flac", "vorbis", "libvorbis", "alac")
_WITHOUT_LENGTH = ("aac", "ac3", "amr", "dts", "eac3", "mpeg", "mpegts", "mpegvideo")
_XING_SEARCH_BYTES = 2048
_ITUNSMPB = re.compile(r" ?[0-9A-F]{8} ([0-9A-F]{8}) [0-9A-F]{8} ([0-9A-F]{16})( .*)?", re.I)

# RFC 6716 section 3.1, table 2: samples at 48 kHz in a frame, by the five configuration bits.
_OPUS_FRAME_SAMPLES = (
    *(480, 960, 1920, 2880) * 3,
    *(480, 960) * 2,
    *(120, 240, 480, 960) * 4,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketCount:
    """
    Every packet of a track, counted; ``samples`` without priming and padding.

    ``exact`` tells whether counting packets gives this codec's length to the sample.
    """

    packets: int
    samples: int
    exact: bool
    size_bytes: int
    smallest_bytes: int
    largest_bytes: int


def survey(source: Source, *, track: int = 1, exact: bool = False) -> SourceFacts:
    """
    Find out what one audio track is.

    Args:
        source: The bytes.

        track: Which audio track, from 1.

        exact: Read every packet where the header alone is not to be trusted.

    Raises:
        UnsupportedMedia: As ``open_track`` says.
    """
    with open_track(source, track) as (container, stream):
        facts = from_header(source, container, stream)
        if facts.exact or not exact:
            return facts
        count = count_packets(container, stream, facts)
    if not count.exact and facts.samples is not None:
        return facts
    return replace(facts, samples=count.samples, exact=count.exact)


def states_length(source: Source, facts: SourceFacts) -> bool:
    """Tell whether the file itself states how long it is; else libav has guessed."""
    if facts.container == "mp3":
        return _xing(source) is not None
    return facts.container not in _WITHOUT_LENGTH


def from_header(source: Source, container: InputContainer, stream: AudioStream) -> SourceFacts:
    """Say what the header alone tells; the duration is exact only where it can be trusted."""
    context = stream.codec_context
    samples = _claimed_samples(container, stream)
    exact = samples is not None and _claim_is_exact(source, container, stream)
    if samples is not None and context.codec.name.startswith("pcm_"):
        # A size field may claim more than there is; what there is begins at the first packet.
        there = source.size_bytes - (_first_packet_at(container, stream) if exact else 0)
        samples = min(samples, max(0, there) // max(1, _pcm_frame_bytes(stream)))
    return SourceFacts(
        container=container.format.name,
        codec=context.codec.name,
        sample_rate_hz=context.sample_rate,
        channels=context.channels,
        frame_samples=frame_samples(stream),
        samples=samples,
        exact=exact,
    )


def frame_samples(stream: AudioStream) -> int | None:
    """Samples a packet of this codec always holds, ``None`` for codecs without fixed frames."""
    context = stream.codec_context
    name = context.codec.name
    if name.startswith("pcm_") or name in _WITHOUT_FRAMES:
        return None
    if name in ("mp3", "mp3float"):
        return 1152 if context.sample_rate >= 32000 else 576
    if context.frame_size > 0:
        return context.frame_size
    if name in _OPUS:
        return 960
    return _FRAME_SAMPLES.get(name)


def count_packets(
    container: InputContainer, stream: AudioStream, facts: SourceFacts
) -> PacketCount:
    """Read every packet of a track; the container is at its end afterwards."""
    rate = facts.sample_rate_hz
    tick = (stream.time_base or Fraction(1, rate)) * rate
    packets = size = ticks = opus = skipped = largest = 0
    smallest = 0
    for packet in _packets(container, stream):
        packets += 1
        size += packet.size
        largest = max(largest, packet.size)
        smallest = packet.size if packets == 1 else min(smallest, packet.size)
        ticks += packet.duration or 0
        opus += _opus_samples(bytes(packet)) if facts.codec in _OPUS else 0
        if packet.has_sidedata("skip_samples"):
            skipped += sum(struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples"))))
    exact = True
    if facts.codec in _OPUS:
        whole = opus
    elif facts.frame_samples:
        # Where frames are fixed they are counted: MPEG-TS rounds durations to 1/90000 s.
        whole = packets * facts.frame_samples
    elif tick > 1 and facts.codec.startswith("pcm_"):
        whole = size // _pcm_frame_bytes(stream)
    else:
        whole = round(ticks * tick)
        exact = facts.codec.startswith("pcm_") or (
            tick <= 1 and facts.codec in _COUNTED_BY_DURATION
        )
    gapless = stated_gapless(container)
    samples = max(0, whole - (gapless[0] if gapless else skipped))
    if (gapless or is_mov(container)) and facts.samples:
        samples = min(samples, facts.samples)
    return PacketCount(
        packets=packets,
        samples=samples,
        exact=exact,
        size_bytes=size,
        smallest_bytes=smallest,
        largest_bytes=largest,
    )


def is_mov(container: InputContainer) -> bool:
    """Tell whether the container is of the QuickTime and MP4 family, with its edit lists."""
    return "mov" in container.format.name.split(",")


def stated_gapless(container: InputContainer) -> tuple[int, int] | None:
    """
    Read priming and length in samples from an ADTS file's ``iTunSMPB`` tag.

    libavformat reads this tag in MP4 only.
    """
    if container.format.name != "aac":
        return None
    match = _ITUNSMPB.fullmatch(container.metadata.get("iTunSMPB", ""))
    return (int(match[1], 16), int(match[2], 16)) if match else None


def _packets(container: InputContainer, stream: AudioStream) -> Iterator[av.Packet[AudioStream]]:
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except av.error.FFmpegError:
        # What a truncated or damaged file still holds has been counted.
        return


def _first_packet_at(container: InputContainer, stream: AudioStream) -> int:
    try:
        packet = next(container.demux(stream), None)
        container.seek(0)
    except av.error.FFmpegError:
        return 0
    return 0 if packet is None else max(0, packet.pos or 0)


def _claimed_samples(container: InputContainer, stream: AudioStream) -> int | None:
    rate = stream.codec_context.sample_rate
    if gapless := stated_gapless(container):
        return gapless[1] or None
    if stream.duration and stream.duration > 0 and stream.time_base:
        samples = round(stream.duration * stream.time_base * rate)
    elif container.duration and container.duration > 0:
        samples = round(Fraction(container.duration, av.time_base) * rate)
    else:
        return None
    if stream.codec_context.codec.name in _OPUS and not is_mov(container):
        samples -= _opus_pre_skip(stream)
    return samples if samples > 0 else None


def _opus_samples(packet: bytes) -> int:
    """RFC 6716 section 3.1: the first byte says how long frames are, and mostly how many."""
    frame = _OPUS_FRAME_SAMPLES[packet[0] >> 3]
    match packet[0] & 3:
        case 0:
            return frame
        case 3:
            return frame * (packet[1] & 0x3F) if len(packet) > 1 else 0
        case _:
            return 2 * frame


def _opus_pre_skip(stream: AudioStream) -> int:
    """RFC 7845 section 5.1: samples at 48 kHz to drop, at offset 10 of the OpusHead."""
    head = stream.codec_context.extradata
    if head is None or len(head) < 12 or head[:8] != b"OpusHead":
        return 0
    return int(struct.unpack_from("<H", head, 10)[0])


def _claim_is_exact(source: Source, container: InputContainer, stream: AudioStream) -> bool:
    names = container.format.name.split(",")
    codec = stream.codec_context.codec.name
    if "wav" in names or "w64" in names or "aiff" in names:
        return codec.startswith("pcm_")
    if "flac" in names or "ogg" in names:
        return True
    return "mp3" in names and _xing_agrees(source, stream)


def _xing_agrees(source: Source, stream: AudioStream) -> bool:
    """Tell whether the bytes that an MP3's Xing header counts are there, and make its frames."""
    xing = _xing(source)
    if xing is None:
        return False
    start, flags, frames, size = xing
    there = source.size_bytes - start
    if flags & 3 != 3 or not there * 0.99 <= size <= there:
        return False
    # One frame more than is counted, because the header is one too.
    rate = stream.codec_context.sample_rate
    bitrates = layer3_kbps(rate)
    seconds = Fraction((frames + 1) * (frame_samples(stream) or 0), rate)
    return min(bitrates) * 1000 * seconds <= size * 8 <= max(bitrates) * 1000 * seconds


def _xing(source: Source) -> tuple[int, int, int, int] | None:
    """
    Find an MP3's Xing header: where its frame starts, its flags, the frames and bytes it counts.

    The header is at a fixed place after the side information of the first frame; looking for its
    name there is enough, because libavformat has already parsed the frame.
    """
    head = source.read_at(0, min(10, source.size_bytes))
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        a, b, c, d = (byte & 0x7F for byte in head[6:10])
        start = 10 + (a << 21 | b << 14 | c << 7 | d)
    window = source.read_at(start, min(_XING_SEARCH_BYTES, max(0, source.size_bytes - start)))
    places = [at for name in (b"Xing", b"Info") if (at := window.find(name)) >= 0]
    if not places or len(window) < places[0] + 16:
        return None
    flags, frames, size = struct.unpack_from(">III", window, places[0] + 4)
    return start, flags, frames, size


def _pcm_frame_bytes(stream: AudioStream) -> int:
    context = stream.codec_context
    bits = {"alaw": 8, "mulaw": 8}.get(context.codec.name.removeprefix("pcm_"))
    if bits is None:
        digits = "".join(c for c in context.codec.name.removeprefix("pcm_")[1:3] if c.isdigit())
        bits = int(digits) if digits else 8
    return context.channels * bits // 8
