"""Pictures, and audio files that have one in them, written byte by byte."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import av
import numpy as np
from av.codec import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from tests.support.media import make
from tests.support.synth import tone

FRONT, BACK = 3, 4


def picture(
    kind: str, width: int, height: int, colour: tuple[int, int, int], *, lossless: bool = False
) -> bytes:
    """One colour as ``mjpeg``, ``png``, ``bmp``, ``gif`` or ``libwebp``."""
    pixels = np.full((height, width, 3), colour, np.uint8)
    context = CodecContext.create(kind, "w")
    assert isinstance(context, VideoCodecContext)
    formats = {"mjpeg": "yuvj444p", "png": "rgb24", "bmp": "bgr24", "gif": "rgb8"}
    formats |= {"libwebp": "bgra" if lossless else "yuv420p"}
    context.width, context.height, context.pix_fmt = width, height, formats[kind]
    context.time_base = Fraction(1, 25)
    if lossless:
        context.options = {"lossless": "1"}
    frame = VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=formats[kind])
    frame.pts = 0
    content = b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
    if kind == "gif":
        # The encoder leaves the file's own header to a muxer.
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="gif") as container:
            stream = container.add_stream("gif", rate=25)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = width, height, "rgb8"
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        content = buffer.getvalue()
    return content


def mp3_with(*covers: tuple[int, bytes], mime: str = "image/jpeg") -> bytes:
    """A second of MP3 with attached pictures (ID3v2.4 4.14), each of a type."""
    frames = b""
    for kind, content in covers:
        body = b"\x00" + mime.encode() + b"\x00" + bytes([kind]) + b"\x00" + content
        frames += b"APIC" + _synchsafe(len(body)) + b"\x00\x00" + body
    sound = make("mp3", tone(44_100, rate=44_100), rate=44_100)
    return b"ID3\x04\x00\x00" + _synchsafe(len(frames)) + frames + sound


def flac_with(content: bytes, width: int, height: int) -> bytes:
    """A second of FLAC with a picture block (RFC 9639, 8.8) behind its STREAMINFO."""
    mime = b"image/png"
    body = struct.pack(">II", FRONT, len(mime)) + mime
    body += struct.pack(">IIIIII", 0, width, height, 24, 0, len(content)) + content
    sound = make("flac", tone(44_100, rate=44_100), rate=44_100)
    first = 8 + 34
    block = bytes([6]) + len(body).to_bytes(3, "big") + body
    return sound[:4] + bytes([sound[4] & 0x7F]) + sound[5:first] + block + sound[first:]


def seen(jpeg: bytes) -> tuple[int, int, tuple[float, ...]]:
    """Width, height and mean colour of a JPEG."""
    with av.open(io.BytesIO(jpeg), format="jpeg_pipe") as container:
        frame = next(container.decode(video=0))
    mean = frame.to_ndarray(format="rgb24").mean(axis=(0, 1))
    return frame.width, frame.height, tuple(mean)


def _synchsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
