"""
WAV, as RIFF and as RF64.

The header is written first with zero sizes and patched at the end, because libav's own RF64 muxer
leaves them zero on files it did not open itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import BinaryIO

import numpy as np

from transforms.audio.filters import Block, to_integers
from transforms.audio.timeline import LARGEST_RIFF_BYTES, sample_bytes
from transforms.plan import Encoding
from transforms.problems import OutputTooLarge

# Microsoft's RIFF INFO chunk names (Multimedia Programming Interface 1.0, "INFO List Chunk").
_INFO = {
    "title": b"INAM",
    "artist": b"IART",
    "album": b"IPRD",
    "date": b"ICRD",
    "track": b"ITRK",
    "genre": b"IGNR",
    "comment": b"ICMT",
    "copyright": b"ICOP",
}
_PCM, _FLOAT = 1, 3
_SIZE_IN_DS64 = 0xFFFFFFFF
_DS64_BODY_BYTES = 28
# Behind "RIFF", "WAVE", a format chunk with its extension size, and the fact chunk's own head.
_RIFF_FACT_AT = 12 + 8 + 18 + 8


def write_riff(
    file: BinaryIO, encoding: Encoding, tags: Mapping[str, str], blocks: Iterable[Block]
) -> None:
    """
    Write a RIFF WAV file.

    Raises:
        OutputTooLarge: It would pass the 4 GB that RIFF's 32-bit sizes can say.
    """
    _write(file, encoding, tags, blocks, rf64=False)


def write_rf64(
    file: BinaryIO, encoding: Encoding, tags: Mapping[str, str], blocks: Iterable[Block]
) -> None:
    """Write an RF64 WAV file of any size (EBU Tech 3306; ITU-R BS.2088)."""
    _write(file, encoding, tags, blocks, rf64=True)


def _write(
    file: BinaryIO,
    encoding: Encoding,
    tags: Mapping[str, str],
    blocks: Iterable[Block],
    *,
    rf64: bool,
) -> None:
    width = sample_bytes(encoding.bit_depth)
    head = _header(encoding, tags, width, rf64=rf64)
    file.write(head)
    data_bytes = 0
    for block in blocks:
        piece = _interleave(block, encoding.bit_depth or "16")
        data_bytes += len(piece)
        if not rf64 and len(head) + data_bytes > LARGEST_RIFF_BYTES:
            raise OutputTooLarge(
                "The output passes 4 GB, where a RIFF file ends: use f=wav-rf64.",
                code="riff_too_large",
                details={"parameter": "f", "value": "wav-riff", "expected": "wav-rf64"},
            )
        file.write(piece)
    if data_bytes % 2:
        file.write(b"\x00")
    riff_bytes = len(head) - 8 + data_bytes + data_bytes % 2
    frames = data_bytes // (width * encoding.channels)
    if rf64:
        file.seek(20)
        file.write(struct.pack("<QQQ", riff_bytes, data_bytes, frames))
    else:
        file.seek(4)
        file.write(struct.pack("<I", riff_bytes))
        if encoding.bit_depth == "32f":
            file.seek(_RIFF_FACT_AT)
            file.write(struct.pack("<I", frames))
        file.seek(len(head) - 4)
        file.write(struct.pack("<I", data_bytes))


def _header(encoding: Encoding, tags: Mapping[str, str], width: int, *, rf64: bool) -> bytes:
    """Everything before the samples, with sizes that are patched later."""
    frame = width * encoding.channels
    tag = _FLOAT if encoding.bit_depth == "32f" else _PCM
    rate = encoding.sample_rate_hz
    fmt = struct.pack("<HHIIHH", tag, encoding.channels, rate, rate * frame, frame, width * 8)
    if tag == _FLOAT:
        # Non-PCM formats need the extension size and a fact chunk (RIFF New Multimedia Types).
        fmt += struct.pack("<H", 0)
    size = _SIZE_IN_DS64 if rf64 else 0
    chunks = _chunk(b"ds64", bytes(_DS64_BODY_BYTES)) if rf64 else b""
    chunks += _chunk(b"fmt ", fmt)
    if tag == _FLOAT:
        chunks += _chunk(b"fact", struct.pack("<I", size))
    chunks += _info(tags)
    start = (b"RF64" if rf64 else b"RIFF") + struct.pack("<I", size) + b"WAVE"
    return start + chunks + b"data" + struct.pack("<I", size)


def _info(tags: Mapping[str, str]) -> bytes:
    texts = [
        _chunk(_INFO[name], text.encode() + b"\x00") for name, text in tags.items() if name in _INFO
    ]
    return _chunk(b"LIST", b"INFO" + b"".join(texts)) if texts else b""


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\x00" * (len(body) % 2)


def _interleave(block: Block, depth: str) -> bytes:
    """Lay samples out as WAV wants them: interleaved, little-endian, 16, 24 or 32 bits."""
    if depth == "32f":
        return np.ascontiguousarray(block.T, dtype="<f4").tobytes()
    bits = int(depth)
    integers = to_integers(block, bits) if block.dtype == np.float32 else block
    if bits == 16:
        return np.ascontiguousarray(integers.T, dtype="<i2").tobytes()
    if block.dtype == np.int32:
        # libav keeps 24-bit samples in the upper bytes of 32.
        integers = integers >> 8
    packed = np.ascontiguousarray(integers.T, dtype="<i4").view(np.uint8).reshape(-1, 4)
    return packed[:, :3].tobytes()
