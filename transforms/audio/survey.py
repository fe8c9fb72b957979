"""
What a track is and how long it plays, without decoding it.

Two depths. From the header: milliseconds, and exact where the container's own count can be
trusted. From the packets: reads the whole file once, and is exact everywhere. What a header
claims is never billed; it only plans.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from transforms.audio import flac
from transforms.audio.chain import links
from transforms.audio.layouts import channels_of
from transforms.audio.open import demux, open_track
from transforms.audio.packets import (
    OPUS,
    SELF_LIMITED,
    PacketLengths,
    frame_samples,
    pcm_frame_bytes,
    skipped,
)
from transforms.plan import SourceFacts
from transforms.problems import UnsupportedMedia
from transforms.rates import layer3_kbps
from transforms.sources import Source

_WITHOUT_LENGTH = ("aac", "ac3", "amr", "dts", "eac3", "mpeg", "mpegts", "mpegvideo")
_XING_SEARCH_BYTES = 2048

# Streams of frames that each begin with a sync word: decoding can begin with any of them.
_SELF_FRAMING = ("mp3", "aac", "ac3", "eac3")

# A landmark every 13 s of MP3 at 44.1 kHz, up to two hours and a quarter; then fewer.
_LANDMARK_PACKETS = 512
_MOST_LANDMARKS = 600
_MOVIE_UNITS = (1000, 600)
_ITUNSMPB = re.compile(r" ?[0-9A-F]{8} ([0-9A-F]{8}) [0-9A-F]{8} ([0-9A-F]{16})( .*)?", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketCount:
    """
    Every packet of a track, counted; ``samples`` without priming and padding.

    ``exact`` tells whether counting packets gives this codec's length to the sample.
    ``landmarks`` are as in ``SourceFacts``.
    """

    packets: int
    samples: int
    exact: bool
    size_bytes: int
    smallest_bytes: int
    largest_bytes: int
    landmarks: tuple[tuple[int, int], ...]


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
    first, *others = links(source)
    facts = _survey_link(first, track, exact=exact)
    if not others:
        return facts
    # In a chain every link has a rate of its own; the first one's is the chain's.
    length = facts.duration or Fraction(0)
    for link in others:
        with contextlib.suppress(UnsupportedMedia):
            length += _survey_link(link, track, exact=True).duration or 0
    return replace(facts, samples=round(length * facts.sample_rate_hz), exact=exact)


def _survey_link(source: Source, track: int, *, exact: bool) -> SourceFacts:
    with open_track(source, track) as (container, stream):
        facts = from_header(source, container, stream)
        if facts.exact or not exact:
            return facts
        count = count_packets(container, stream, facts)
    if not count.exact and facts.samples is not None:
        return facts
    marks = count.landmarks if count.exact else ()
    return replace(facts, samples=count.samples, exact=count.exact, landmarks=marks)


def states_length(source: Source, facts: SourceFacts) -> bool:
    """Tell whether the file itself states how long it is; else libav has guessed."""
    if facts.container == "mp3":
        return _xing(source) is not None
    return facts.container not in _WITHOUT_LENGTH


def from_header(source: Source, container: InputContainer, stream: AudioStream) -> SourceFacts:
    """Say what the header alone tells; the duration is exact only where it can be trusted."""
    context = stream.codec_context
    samples = claimed_samples(container, stream)
    exact = samples is not None and _claim_is_exact(source, container, stream)
    if samples is not None and context.codec.name.startswith("pcm_"):
        # A size field may claim more than there is; what there is begins at the first packet.
        there = source.size_bytes - (_first_packet_at(container, stream) if exact else 0)
        samples = min(samples, max(0, there) // max(1, pcm_frame_bytes(stream)))
    return SourceFacts(
        container=container.format.name,
        codec=context.codec.name,
        sample_rate_hz=context.sample_rate,
        channels=channels_of(context),
        frame_samples=frame_samples(stream),
        samples=samples,
        exact=exact,
    )


def count_packets(
    container: InputContainer, stream: AudioStream, facts: SourceFacts
) -> PacketCount:
    """Read every packet of a track; the container is at its end afterwards."""
    lengths = PacketLengths(stream)
    packets = size = whole = ticks = skip = ends = largest = last_samples = 0
    smallest = 0
    last_packet: av.Packet[AudioStream] | None = None
    changed = Fraction(0)
    exact = True
    gapless = stated_gapless(container)
    priming = gapless[0] if gapless else 0
    landmarks: list[tuple[int, int]] = []
    self_framing = container.format.name in _SELF_FRAMING
    for packet in _packets(container, stream):
        if self_framing and packets % _LANDMARK_PACKETS == 0 and packet.pos is not None:
            landmarks.append((whole - skip - priming, packet.pos))
        packets += 1
        size += packet.size
        largest = max(largest, packet.size)
        smallest = packet.size if packets == 1 else min(smallest, packet.size)
        held = lengths.of(packet)
        exact = exact and held is not None
        first, last = skipped(packet)
        skip += first
        last = 0 if facts.codec in SELF_LIMITED or not held else last
        if packet.is_discard:
            # Before the edit list's beginning: what is dropped with it need not be dropped again.
            skip = max(0, skip - (held or 0))
            continue
        ticks += packet.duration or 0
        rate = lengths.rate_hz(packet)
        if rate == facts.sample_rate_hz:
            whole += held or 0
        else:
            changed += Fraction((held or 0) * facts.sample_rate_hz, rate)
        ends += last
        last_samples, last_packet = held or 0, packet
    whole = whole + round(changed) if exact else round(lengths.in_samples(ticks))
    samples = max(0, whole - skip - ends - priming)
    if is_mov(container):
        cut = lengths.cut(last_packet) if last_packet is not None else None
        if cut is not None and cut < last_samples:
            samples -= last_samples - cut
        samples = stated_end(facts.samples, samples, facts.sample_rate_hz)
    if gapless:
        samples = min(samples, gapless[1] or samples)
    return PacketCount(
        packets=packets,
        samples=samples,
        exact=exact,
        size_bytes=size,
        smallest_bytes=smallest,
        largest_bytes=largest,
        landmarks=_thinned(landmarks[1:]) if not changed else (),
    )


def _thinned(landmarks: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Leave out as many as it takes to keep a day's as short as an hour's."""
    return tuple(landmarks[:: 1 + len(landmarks) // _MOST_LANDMARKS])


def is_mov(container: InputContainer) -> bool:
    """Tell whether the container is of the QuickTime and MP4 family, with its edit lists."""
    return "mov" in container.format.name.split(",")


def stated_gapless(container: InputContainer) -> tuple[int, int] | None:
    """
    Read priming and length in samples from an ``iTunSMPB`` tag.

    In MP4, libavformat has dropped the priming by this tag already, though not the padding.
    """
    mov = is_mov(container)
    if not mov and container.format.name != "aac":
        return None
    match = _ITUNSMPB.fullmatch(container.metadata.get("iTunSMPB", ""))
    if match is None:
        return None
    return 0 if mov else int(match[1], 16), int(match[2], 16)


def stated_end(edit_list: int | None, media: int, sample_rate_hz: int) -> int:
    """
    Decide where a track of an MP4 ends, in samples.

    Args:
        edit_list: Where its edit list says, which may count in coarse units.

        media: Where its packets end.

    Returns:
        The earlier of the two, but *media* where the edit list is nothing but its rounding:
        movies count in milliseconds or, in QuickTime's tradition, in 1/600 s.
    """
    if not edit_list:
        return media
    for unit in _MOVIE_UNITS:
        units = media * unit // sample_rate_hz
        roundings = (Fraction(count * sample_rate_hz, unit) for count in (units, units + 1))
        if any(abs(edit_list - rounding) < 1 for rounding in roundings):
            return media
    return min(edit_list, media)


def _packets(container: InputContainer, stream: AudioStream) -> Iterator[av.Packet[AudioStream]]:
    try:
        for packet in demux(container, stream):
            if packet.size:
                yield packet
    except av.error.FFmpegError:
        # What a truncated or damaged file still holds has been counted.
        return


def _first_packet_at(container: InputContainer, stream: AudioStream) -> int:
    try:
        packet = next(demux(container, stream), None)
        container.seek(0)
    except av.error.FFmpegError:
        return 0
    return 0 if packet is None else max(0, packet.pos or 0)


def claimed_samples(container: InputContainer, stream: AudioStream) -> int | None:
    """Tell how long the container says that a track plays."""
    rate = stream.codec_context.sample_rate
    if gapless := stated_gapless(container):
        return gapless[1] or None
    if stream.duration and stream.duration > 0 and stream.time_base:
        samples = round(stream.duration * stream.time_base * rate)
    elif container.duration and container.duration > 0:
        samples = round(Fraction(container.duration, av.time_base) * rate)
    else:
        return None
    if stream.codec_context.codec.name in OPUS and not is_mov(container):
        samples -= _opus_pre_skip(stream)
    return samples if samples > 0 else None


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
    if "flac" in names:
        ends = flac.last_sample(source, stream.codec_context.extradata or b"")
        return ends is not None and ends == claimed_samples(container, stream)
    if "ogg" in names:
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
