"""
HLS playlists as inputs: what they list, and what of it may be read.

A playlist is a program that names files, so it is read here and never by libav: only recordings
that are complete (RFC 8216 section 4.3.3.4), in the clear, whose segments lie in the playlist's
own folder or below. Nothing it names is looked up before its place is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

import m3u8

from transforms.problems import UnsupportedMedia

MOST_BYTES = 4 << 20
MOST_SEGMENTS = 10_000
_LONGEST_LINE = 8192
_LONGEST_SHOWN = 80

_EXTENSIONS = (".m3u8", ".m3u")
_RANGE = re.compile(r"(\d{1,18})(?:@(\d{1,18}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of a file that a playlist names; ``length`` is None for all there is."""

    path: str
    offset: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Where a playlist stands, and how far it may reach."""

    path: str
    """The account's path of the folder, with a slash at both ends."""

    url: str
    """What references resolve against: the folder's URL, with a slash at its end."""

    def locate(self, reference: str, playlist: str) -> str:
        """
        Find the path of the file that *playlist*, a path in this folder, means by *reference*.

        Raises:
            UnsupportedMedia: It lies elsewhere.
        """
        base = self.url + playlist.removeprefix(self.path)
        try:
            target = urljoin(base, reference)
            parts = urlsplit(target)
        except ValueError:
            raise _elsewhere(reference) from None
        if not target.startswith(self.url) or parts.query or parts.fragment:
            raise _elsewhere(reference)
        try:
            relative = unquote(target.removeprefix(self.url), errors="strict")
        except UnicodeDecodeError:
            raise _elsewhere(reference) from None
        if set(relative.split("/")) & {"", ".", ".."}:
            raise _elsewhere(reference)
        return self.path + relative


def is_playlist(path: str) -> bool:
    """Tell by its name whether a file is read as a playlist."""
    return path.lower().endswith(_EXTENSIONS)


def read(text: str, path: str, folder: Folder) -> str | tuple[Stretch, ...]:
    """
    Read a playlist.

    Args:
        text: Its content.

        path: Its own path.

        folder: What it may reach.

    Returns:
        The path of the media playlist with the best sound, if it is a multivariant one; else
        what to read one after another, the initialisation section first.

    Raises:
        UnsupportedMedia: It is no playlist, or one that is not read here; ``bad_playlist``.
    """
    lines = text.splitlines()
    if not lines or not lines[0].startswith("#EXTM3U"):
        raise bad("The file is called a playlist, but does not begin with #EXTM3U.")
    if max(map(len, lines)) > _LONGEST_LINE:
        raise bad(f"The playlist has a line of more than {_LONGEST_LINE} characters.")
    if sum(line.startswith("#EXTINF") for line in lines) > MOST_SEGMENTS:
        raise bad(f"The playlist has more than {MOST_SEGMENTS} segments.")
    try:
        playlist = m3u8.loads(text)
    except Exception as problem:
        # The parser raises whatever its conversions do.
        raise bad("The playlist cannot be parsed.") from problem
    if playlist.is_variant:
        return folder.locate(_best(playlist), path)
    return _stretches(playlist, path, folder)


def _best(playlist: m3u8.M3U8) -> str:
    """Choose the variant of the highest bit rate, or its audio rendition if it has one."""
    variants = [each for each in playlist.playlists if each.uri]
    if not variants:
        raise bad("The multivariant playlist has no variant.")
    best = max(variants, key=lambda each: each.stream_info.bandwidth or 0)
    renditions = [
        each
        for each in playlist.media
        if each.type == "AUDIO" and each.uri and each.group_id == best.stream_info.audio
    ]
    renditions.sort(key=lambda each: each.default != "YES")
    return str(renditions[0].uri if renditions else best.uri)


def _stretches(playlist: m3u8.M3U8, path: str, folder: Folder) -> tuple[Stretch, ...]:
    if not playlist.segments:
        raise bad("The playlist lists no segments.")
    if playlist.is_i_frames_only:
        raise bad("The playlist lists pictures only (EXT-X-I-FRAMES-ONLY).")
    if not playlist.is_endlist:
        raise bad("The playlist has no EXT-X-ENDLIST: live streams are not read, recordings are.")
    found: list[Stretch] = []
    header: Stretch | None = None
    for number, segment in enumerate(playlist.segments):
        if segment.key is not None and segment.key.method != "NONE":
            raise bad("The playlist's segments are encrypted (EXT-X-KEY), which is not read.")
        if segment.gap_tag or not segment.uri:
            raise bad(f"Segment {number} of the playlist is missing (EXT-X-GAP).")
        section = segment.init_section
        if section is not None:
            stretch = _stretch(folder.locate(section.uri or "", path), section.byterange, None)
            if header is None and not found:
                found.append(stretch)
                header = stretch
            elif stretch != header:
                raise bad("The playlist changes its EXT-X-MAP on the way, which is not read.")
        before = found[-1] if found and found[-1] is not header else None
        found.append(_stretch(folder.locate(segment.uri, path), segment.byterange, before))
    return tuple(found)


def _stretch(path: str, byterange: str | None, before: Stretch | None) -> Stretch:
    """RFC 8216 section 4.3.2.2: without an offset, a range begins where the one before ended."""
    if byterange is None:
        return Stretch(path=path)
    match = _RANGE.fullmatch(byterange)
    if match is None:
        raise bad(f"The playlist has a byte range {byterange[:_LONGEST_SHOWN]!r}.")
    length = int(match[1])
    if match[2] is not None:
        return Stretch(path=path, offset=int(match[2]), length=length)
    if before is not None and before.path == path and before.length is not None:
        return Stretch(path=path, offset=before.offset + before.length, length=length)
    if before is None:
        return Stretch(path=path, length=length)
    raise bad("The playlist has a byte range that neither says where it begins nor follows one.")


def bad(message: str) -> UnsupportedMedia:
    """Refuse a playlist."""
    return UnsupportedMedia(message, code="bad_playlist")


def _elsewhere(reference: str) -> UnsupportedMedia:
    shown = reference if len(reference) <= _LONGEST_SHOWN else reference[: _LONGEST_SHOWN - 1] + "…"
    return bad(
        f"The playlist names {shown!r}, which is not a file of its own folder or of one below it."
    )
