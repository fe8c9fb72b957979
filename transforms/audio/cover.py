"""
Cover art: the picture embedded in a file, made into a JPEG of ours.

It is never passed through. A picture is whatever somebody put there: its type is told from its
first bytes, its size is read from its header before a decoder sees it, and what is served was
written by our encoder, without the metadata that came along.
"""

from __future__ import annotations

from fractions import Fraction

import av
from av.codec import CodecContext
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from transforms.audio.cover_headers import CODECS, claimed_size, codec_of
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


def warm_covers() -> None:
    """Load the codecs that covers need."""
    for name in CODECS:
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
        UnsupportedMedia: The file cannot be read, has none (``no_cover``), or has one that cannot
            be made into a JPEG (``bad_cover``).
    """
    picture = _attached(source)
    name = codec_of(picture)
    if name is None:
        raise _bad("it is neither JPEG, PNG, GIF, BMP nor WebP")
    try:
        width, height = claimed_size(name, picture)
    except ValueError as problem:
        raise _bad("it breaks off in its header") from problem
    sides_fit = min(width, height) > 0 and max(width, height) <= _MOST_SIDE
    if not sides_fit or width * height > _MOST_PIXELS:
        raise _bad(f"it claims {width} by {height} pixels")
    try:
        return to_jpeg(_decoded(name, picture))
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


def _decoded(codec: str, picture: bytes) -> VideoFrame:
    context = CodecContext.create(codec, "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    # A decoder may find another size than the header had, and then it stops.
    context.options = {"max_pixels": str(_MOST_PIXELS)}
    frames = [*context.decode(Packet(picture)), *context.decode(None)]
    if not frames:
        raise _bad("there is no picture in it")
    return frames[0]


def to_jpeg(frame: VideoFrame) -> bytes:
    """
    Encode a picture, made smaller to ``LONGEST_SIDE`` if need be.

    Nothing was found that makes more than 600 KiB of it: noise in black and white and all colours
    makes most.

    Raises:
        FFmpegError: It cannot be scaled or encoded.
    """
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
    # With more threads there are more slices in it, so that machines would make other bytes.
    context.thread_count = 1
    return b"".join(bytes(packet) for packet in [*context.encode(scaled), *context.encode(None)])


def _bad(why: str) -> UnsupportedMedia:
    return UnsupportedMedia(f"The cover picture cannot be used: {why}.", code="bad_cover")
