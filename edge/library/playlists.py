"""
HLS playlists as inputs: what they list, and what of it may be read.

A playlist is a program that names files, so it is read here and never by libav: only recordings
that are complete (RFC 8216 section 4.3.3.4), in the clear, whose segments lie in the playlist's
own folder or below. Nothing it names is looked up before its place is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from cache.origins.paths import is_name
from edge.library.tags import Section, Tags, bad, read_tags, shown
from transforms.problems import UnsupportedMedia
from transforms.sources import MOST_LINKED_FILES

# As many segments as may be, with 800 bytes for each of them: signed URLs are long.
MOST_BYTES = 8 << 20

# RFC 3986 section 3.4, and what people write although it is not there; all but % stays as it is.
_IN_QUERIES = "%!$&'()*+,;=:@/?-._~[]|"

_PORTS = {"http": 80, "https": 443}
_EXTENSIONS = (".m3u8", ".m3u")
_RANGE = re.compile(r"(\d{1,18})(?:@(\d{1,18}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file by its path in the account, and what a web server is asked for it with."""

    path: str
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of a file that a playlist names; ``length`` is None for all there is."""

    place: Place
    offset: int = 0
    length: int | None = None

    apart: bool = False
    """Whether it does not go on where the one before it ends, but begins a file of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Where a playlist stands, and how far it may reach."""

    path: str
    """The account's path of the folder, with a slash at both ends."""

    url: str
    """What references resolve against: the folder's URL, with a slash at its end."""

    def locate(self, reference: str, playlist: str) -> Place:
        """
        Find the file that *playlist*, a path in this folder, means by *reference*.

        Paths are compared decoded, because everybody encodes as many characters as they like. A
        fragment is for whoever plays.

        Raises:
            UnsupportedMedia: It lies elsewhere, or is no file.
        """
        base = self.url + quote(playlist.removeprefix(self.path))
        try:
            target, own = urlsplit(urljoin(base, reference)), urlsplit(self.url)
            near = _site(target) == _site(own)
        except ValueError:
            raise _elsewhere(reference) from None
        # What is no UTF-8 is kept apart from everything that is.
        path, folder = (unquote(each.path, errors="surrogateescape") for each in (target, own))
        names = path.removeprefix(folder).split("/")
        if not near or not path.startswith(folder) or ".." in names:
            raise _elsewhere(reference)
        if not all(map(is_name, names)):
            raise bad(f"The playlist names {_shown(reference)}, which is not the name of a file.")
        return Place(path=self.path + "/".join(names), query=quote(target.query, _IN_QUERIES))


def is_playlist(path: str) -> bool:
    """Tell by its name whether a file is read as a playlist."""
    return path.lower().endswith(_EXTENSIONS)


def read(content: bytes, path: str, folder: Folder) -> Place | tuple[Stretch, ...]:
    """
    Read a playlist.

    Args:
        content: Its bytes.

        path: Its own path.

        folder: What it may reach.

    Returns:
        The media playlist with the best sound, if it is a multivariant one; else
        what to read one after another, each initialization section before its segments.

    Raises:
        UnsupportedMedia: It is no playlist, or one that is not read here; ``bad_playlist``.
    """
    tags = read_tags(content)
    if tags.variants:
        return folder.locate(_best(tags), path)
    return _stretches(tags, path, folder)


def _best(tags: Tags) -> str:
    """
    Choose the variant of the highest bit rate, or its audio rendition if it has one.

    The rendition is the one that is played by default; the sound of one without a URI is in the
    variant itself (RFC 8216 section 4.3.4.2.1).
    """
    best = max(tags.variants, key=lambda each: each.bandwidth_bps)
    renditions = [each for each in tags.renditions if best.audio and each.group == best.audio]
    renditions.sort(key=lambda each: (not each.default, not each.autoselect))
    return (renditions[0].uri if renditions else None) or best.uri


def _stretches(tags: Tags, path: str, folder: Folder) -> tuple[Stretch, ...]:
    if not tags.segments:
        raise bad("The playlist lists no segments.")
    if not tags.ended:
        raise bad("The playlist has no EXT-X-ENDLIST: live streams are not read, recordings are.")
    found: list[Stretch] = []
    section: Section | None = None
    before: Stretch | None = None
    files = 1
    for segment in tags.segments:
        apart = bool(found) and (segment.discontinuity or segment.section != section)
        section = segment.section
        if section is not None and (apart or not found):
            header = _stretch(folder.locate(section.uri, path), section.byterange, None)
            found.append(replace(header, apart=apart))
        before = _stretch(folder.locate(segment.uri, path), segment.byterange, before)
        found.append(replace(before, apart=apart and section is None))
        files += apart
        if files > MOST_LINKED_FILES:
            raise bad(f"The playlist has {MOST_LINKED_FILES} discontinuities or more.")
    return tuple(found)


def _stretch(place: Place, byterange: str | None, before: Stretch | None) -> Stretch:
    """RFC 8216 section 4.3.2.2: without an offset, a range begins where the one before ended."""
    if byterange is None:
        return Stretch(place=place)
    match = _RANGE.fullmatch(byterange)
    if match is None:
        raise bad(f"The playlist has a byte range {shown(byterange)}.")
    length = int(match[1])
    if match[2] is not None:
        return Stretch(place=place, offset=int(match[2]), length=length)
    if before is not None and before.place == place and before.length is not None:
        return Stretch(place=place, offset=before.offset + before.length, length=length)
    if before is None:
        return Stretch(place=place, length=length)
    raise bad("The playlist has a byte range that neither says where it begins nor follows one.")


def _site(url: SplitResult) -> tuple[str, str | None, int | None, bool]:
    port = url.port or _PORTS.get(url.scheme)
    return url.scheme, url.hostname, port, "@" in url.netloc


def _elsewhere(reference: str) -> UnsupportedMedia:
    return bad(
        f"The playlist names {_shown(reference)}, which is not a file of its own folder "
        "or of one below it."
    )


def _shown(reference: str) -> str:
    """Quote a reference without its query, which may hold a signature."""
    return shown(reference.partition("?")[0])
