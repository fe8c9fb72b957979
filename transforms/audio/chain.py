"""
Ogg files that are several files in a row (RFC 3533 section 4): each link a source of its own.

Internet radio writes them, a link for every title, with any rate and any layout. libavformat hands
out the first link and, depending on the codec, the others, some of them or none; so they are taken
apart here. Whether there is a chain shows at the end of the file, where the last page is of a
stream that the beginning does not know; only then are all pages walked.
"""

from __future__ import annotations

from collections.abc import Iterator

from transforms.audio.ogg_pages import HEADER_BYTES, LARGEST_PAGE_BYTES, MAGIC, Page, pages
from transforms.sources import Linked, LinkedFile, Source

MOST_LINKS = 1000


class Link:
    """A stretch of a source, as a source."""

    def __init__(self, source: Source, first: int, end: int) -> None:
        self._source = source
        self._first = first
        self.size_bytes = end - first

    def read_at(self, offset: int, length: int) -> bytes:
        """Read *length* bytes at *offset*; fewer only at the end of the link."""
        wanted = max(0, min(length, self.size_bytes - offset))
        return self._source.read_at(self._first + offset, wanted) if wanted else b""


def links(source: Source) -> tuple[Source, ...]:
    """Take a chained Ogg file or files in a row apart; else a source is the one link of itself."""
    if isinstance(source, Linked):
        return tuple(_row(source))
    if source.read_at(0, min(4, source.size_bytes)) != MAGIC:
        return (source,)
    known = {page.serial for page in _beginning(source)}
    tail_at = max(0, source.size_bytes - LARGEST_PAGE_BYTES)
    tail = source.read_at(tail_at, source.size_bytes - tail_at)
    last = tail.rfind(MAGIC)
    if last < 0 or len(tail) < last + HEADER_BYTES or tail[last + 14 : last + 18] in known:
        return (source,)
    starts = [0]
    talking = False
    for page in pages(source, 0):
        if page.begins_stream and talking and len(starts) < MOST_LINKS:
            starts.append(page.at)
        talking = not page.begins_stream
    ends = [*starts[1:], source.size_bytes]
    return tuple(Link(source, *pair) for pair in zip(starts, ends, strict=True))


def _row(source: Linked) -> Iterator[Source]:
    file: LinkedFile | None = source.first
    while file is not None:
        yield file
        file = file.following()


def _beginning(source: Source) -> Iterator[Page]:
    """Yield the pages that begin the streams of the first link; they come before all others."""
    for page in pages(source, 0):
        if not page.begins_stream:
            return
        yield page
