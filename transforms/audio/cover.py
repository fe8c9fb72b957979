"""
Cover art: the picture embedded in a file, made into a JPEG of ours.

It is never passed through. A picture is whatever somebody put there: its type is told from its
first bytes, its size is read from its header before a decoder sees it, and what is served was
written by our encoder, without the metadata that came along.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction

import av
from av.codec import CodecContext
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from transforms.audio.open import demux, open_container
from transforms.problems import UnsupportedMedia
from transforms.sources import Source

LONGEST_SIDE = 640

# What an attached picture may cost to look at.
_MOST_BYTES = 32 << 20
_MOST_SIDE = 8_000
_MOST_PIXELS = 40_000_000

_FRONT = "Cover (front)"
_JPEG_QUALITY = 3

# Beginnings of files: ISO 10918-1 B.1.1.3, ISO 15948 5.2, GIF89a 17, and BMP's two letters.
_DECODERS = {b"\xff\xd8\xff": "mjpeg", b"\x89PNG\r\n\x1a\n": "png", b"GIF8": "gif", b"BM": "bmp"}

# Frame headers of ISO 10918-1, table B.1: all of SOF0 to SOF15 but three other markers.
_SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def warm_covers() -> None:
    """Load the codecs that covers need."""
    for name in _DECODERS.values():
        CodecContext.create(name, "r")
    CodecContext.create("mjpeg", "w")


def is_cover(stream: VideoStream) -> bool:
    """Tell an attached picture from a film."""
    return bool(stream.disposition & Disposition.attached_pic)


def read_cover(source: Source) -> bytes:
    """
    Make a JPEG, at most ``LONGEST_SIDE`` pixels wide and high, of a file's cover.

    The front cover if there are several, else the first; never enlarged.

    Raises:
        UnsupportedMedia: There is none (``no_cover``), or it cannot be made into one
            (``bad_cover``).
    """
    picture = _attached(source)
    name = next((codec for start, codec in _DECODERS.items() if picture.startswith(start)), None)
    if name is None:
        raise _bad("it is neither JPEG, PNG, GIF nor BMP")
    width, height = _size(name, picture)
    sides_fit = min(width, height) > 0 and max(width, height) <= _MOST_SIDE
    if not sides_fit or width * height > _MOST_PIXELS:
        raise _bad(f"it claims {width} by {height} pixels")
    try:
        return _encoded(_decoded(name, picture))
    except (av.error.FFmpegError, ValueError) as problem:
        raise _bad("it cannot be decoded") from problem


def _attached(source: Source) -> bytes:
    with open_container(source) as container:
        covers = [stream for stream in container.streams.video if is_cover(stream)]
        # A stable sort: the front cover goes before the others, which keep their order.
        covers.sort(key=lambda stream: stream.metadata.get("comment") != _FRONT)
        for stream in covers:
            packet = next((p for p in demux(container, stream) if p.size), None)
            if packet is not None and packet.size > _MOST_BYTES:
                raise _bad(f"it has {packet.size} bytes")
            if packet is not None:
                return bytes(packet)
    raise UnsupportedMedia("The file has no cover picture.", code="no_cover")


def _size(codec: str, picture: bytes) -> tuple[int, int]:
    try:
        match codec:
            case "png":
                width, height = struct.unpack_from(">II", picture, 16)
            case "gif":
                width, height = struct.unpack_from("<HH", picture, 6)
            case "bmp":
                width, height = struct.unpack_from("<ii", picture, 18)
            case _:
                return next(_jpeg_sizes(picture), (0, 0))
    except struct.error as problem:
        raise _bad("it breaks off in its header") from problem
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


def _decoded(codec: str, picture: bytes) -> VideoFrame:
    context = CodecContext.create(codec, "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    frames = [*context.decode(Packet(picture)), *context.decode(None)]
    if not frames:
        raise _bad("there is no picture in it")
    return frames[0]


def _encoded(frame: VideoFrame) -> bytes:
    scale = min(Fraction(1), Fraction(LONGEST_SIDE, max(frame.width, frame.height)))
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    scaled = frame.reformat(width=width, height=height, format="yuvj420p", interpolation="AREA")
    scaled.pts = 0
    context = CodecContext.create("mjpeg", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = width, height
    context.pix_fmt = "yuvj420p"
    context.time_base = Fraction(1, 25)
    context.qmin = context.qmax = _JPEG_QUALITY
    return b"".join(bytes(packet) for packet in [*context.encode(scaled), *context.encode(None)])


def _bad(why: str) -> UnsupportedMedia:
    return UnsupportedMedia(f"The cover picture cannot be used: {why}.", code="bad_cover")
