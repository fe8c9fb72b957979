"""
The checksums of media files, made good after something was changed.

A flipped bit in an Ogg page would only try the checksum, and nothing behind it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from tests.fuzz.structures import between

# Of FLAC, in a file as short as ours.
_MOST_FRAMES = 16


def seal(content: bytes) -> bytes:
    """Make good the checksums that a reader insists on."""
    sealed = bytearray(content)
    match content[:4]:
        case b"OggS":
            _seal_pages(sealed)
        case b"fLaC":
            _seal_flac(sealed)
        case b"TTA1":
            _seal_tta(sealed)
        case _ if content[:1] == b"\x47":
            _seal_tables(sealed)
    return bytes(sealed)


def _seal_pages(content: bytearray) -> None:
    at = content.find(b"OggS")
    while at >= 0 and at + 27 <= len(content):
        body = at + 27 + content[at + 26]
        end = body + sum(content[at + 27 : body])
        if end > len(content):
            return
        content[at + 22 : at + 26] = bytes(4)
        crc = _crc32_unreflected(content[at:end], 0)
        content[at + 22 : at + 26] = crc.to_bytes(4, "little")
        at = content.find(b"OggS", end)


def _seal_tables(content: bytearray) -> None:
    """ISO 13818-1, 2.4.4: the sections of tables that lie in one packet end with a CRC."""
    for at in range(0, len(content) - 187, 188):
        begins = content[at + 1] & 0x40
        first = at + 4 + (1 + content[at + 4] if content[at + 3] & 0x20 else 0)
        if not begins or first + 4 >= at + 188 or content[first : first + 3] == b"\x00\x00\x01":
            continue
        section = first + 1 + content[first]
        if section + 3 > at + 188:
            continue
        length = struct.unpack_from(">H", content, section + 1)[0] & 0xFFF
        end = section + 3 + length
        if length >= 4 and end <= at + 188:
            crc = _crc32_unreflected(content[section : end - 4], 0xFFFFFFFF)
            content[end - 4 : end] = crc.to_bytes(4, "big")


def _seal_flac(content: bytearray) -> None:
    """RFC 9639, 9.1.8 and 9.3: a CRC-8 behind each frame's head, a CRC-16 behind the frame."""
    for part in list(between(bytes(content), b"\xff\xf8", 4, body=4)):
        at = part.start
        # The bytes of a sync code may also be sound.
        if part.end - at < 18 or content[at + 3] & 1 or content[at + 4] >= _MOST_FRAMES:
            continue
        more = 8 - (content[at + 4] ^ 0xFF).bit_length()
        head = at + 4 + max(1, more)
        head += {6: 1, 7: 2}.get(content[at + 2] >> 4, 0)
        head += {12: 1, 13: 2, 14: 2}.get(content[at + 2] & 0x0F, 0)
        content[head] = _crc(content[at:head], _CRC8)
        crc = _crc(content[at : part.end - 2], _CRC16)
        content[part.end - 2 : part.end] = crc.to_bytes(2, "big")


def _seal_tta(content: bytearray) -> None:
    if len(content) >= 22:
        content[18:22] = zlib.crc32(content[:18]).to_bytes(4, "little")


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _crc32_unreflected(piece: bytes | bytearray, start: int) -> int:
    """CRC-32 with its bits in the other order, by way of the one that zlib has."""
    mirrored = zlib.crc32(piece.translate(_MIRRORED), start ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def _table(polynomial: int, bits: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value >> bits - 1 else 0)
        table.append(value & (1 << bits) - 1)
    return tuple(table)


_CRC8 = _table(0x107, 8)
_CRC16 = _table(0x18005, 16)


def _crc(piece: bytearray, table: Sequence[int]) -> int:
    bits = 8 if table is _CRC8 else 16
    value = 0
    for byte in piece:
        value = value << 8 & (1 << bits) - 1 ^ table[value >> bits - 8 ^ byte]
    return value
