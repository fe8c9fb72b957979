"""
The formats that libav encodes and writes well by itself: Ogg Opus and FLAC.

Its Ogg muxer writes the pre-skip and the end trim of RFC 7845, its FLAC muxer the length in
STREAMINFO.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from transforms.audio.filters import Block, rechunk, to_integers
from transforms.plan import Encoding

_FLAC_FRAME_SAMPLES = 4096
_OPUS_FRAME_SAMPLES = 960


@dataclass(frozen=True, slots=True, kw_only=True)
class _Output:
    """What libav is told for one of these formats."""

    container: str
    codec: str
    sample_format: str
    frame_samples: int


def write_opus(
    file: BinaryIO, encoding: Encoding, tags: Mapping[str, str], blocks: Iterable[Block]
) -> None:
    """Write Opus in Ogg (RFC 7845)."""
    output = _Output(
        container="ogg", codec="libopus", sample_format="flt", frame_samples=_OPUS_FRAME_SAMPLES
    )
    _write(file, encoding, tags, blocks, output)


def write_flac(
    file: BinaryIO, encoding: Encoding, tags: Mapping[str, str], blocks: Iterable[Block]
) -> None:
    """Write FLAC (RFC 9639), 16 or 24 bits."""
    sample_format = "s32" if encoding.bit_depth == "24" else "s16"
    output = _Output(
        container="flac",
        codec="flac",
        sample_format=sample_format,
        frame_samples=_FLAC_FRAME_SAMPLES,
    )
    _write(file, encoding, tags, blocks, output)


class Unclosed(io.RawIOBase):
    """A view of the caller's file that libav may close and reopen as it likes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._file.seek(self._position)
        self._position = self._file.seek(offset, whence)
        return self._position

    def read(self, size: int = -1) -> bytes:
        self._file.seek(self._position)
        piece = self._file.read(size)
        self._position += len(piece)
        return piece

    def write(self, piece: object) -> int:
        self._file.seek(self._position)
        count = self._file.write(bytes(piece))  # type: ignore[call-overload]  # PyAV passes bytes.
        self._position += count
        return int(count)


def _write(
    file: BinaryIO,
    encoding: Encoding,
    tags: Mapping[str, str],
    blocks: Iterable[Block],
    output: _Output,
) -> None:
    layout = "mono" if encoding.channels == 1 else "stereo"
    with av.open(Unclosed(file), "w", format=output.container) as container:
        container.metadata.update(tags)
        stream = container.add_stream(output.codec, rate=encoding.sample_rate_hz)
        assert isinstance(stream, AudioStream)
        context = stream.codec_context
        context.layout = layout
        context.format = output.sample_format
        if encoding.bitrate_bps:
            context.bit_rate = encoding.bitrate_bps
        at = 0
        for block in rechunk(blocks, output.frame_samples):
            frame = AudioFrame.from_ndarray(
                _laid_out(block, output.sample_format), output.sample_format, layout
            )
            frame.sample_rate = encoding.sample_rate_hz
            frame.pts = at
            at += block.shape[1]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _laid_out(block: Block, sample_format: str) -> Block:
    if sample_format == "fltp":
        return np.ascontiguousarray(block)
    if sample_format == "s16" and block.dtype == np.float32:
        block = to_integers(block, 16).astype(np.int16)
    if sample_format == "s32" and block.dtype == np.float32:
        block = to_integers(block, 24) << 8
    return np.ascontiguousarray(block.T).reshape(1, -1)
