"""Ogg pages, taken apart and laid out anew (RFC 3533 section 6)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_HEADER_BYTES = 27
_CONTINUED, _LAST = 1, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, whose last packet may go on on the next."""

    flags: int
    granule: int
    serial: int
    number: int
    lacing: bytes
    body: bytes

    def packed(self) -> bytes:
        """Write the page with its checksum."""
        head = struct.pack(
            "<4sBBqIIIB",
            *(b"OggS", 0, self.flags, self.granule, self.serial, self.number, 0, len(self.lacing)),
        )
        page = head + self.lacing + self.body
        return page[:22] + struct.pack("<I", _crc(page)) + page[26:]


def pages(content: bytes) -> Iterator[Page]:
    """Read the pages of a sound file."""
    at = 0
    while at < len(content):
        _, _, flags, granule, serial, number, _, count = struct.unpack_from(
            "<4sBBqIIIB", content, at
        )
        lacing = content[at + _HEADER_BYTES :][:count]
        begin = at + _HEADER_BYTES + count
        at = begin + sum(lacing)
        yield Page(
            flags=flags,
            granule=granule,
            serial=serial,
            number=number,
            lacing=lacing,
            body=content[begin:at],
        )


def laid_out(content: bytes, *, headers: int, ends: list[int], lacing_values: int) -> bytes:
    """
    Lay the sound out anew, on pages that pay no heed to where packets begin, as libogg does.

    Args:
        content: A file whose first *headers* pages are its headers, and stay as they are.

        headers: How many pages.

        ends: The granule position at the end of each packet of sound.

        lacing_values: On each page, 1 to 255.
    """
    old = list(pages(content))
    sound = old[headers:]
    lacing = b"".join(page.lacing for page in sound)
    body = b"".join(page.body for page in sound)
    new = old[:headers]
    passed = ended = 0
    for begin in range(0, len(lacing), lacing_values):
        piece = lacing[begin : begin + lacing_values]
        continued = begin > 0 and lacing[begin - 1] == 255
        last = begin + lacing_values >= len(lacing)
        ended_here = sum(value < 255 for value in piece)
        ended += ended_here
        new.append(
            Page(
                flags=(_CONTINUED if continued else 0) | (_LAST if last else 0),
                granule=ends[ended - 1] if ended_here else -1,
                serial=old[0].serial,
                number=len(new),
                lacing=piece,
                body=body[passed : passed + sum(piece)],
            )
        )
        passed += sum(piece)
    return b"".join(page.packed() for page in new)


def _crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc = crc << 8 & 0xFFFFFFFF ^ _TABLE[crc >> 24 ^ byte]
    return crc


def _entry(byte: int) -> int:
    crc = byte << 24
    for _ in range(8):
        crc = (crc << 1 ^ 0x04C11DB7) & 0xFFFFFFFF if crc & 1 << 31 else crc << 1
    return crc


_TABLE = [_entry(byte) for byte in range(256)]
