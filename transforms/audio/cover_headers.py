"""
What a picture's first bytes say of it: which codec, and how large the decoder would make it.

A decoder is not asked, because asking it is running it. Numbers of a header are claims; whoever
decodes bounds the decoder by them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

# Beginnings of files: ISO 10918-1 B.1.1.3, ISO 15948 5.2, GIF89a 17, and BMP's two letters.
_BEGINNINGS = {b"\xff\xd8\xff": "mjpeg", b"\x89PNG\r\n\x1a\n": "png", b"GIF8": "gif", b"BM": "bmp"}

CODECS = (*_BEGINNINGS.values(), "webp")

# Frame headers of ISO 10918-1, table B.1: all of SOF0 to SOF15 but three other markers.
_SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}

# RFC 9649, 2.4: "RIFF", the size, "WEBP"; then the chunks.
_WEBP_CHUNKS = 12
_MOST_WEBP_CHUNKS = 64
_WEBP_SIDE = 0x3FFF


def codec_of(picture: bytes) -> str | None:
    """Tell which of ``CODECS`` a picture is for."""
    if picture.startswith(b"RIFF") and picture[8:_WEBP_CHUNKS] == b"WEBP":
        return "webp"
    return next((name for start, name in _BEGINNINGS.items() if picture.startswith(start)), None)


def claimed_size(codec: str, picture: bytes) -> tuple[int, int]:
    """
    Read the width and height in pixels, 0 where none is said.

    Raises:
        ValueError: It breaks off before.
    """
    try:
        match codec:
            case "png":
                width, height = struct.unpack_from(">II", picture, 16)
            case "gif":
                width, height = struct.unpack_from("<HH", picture, 6)
            case "bmp":
                width, height = struct.unpack_from("<ii", picture, 18)
            case "webp":
                # The canvas and the picture on it may contradict each other.
                widths, heights = zip((0, 0), *_webp_sizes(picture), strict=True)
                width, height = max(widths), max(heights)
            case _:
                width, height = next(_jpeg_sizes(picture), (0, 0))
    except struct.error as problem:
        raise ValueError("a picture that breaks off in its header") from problem
    return width, abs(height)


def _jpeg_sizes(picture: bytes) -> Iterator[tuple[int, int]]:
    """Walk the marker segments (ISO 10918-1, B.1.1.4) up to the frame header."""
    at = 2
    while at + 9 <= len(picture) and picture[at] == 0xFF:
        marker = picture[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", picture, at + 2)
        if marker in _SOF:
            height, width = struct.unpack_from(">HH", picture, at + 5)
            yield width, height
        at += 2 + length


def _webp_sizes(picture: bytes) -> Iterator[tuple[int, int]]:
    """Read the sizes in a canvas's, a lossy and a lossless chunk (RFC 9649, 2.5 to 2.7)."""
    at = _WEBP_CHUNKS
    for _ in range(_MOST_WEBP_CHUNKS):
        if at + 8 > len(picture):
            return
        kind, length = struct.unpack_from("<4sI", picture, at)
        match kind:
            case b"VP8X":
                low_width, high_width, low_height, high_height = struct.unpack_from(
                    "<HBHB", picture, at + 12
                )
                yield 1 + low_width + (high_width << 16), 1 + low_height + (high_height << 16)
            case b"VP8 ":
                # RFC 6386, 9.1: a tag, a start code, then 14 bits of each, and two of scaling.
                width, height = struct.unpack_from("<HH", picture, at + 14)
                yield width & _WEBP_SIDE, height & _WEBP_SIDE
            case b"VP8L":
                (bits,) = struct.unpack_from("<I", picture, at + 9)
                yield 1 + (bits & _WEBP_SIDE), 1 + (bits >> 14 & _WEBP_SIDE)
            case _:
                pass
        at += 8 + length + length % 2
