"""
The headers of FLAC frames (RFC 9639 section 9.1): what a packet holds, and where a file ends.

A FLAC file states its length at the beginning, which a truncated, joined or hastily written one
does not keep; its last frame knows better, and is found in the last few kilobytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from transforms.sources import Source

_SYNC = b"\xff\xf8", b"\xff\xf9"
_LONGEST_HEADER_BYTES = 16
_TAIL_BYTES = 1 << 16
_LARGEST_TAIL_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameHeader:
    """``number`` counts frames of one length, or samples where frames are of any length."""

    samples: int
    number: int
    counts_samples: bool


def read_header(frame: bytes) -> FrameHeader | None:
    """Read the header at the beginning of *frame*; None if there is none whose checksum holds."""
    if len(frame) < 6 or frame[:2] not in _SYNC:
        return None
    # The number is coded as UTF-8 codes characters: a byte for each leading one.
    ones = 8 - (frame[4] ^ 0xFF).bit_length()
    if ones in (1, 8):
        return None
    at = 4 + max(1, ones)
    number = frame[4] & (0x7F >> ones)
    for byte in frame[5:at]:
        number = number << 6 | byte & 0x3F
    match frame[2] >> 4:
        case 0:
            return None
        case 1:
            samples, extra = 192, 0
        case code if code <= 5:
            samples, extra = 144 << code, 0
        case code if code >= 8:
            samples, extra = 1 << code, 0
        case code:
            extra = code - 5
            samples = int.from_bytes(frame[at : at + extra], "big") + 1
    # An unusual rate is spelled out, too.
    extra += {12: 1, 13: 2, 14: 2}.get(frame[2] & 15, 0)
    end = at + extra
    if len(frame) <= end or _checksum(frame[:end]) != frame[end]:
        return None
    return FrameHeader(samples=samples, number=number, counts_samples=frame[1] == 0xF9)


def last_sample(source: Source, stream_info: bytes) -> int | None:
    """
    Tell where a FLAC file's last frame ends, in samples; None if there is none to be found.

    Args:
        stream_info: The STREAMINFO block (RFC 9639 section 8.2), without its header.
    """
    if len(stream_info) < 34:
        return None
    length = int.from_bytes(stream_info[:2], "big")
    largest = int.from_bytes(stream_info[7:10], "big")
    wanted = min(max(_TAIL_BYTES, 2 * largest), _LARGEST_TAIL_BYTES, source.size_bytes)
    tail = source.read_at(source.size_bytes - wanted, wanted)
    at = len(tail)
    while (at := max(tail.rfind(sync, 0, at) for sync in _SYNC)) >= 0:
        header = read_header(tail[at : at + _LONGEST_HEADER_BYTES])
        if header is not None:
            first = header.number if header.counts_samples else header.number * length
            return first + header.samples
    return None


def _checksum(content: bytes) -> int:
    """CRC-8 with the polynomial x^8 + x^2 + x + 1, from 0."""
    found = 0
    for byte in content:
        found ^= byte
        for _ in range(8):
            found = (found << 1 ^ 0x07 if found & 0x80 else found << 1) & 0xFF
    return found
