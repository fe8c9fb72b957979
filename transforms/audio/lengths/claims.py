"""What a container says about a track's length, priming and padding, and how far to trust it."""

from __future__ import annotations

import re
import struct
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from transforms.audio import flac
from transforms.audio.lengths.xing import counts_all, find_xing
from transforms.audio.packets import OPUS
from transforms.plan import SourceFacts
from transforms.sources import Source

_WITHOUT_LENGTH = ("aac", "ac3", "amr", "dts", "eac3", "mpeg", "mpegts", "mpegvideo")
_MOVIE_UNITS = (1000, 600)
_ITUNSMPB = re.compile(r" ?[0-9A-F]{8} ([0-9A-F]{8}) [0-9A-F]{8} ([0-9A-F]{16})( .*)?", re.I)


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
    return "mp3" in names and counts_all(source, sample_rate_hz=stream.codec_context.sample_rate)
