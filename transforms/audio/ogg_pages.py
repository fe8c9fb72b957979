"""The pages of Ogg files (RFC 3533 section 6)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from transforms.sources import Source

MAGIC = b"OggS"
HEADER_BYTES = 27
LARGEST_PAGE_BYTES = 65_307
_MOST_LACING_BYTES = 255
_FIRST, _LAST = 0x02, 0x04


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    A page's place in its file and what its header says.

    ``number`` counts the pages of a stream; ``granule`` is -1 where no packet ends on the page, and
    ``packets`` are those that do.
    """

    at: int
    end: int
    serial: bytes
    number: int
    granule: int
    packets: int
    begins_stream: bool
    ends_stream: bool


def pages(source: Source, at: int) -> Iterator[Page]:
    """Walk the pages from one on, for as long as one follows another."""
    while True:
        wanted = min(HEADER_BYTES + _MOST_LACING_BYTES, source.size_bytes - at)
        page = _parsed(source.read_at(at, wanted), at) if wanted > HEADER_BYTES else None
        if page is None:
            return
        yield page
        at = page.end


def _parsed(head: bytes, at: int) -> Page | None:
    if len(head) < HEADER_BYTES or head[: len(MAGIC)] != MAGIC:
        return None
    lacing = head[HEADER_BYTES : HEADER_BYTES + head[26]]
    return Page(
        at=at,
        end=at + HEADER_BYTES + len(lacing) + sum(lacing),
        serial=head[14:18],
        number=struct.unpack_from("<I", head, 18)[0],
        granule=struct.unpack_from("<q", head, 6)[0],
        packets=sum(size < _MOST_LACING_BYTES for size in lacing),
        begins_stream=bool(head[5] & _FIRST),
        ends_stream=bool(head[5] & _LAST),
    )
