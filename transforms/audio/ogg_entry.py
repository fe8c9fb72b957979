"""
Entering an Ogg stream in its middle, by a file that never was: its headers, then a later page.

libavformat's own seek in Ogg lands beside the sample in a fifth of the cases with Vorbis. What it
does at the beginning of a file is right: it takes the first page's last packet to end where the
page's granule position says, and counts back. So it is given a file that begins there.
"""

from __future__ import annotations

from transforms.audio.chain import Link
from transforms.audio.ogg_pages import Page, pages
from transforms.sources import Source

# Packets before the first with sound in it: RFC 7845 section 3, Vorbis I section 4.2.1.
_HEADER_PACKETS = {b"OpusHead": 2, b"\x01vorbis": 3}
_BEGINNING_BYTES = 64


class Spliced:
    """The beginning of a source and a later stretch of it, as one source."""

    def __init__(self, source: Source, head_bytes: int, first: int) -> None:
        self._head = Link(source, 0, head_bytes)
        self._rest = Link(source, first, source.size_bytes)
        self.size_bytes = self._head.size_bytes + self._rest.size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Read *length* bytes at *offset*; fewer only at the end."""
        head = self._head.read_at(offset, length)
        after = max(0, offset - self._head.size_bytes)
        return head + self._rest.read_at(after, length - len(head))


def from_page(source: Source, granule: int) -> Spliced | None:
    """
    Find the last page that begins no later than a place.

    Args:
        source: An Ogg file that is no chain.

        granule: The place, as granule positions count (samples; Opus: at 48 kHz, pre-skip
            included).

    Returns:
        The headers and all from that page on; ``None`` where there is more than one stream in the
        file, where a page is missing on the way, or there is no such page but the first.
    """
    begin = _headers(source)
    if begin is None:
        return None
    entrance = None
    number: int | None = None
    for page in pages(source, begin):
        if number is not None and page.number != number + 1:
            # Whoever comes from the beginning hears nothing of what is missing.
            return None
        number = page.number
        if page.at > begin and page.packets and not page.ends_stream:
            entrance = page.at
        if page.granule > granule:
            break
    return None if entrance is None else Spliced(source, begin, entrance)


def _headers(source: Source) -> int | None:
    """Find where the sound begins, in a file of one stream: always on a page of its own."""
    beginning = source.read_at(0, min(_BEGINNING_BYTES, source.size_bytes))
    missing = next((count for name, count in _HEADER_PACKETS.items() if name in beginning), 0)
    first: Page | None = None
    for page in pages(source, 0):
        if first is not None and page.serial != first.serial:
            return None
        first = first or page
        missing -= page.packets
        if missing <= 0:
            return page.end if missing == 0 else None
    return None
