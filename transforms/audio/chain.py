"""
Ogg files that are several files in a row (RFC 3533 section 4): each link a source of its own.

Internet radio writes them, a link for every title, with any rate and any layout, and so does who
joins files with ``cat``. libavformat hands out the first link and, depending on the codec and on
whether the next is called the same, the others, some of them or none; so they are taken apart here.
A link ends where a page begins a stream behind pages of sound. That may be anywhere, and nobody
who wants to hear the beginning waits for all to be read: a link finds its end while it is read.
"""

from __future__ import annotations

from collections.abc import Iterator

from transforms.audio.ogg_pages import (
    LARGEST_HEADER_BYTES,
    LARGEST_PAGE_BYTES,
    MAGIC,
    pages,
    parsed,
    passed_by,
)
from transforms.sources import Linked, LinkedFile, Source

MOST_LINKS = 1000
_READ_BYTES = 1 << 18


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


class OggLink(Link):
    """
    An Ogg file within a source that may have others behind it.

    Its size is that of all that is left of the source, until the beginning of another is come
    across by reading on; whoever skips ahead may see what is behind it.
    """

    def __init__(self, source: Source, first: int, number: int = 0) -> None:
        super().__init__(source, first, source.size_bytes)
        self._number = number
        # Where the next page begins; what is before has been looked at.
        self._next = 0
        # From where on to look for one if there is none.
        self._search = 0
        self._talking = False
        self._another = False

    @property
    def is_read(self) -> bool:
        """Whether all pages have been come across, so that the size is the link's own."""
        return self._next >= self.size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Read *length* bytes at *offset*; fewer only at the end of the link."""
        piece = super().read_at(offset, length)
        if offset <= self._next <= offset + len(piece) and not self.is_read:
            self._look_through(piece, offset)
            return piece[: max(0, self.size_bytes - offset)]
        return piece

    def following(self) -> OggLink | None:
        """Find the link behind this one, by reading on to where this one ends."""
        while not self.is_read:
            self.read_at(self._next, _READ_BYTES)
        if not self._another:
            return None
        return OggLink(self._source, self._first + self.size_bytes, self._number + 1)

    def _look_through(self, piece: bytes, offset: int) -> None:
        """Pass by the pages that begin in what is read, or right behind it."""
        while self._next <= offset + len(piece) and self._next < self.size_bytes:
            page = passed_by(piece, self._next - offset)
            if page is None:
                page = passed_by(super().read_at(self._next, LARGEST_HEADER_BYTES), 0)
            if page is None:
                self._find_magic()
                continue
            length, begins_stream = page
            if begins_stream and self._talking and self._number + 1 < MOST_LINKS:
                self._another = True
                self.size_bytes = self._next
                return
            self._talking = self._talking or not begins_stream
            self._search, self._next = self._next + 1, self._next + length

    def _find_magic(self) -> None:
        """Look for the next page where there is none, as far as libavformat would, or end here."""
        end = self._next + LARGEST_PAGE_BYTES
        # A page that was cut off has the next within what it says is its own.
        found = super().read_at(self._search, end - self._search).find(MAGIC)
        if found < 0:
            self.size_bytes = self._next
        else:
            self._next = self._search + found
            self._search = self._next + 1


def first_link(source: Source) -> Source:
    """
    Take the first link of an Ogg file, or of files in a row.

    Anything else is the one link of itself.
    """
    if isinstance(source, Linked):
        return source.first
    is_ogg = source.read_at(0, min(len(MAGIC), source.size_bytes)) == MAGIC
    return OggLink(source, 0) if is_ogg else source


def next_link(link: Source) -> Source | None:
    """Find the link behind one, if there is one; that may read all the rest of the file."""
    return link.following() if isinstance(link, (OggLink, LinkedFile)) else None


def links(source: Source) -> tuple[Source, ...]:
    """Take a chained Ogg file apart, reading all of it; anything else is the one link of itself."""
    return tuple(_links(source))


def _links(source: Source) -> Iterator[Source]:
    link: Source | None = first_link(source)
    while link is not None:
        yield link
        link = next_link(link)


def ends_in_another(source: Source) -> bool:
    """Tell whether the last page of an Ogg file is of a stream that its beginning does not know."""
    known: set[bytes] = set()
    for page in pages(source, 0):
        if not page.begins_stream:
            break
        known.add(page.serial)
    at = max(0, source.size_bytes - LARGEST_PAGE_BYTES)
    tail = source.read_at(at, source.size_bytes - at)
    last = parsed(tail, tail.rfind(MAGIC), at) if known and MAGIC in tail else None
    return last is not None and last.serial not in known
