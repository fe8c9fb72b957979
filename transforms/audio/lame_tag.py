"""
The frame in which LAME says how a stream was made, corrected for one that was joined of parts.

Xing's fields, then LAME's own (Gabriel Bouvigne's "Mp3 Info Tag revision 1"). Both are in a frame
of silence before the first: number of frames, size, places to seek to, padding at the end, and
two checksums.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

# Where fields are, from Xing's name on.
_FRAMES, _TOC, _DELAYS, _MUSIC_BYTES, _MUSIC_CRC, _TAG_CRC = 8, 16, 141, 148, 152, 154
_TOC_ENTRIES = 100

# CRC-16 with the polynomial 0x8005, reflected, beginning with 0.
_POLYNOMIAL = 0xA001
# For a part, 100 kB: shorter rows take longer one by one, longer ones side by side (measured).
_ROW_BYTES = 64


def corrected(tag: bytes, *, frames: int, audio_bytes: int, samples: int, crc: int) -> bytes:
    """
    Correct the tag of a stream's first part for the whole.

    Args:
        frames: All of the stream's, without the tag's own.

        audio_bytes: Their size.

        samples: What was encoded, in each channel.

        crc: The checksum of these bytes.
    """
    at = max(tag.find(b"Info"), tag.find(b"Xing"))
    if at < 0:
        return tag
    whole = len(tag) + audio_bytes
    new = bytearray(tag)
    frame_samples = 1152 if tag[1] >> 3 & 3 == 3 else 576
    delay = int.from_bytes(tag[at + _DELAYS : at + _DELAYS + 3], "big") >> 12
    padding = max(0, frames * frame_samples - delay - samples)
    struct.pack_into(">II", new, at + _FRAMES, frames, whole)
    new[at + _TOC : at + _TOC + _TOC_ENTRIES] = bytes(
        256 * entry // _TOC_ENTRIES for entry in range(_TOC_ENTRIES)
    )
    new[at + _DELAYS : at + _DELAYS + 3] = (delay << 12 | min(padding, 0xFFF)).to_bytes(3, "big")
    struct.pack_into(">IH", new, at + _MUSIC_BYTES, whole, crc)
    struct.pack_into(">H", new, at + _TAG_CRC, crc16(bytes(new[: at + _TAG_CRC])))
    return bytes(new)


def crc16(piece: bytes, crc: int = 0) -> int:
    """
    Go on with a checksum.

    Rows of bytes are summed side by side, since a sum goes on linearly: what went before, shifted
    through a row, and the row's own sum.
    """
    rows, rest = divmod(len(piece), _ROW_BYTES)
    if rows:
        table, low, high = _tables()
        columns = np.frombuffer(piece, np.uint8, rows * _ROW_BYTES).reshape(rows, -1).T
        sums: NDArray[np.uint16] = np.zeros(rows, np.uint16)
        for column in columns:
            sums = sums >> 8 ^ table[(sums ^ column) & 0xFF]
        for own in sums.tolist():
            crc = low[crc & 0xFF] ^ high[crc >> 8] ^ own
    return _slowly(piece[len(piece) - rest :], crc)


def _slowly(piece: Iterable[int], crc: int) -> int:
    for byte in piece:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ _POLYNOMIAL if crc & 1 else crc >> 1
    return crc


@cache
def _tables() -> tuple[NDArray[np.uint16], list[int], list[int]]:
    """Of one byte; and of a checksum's low and high byte, shifted through a row of zeros."""
    table = np.array([_slowly([byte], 0) for byte in range(256)], np.uint16)
    zeros = bytes(_ROW_BYTES)
    return (
        table,
        [_slowly(zeros, byte) for byte in range(256)],
        [_slowly(zeros, byte << 8) for byte in range(256)],
    )
