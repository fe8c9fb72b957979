"""What a container says about a track's length, priming and padding, and how far to trust it."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from transforms.audio import flac
from transforms.audio.packets import OPUS, frame_samples
from transforms.plan import SourceFacts
from transforms.rates import layer3_kbps
from transforms.sources import Source

_WITHOUT_LENGTH = ("aac", "ac3", "amr", "dts", "eac3", "mpeg", "mpegts", "mpegvideo")
_XING_SEARCH_BYTES = 2048
_ID3_BYTES = 10
_MOST_TAGS = 16
_MOVIE_UNITS = (1000, 600)
_ITUNSMPB = re.compile(r" ?[0-9A-F]{8} ([0-9A-F]{8}) [0-9A-F]{8} ([0-9A-F]{16})( .*)?", re.I)


@dataclass(frozen=True, slots=True)
class Xing:
    """An MP3's Xing or Info header: where its frame starts, its flags and what it counts."""

    start: int
    flags: int
    frames: int
    size_bytes: int


def states_length(source: Source, facts: SourceFacts) -> bool:
    """Tell whether the file itself states how long it is; else libav has guessed."""
    if facts.container == "mp3":
        return find_xing(source) is not None
    return facts.container not in _WITHOUT_LENGTH


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


def claim_is_exact(source: Source, container: InputContainer, stream: AudioStream) -> bool:
    """Tell whether what ``claimed_samples`` says is the length to the sample."""
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
    xing = find_xing(source)
    if xing is None:
        return False
    there = source.size_bytes - xing.start
    if xing.flags & 3 != 3 or not there * 0.99 <= xing.size_bytes <= there:
        return False
    # One frame more than is counted, because the header is one too.
    rate = stream.codec_context.sample_rate
    bitrates = layer3_kbps(rate)
    seconds = Fraction((xing.frames + 1) * (frame_samples(stream) or 0), rate)
    return min(bitrates) * 1000 * seconds <= xing.size_bytes * 8 <= max(bitrates) * 1000 * seconds


def find_xing(source: Source) -> Xing | None:
    """
    Find an MP3's Xing header.

    The header is at a fixed place after the side information of the first frame; looking for its
    name there is enough, because libavformat has already parsed the frame.
    """
    start = _after_tags(source)
    window = source.read_at(start, min(_XING_SEARCH_BYTES, max(0, source.size_bytes - start)))
    places = [at for name in (b"Xing", b"Info") if (at := window.find(name)) >= 0]
    if not places or len(window) < places[0] + 16:
        return None
    flags, frames, size = struct.unpack_from(">III", window, places[0] + 4)
    return Xing(start, flags, frames, size)


def _after_tags(source: Source) -> int:
    """Tell where the sound begins: behind as many ID3v2 tags (its section 3.1) as there are."""
    start = 0
    for _ in range(_MOST_TAGS):
        head = source.read_at(start, max(0, min(_ID3_BYTES, source.size_bytes - start)))
        if head[:3] != b"ID3" or len(head) < _ID3_BYTES:
            break
        a, b, c, d = (byte & 0x7F for byte in head[6:])
        start += _ID3_BYTES + (a << 21 | b << 14 | c << 7 | d)
    return start
