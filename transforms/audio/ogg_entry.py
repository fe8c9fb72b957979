"""
Entering an Ogg stream in its middle, by a file that never was: its headers, then a later page.

libavformat's own seek in Ogg lands beside the sample in a fifth of the cases with Vorbis, and
nowhere near it where granule positions leap. What it does at the beginning of a file is right, and
how much sound there is before a page is known from the packets; so it is given a file that begins
there.
"""

from __future__ import annotations

from transforms.audio.chain import Link
from transforms.audio.ogg_sound import OggSound, SoundPage, Untold, entered_at, walk
from transforms.sources import Source


class Spliced:
    """The beginning of a source and a later stretch of it, as one source."""

    def __init__(self, source: Source, head_bytes: int, first: int) -> None:
        self._head = Link(source, 0, head_bytes)
        self._source = source
        self._first = first

    @property
    def size_bytes(self) -> int:
        """What the source has now; one that finds its end while it is read becomes smaller."""
        return self._head.size_bytes + max(0, self._source.size_bytes - self._first)

    def read_at(self, offset: int, length: int) -> bytes:
        """Read *length* bytes at *offset*; fewer only at the end."""
        head = self._head.read_at(offset, length)
        after = max(0, offset - self._head.size_bytes) + self._first
        wanted = min(length - len(head), self._source.size_bytes - after)
        return head + (self._source.read_at(after, wanted) if wanted > 0 else b"")


def page_before(source: Source, sound: OggSound, sample: int) -> tuple[int, int] | None:
    """
    Find the last page that gives no more than a place.

    Args:
        source: An Ogg file that is no chain, or its beginning.

        sound: What its headers say.

        sample: The place, in a player's count.

    Returns:
        What a decoder gives first that begins there, and the page's byte; ``None`` where there is
        no such page but the first, or only a decoder knows what is before it.
    """
    entrance: SoundPage | None = None
    try:
        for page in walk(source, sound, sound.begin):
            if page.glued:
                return None
            if page.begun > sample:
                break
            if page.is_entrance and page.page.at > sound.begin:
                entrance = page if entered_at(sound, page) <= sample else entrance
    except Untold:
        return None
    return None if entrance is None else (entered_at(sound, entrance), entrance.page.at)
