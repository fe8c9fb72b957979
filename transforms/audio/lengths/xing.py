"""
An MP3's Xing header, and whether what it counts can be taken for the file's length.

Encoders write it last and sign it: LAME and libav end it with a checksum of itself (Gabriel
Bouvigne's "Mp3 Info Tag revision 1"). What is signed, counts every byte that is there and says
what frames here and there look like is believed; a count that has been changed, files put
together, cut ones and those with holes are not, and have to be counted.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

from transforms.audio.lame_tag import crc16
from transforms.rates import layer3_kbps
from transforms.sources import Source

_SEARCH_BYTES = 2048
_ID3_BYTES = 10
_MOST_TAGS = 16

# From the name on: Xing's own fields end with LAME's, whose last is the checksum of all before it.
_CHECKSUM_AT = 154
_VERSION_AT = 120

# libav sums so many bytes wherever the checksum is, which is their end in one layout only.
_SUMMED_BY_LIBAV = 190

_FRAMES_AND_BYTES = 3

# ID3v1 and the footer of APEv2, which counts itself and what is before it, but not its header.
_ID3V1_BYTES = 128
_APE_BYTES = 32
_APE_HAS_HEADER = 1 << 31

# How many places frames are looked at in, and how much at each: some of the largest.
_PLACES = 5
_WINDOW_BYTES = 8192

# What is seen in a few places may differ so much from the whole of a variable stream.
_LIKELY = Fraction(5, 3)
_LARGEST_FRAME_BYTES = 1441


@dataclass(frozen=True, slots=True)
class Xing:
    """An MP3's Xing or Info header: where its frame starts, its flags and what it counts."""

    start: int
    flags: int
    frames: int
    size_bytes: int


def find_xing(source: Source) -> Xing | None:
    """
    Find an MP3's Xing header.

    The header is at a fixed place after the side information of the first frame; looking for its
    name there is enough, because libavformat has already parsed the frame.
    """
    start, window, at = _first_frame(source)
    if at < 0 or len(window) < at + 16:
        return None
    flags, frames, size = struct.unpack_from(">III", window, at + 4)
    return Xing(start, flags, frames, size)


def counts_all(source: Source, *, sample_rate_hz: int) -> bool:
    """Tell whether an MP3 has a Xing header that counts all its frames, as far as a look shows."""
    xing = find_xing(source)
    if xing is None or xing.flags & _FRAMES_AND_BYTES != _FRAMES_AND_BYTES or not xing.frames:
        return False
    end = _before_tags(source)
    if xing.size_bytes != end - xing.start or not _is_signed(source, sample_rate_hz):
        return False
    # One frame more than is counted, because the header is one too.
    seen = _frames_by_a_look(source, xing.start, end, sample_rate_hz)
    return seen is not None and seen / _LIKELY <= xing.frames + 1 <= seen * _LIKELY


def _first_frame(source: Source) -> tuple[int, bytes, int]:
    """Where the sound begins, what it begins with, and where in that Xing's name is, or -1."""
    start = _after_tags(source)
    window = source.read_at(start, min(_SEARCH_BYTES, max(0, source.size_bytes - start)))
    places = [at for name in (b"Xing", b"Info") if (at := window.find(name)) >= 0]
    return start, window, places[0] if places else -1


def _is_signed(source: Source, sample_rate_hz: int) -> bool:
    _, frame, name_at = _first_frame(source)
    at = name_at + _CHECKSUM_AT
    size = _frame_bytes(frame, 0, sample_rate_hz)
    if size is None or len(frame) < at + 2:
        return False
    signed = int.from_bytes(frame[at : at + 2], "big")
    if signed == crc16(frame[:at]):
        return True
    if not frame.startswith(b"Lav", name_at + _VERSION_AT):
        return False
    unsigned = frame[:at] + bytes(2) + frame[at + 2 : size]
    return signed == crc16(unsigned[:_SUMMED_BY_LIBAV].ljust(_SUMMED_BY_LIBAV, b"\0"))


def _frames_by_a_look(source: Source, start: int, end: int, sample_rate_hz: int) -> Fraction | None:
    """Estimate how many frames there are between two bytes; ``None`` where they do not follow."""
    like = source.read_at(start, 4)
    last = max(start, end - _WINDOW_BYTES)
    frames_a_byte = Fraction(0)
    for number in range(_PLACES):
        at = start + (last - start) * number // (_PLACES - 1)
        window = source.read_at(at, min(_WINDOW_BYTES, end - at))
        found = _run(window, like, sample_rate_hz)
        if found is None:
            return None
        frames, size = found
        frames_a_byte += Fraction(frames, size)
    return (end - start) * frames_a_byte / _PLACES


def _run(window: bytes, like: bytes, sample_rate_hz: int) -> tuple[int, int] | None:
    """Find frames that follow each other to the window's end; how many, and their bytes."""
    for begin in range(min(_LARGEST_FRAME_BYTES, len(window) - 3)):
        frames, at = 0, begin
        while at + 4 <= len(window):
            alike = not (window[at + 1] ^ like[1]) & 0xFE and not (window[at + 2] ^ like[2]) & 0x0C
            size = _frame_bytes(window, at, sample_rate_hz) if alike else None
            if size is None:
                break
            frames += 1
            at += size
        else:
            if frames:
                return frames, at - begin
    return None


def _frame_bytes(stream: bytes, at: int, sample_rate_hz: int) -> int | None:
    """ISO 11172-3 and 13818-3, section 2.4.2.3: a frame's size; ``None`` if it has no header."""
    if stream[at] != 0xFF or stream[at + 1] & 0xE0 != 0xE0:
        return None
    bitrates = sorted(layer3_kbps(sample_rate_hz))
    index = stream[at + 2] >> 4
    if not 1 <= index <= len(bitrates):
        return None
    factor = 144_000 if sample_rate_hz >= 32_000 else 72_000
    return factor * bitrates[index - 1] // sample_rate_hz + (stream[at + 2] >> 1 & 1)


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


def _before_tags(source: Source) -> int:
    """Tell where the sound ends: before ID3v1 and APEv2 tags."""
    end = source.size_bytes
    tail_at = max(0, end - _ID3V1_BYTES - _APE_BYTES)
    tail = source.read_at(tail_at, end - tail_at)
    if tail[-_ID3V1_BYTES:].startswith(b"TAG"):
        end -= _ID3V1_BYTES
        tail = tail[:-_ID3V1_BYTES]
    footer = tail[-_APE_BYTES:]
    if footer.startswith(b"APETAGEX") and len(footer) == _APE_BYTES:
        size, _, flags = struct.unpack_from("<III", footer, 12)
        end -= size + (_APE_BYTES if flags & _APE_HAS_HEADER else 0)
    return end
