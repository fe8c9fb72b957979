"""The length of an Ogg stream by its pages, whose checksums say what of them can be heard."""

from __future__ import annotations

from transforms.audio.lengths.count import Count
from transforms.audio.ogg_sound import (
    SoundPage,
    Untold,
    entered_at,
    last_pages,
    read_headers,
    trimming,
    walk,
)
from transforms.plan import Landmarks, LandmarkUnit, SourceFacts
from transforms.sources import Source

# libav reads as much of any file to find out what it is.
SHORT_BYTES = 1 << 20

# Up to two hours; then fewer.
_LANDMARK_SECONDS = 12
_MOST_LANDMARKS = 600


def by_pages(source: Source, track: int, facts: SourceFacts) -> Count | None:
    """
    Count the Opus, Vorbis or FLAC of an Ogg file that is no chain.

    Returns:
        ``None`` where libav has to read it all: other codecs, or packets of another kind. Not
        ``exact`` where halves of packets were joined by a loss of pages.
    """
    sound = read_headers(source, track)
    if sound is None:
        return None
    last: SoundPage | None = None
    before: SoundPage | None = None
    exact = True
    every = due = _LANDMARK_SECONDS * facts.sample_rate_hz
    places: list[tuple[int, int]] = []
    try:
        for page in walk(source, sound, sound.begin):
            exact = exact and not page.glued
            if page.page.packets:
                last, before = page, last
            if page.begun >= due and page.is_entrance and sound.alone:
                due = page.begun + every
                places.append((entered_at(sound, page), page.page.at))
    except Untold:
        return None
    if last is None:
        return Count(samples=0, exact=True, landmarks=None)
    thinned = tuple(places[:: 1 + len(places) // _MOST_LANDMARKS])
    return Count(
        samples=max(0, last.ended - sound.pre_skip - trimming(last, before)),
        exact=exact,
        landmarks=Landmarks(unit=LandmarkUnit.PAGES, places=thinned) if thinned and exact else None,
    )


def by_end_pages(source: Source, track: int) -> int | None:
    """
    Estimate the same from the first page with sound and the last.

    That is right where no page is lost and granule positions never leap.

    Returns:
        ``None`` where they say nothing.
    """
    sound = read_headers(source, track)
    if sound is None:
        return None
    try:
        first = next((page for page in walk(source, sound, sound.begin) if page.page.packets), None)
        last = last_pages(source, sound)[-1:]
    except Untold:
        return None
    if first is None or not last or last[0].page.granule < 0:
        return None
    # A stream that ends with its first page leaves out samples at its end, not at its beginning.
    begin = first.page.granule - first.ended
    begin = max(0, begin) if first.page.ends_stream else begin
    return max(0, last[0].page.granule - begin - sound.pre_skip)
