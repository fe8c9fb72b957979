"""The pages of Ogg files (RFC 3533 section 6)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from transforms.sources import Source

MAGIC = b"OggS"
HEADER_BYTES = 27
LARGEST_PAGE_BYTES = 65_307
LARGEST_HEADER_BYTES = HEADER_BYTES + 255
_MOST_LACING_BYTES = 255
_CONTINUED, _FIRST, _LAST = 0x01, 0x02, 0x04
_CHECKSUM_AT = 22

# Each byte with its bits in reverse.
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    A page's place in its file and what its header says.

    ``number`` counts the pages of a stream; ``granule`` is -1 where no packet ends on the page, and
    ``packets`` are those that do. ``lacing`` has the sizes of their pieces, of which one of less
    than 255 bytes is a packet's last; the page ``continues`` a packet of the page before.
    """

    at: int
    end: int
    serial: bytes
    number: int
    granule: int
    packets: int
    lacing: bytes
    continues: bool
    begins_stream: bool
    ends_stream: bool

    @property
    def body(self) -> int:
        """Where the first packet is."""
        return self.at + HEADER_BYTES + len(self.lacing)


def pages(source: Source, at: int) -> Iterator[Page]:
    """Walk the pages from one on, for as long as one follows another."""
    while True:
        wanted = min(HEADER_BYTES + _MOST_LACING_BYTES, source.size_bytes - at)
        page = parsed(source.read_at(at, wanted), 0, at) if wanted > HEADER_BYTES else None
        if page is None:
            return
        yield page
        at = page.end


def parsed(content: bytes, begin: int, at: int) -> Page | None:
    """
    Read the header of a page.

    Args:
        content: Bytes of a file, of which the page itself need not be among.

        begin: Where the page begins in them.

        at: Where it begins in the file.
    """
    lacing = _lacing(content, begin)
    if lacing is None:
        return None
    flags = content[begin + 5]
    return Page(
        at=at,
        end=at + HEADER_BYTES + len(lacing) + sum(lacing),
        serial=content[begin + 14 : begin + 18],
        number=struct.unpack_from("<I", content, begin + 18)[0],
        granule=struct.unpack_from("<q", content, begin + 6)[0],
        packets=len(lacing) - lacing.count(_MOST_LACING_BYTES),
        lacing=lacing,
        continues=bool(flags & _CONTINUED),
        begins_stream=bool(flags & _FIRST),
        ends_stream=bool(flags & _LAST),
    )


def passed_by(content: bytes, begin: int) -> tuple[int, bool] | None:
    """
    Tell how long a page is and whether it begins a stream, for whoever only looks for such pages.

    Returns:
        ``None`` where there is no page, or not all of its header.
    """
    lacing = _lacing(content, begin)
    if lacing is None:
        return None
    return HEADER_BYTES + len(lacing) + sum(lacing), bool(content[begin + 5] & _FIRST)


def _lacing(content: bytes, begin: int) -> bytes | None:
    """Take the sizes that a page is made of; ``None`` where none begins, or not all are there."""
    sizes = begin + HEADER_BYTES
    if content[begin : begin + len(MAGIC)] != MAGIC or len(content) < sizes:
        return None
    lacing = content[sizes : sizes + content[sizes - 1]]
    return lacing if len(lacing) == content[sizes - 1] else None


def is_whole(page: bytes) -> bool:
    """
    Tell whether a page is what it was when its checksum was made (RFC 3533, section 6, 7).

    That is zlib's but for the order of bits, the beginning and the end.
    """
    stated = page[_CHECKSUM_AT : _CHECKSUM_AT + 4]
    content = page[:_CHECKSUM_AT] + bytes(4) + page[_CHECKSUM_AT + 4 :]
    found = zlib.crc32(content.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return page[4] == 0 and found.to_bytes(4, "big").translate(_MIRRORED) == stated
