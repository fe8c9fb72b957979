"""
The tags of an HLS playlist, as far as its sound depends on them (RFC 8216 section 4.3).

Playlists come from whoever may put a file somewhere, and are read in the server's process. The
usual library keeps every tag, compares each key with all others, and took six seconds for a
playlist of 4 MB; this takes time and memory in proportion to the text, whose lines are counted
before they are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from transforms.problems import UnsupportedMedia

MOST_SEGMENTS = 10_000

# Ten for each segment: a duration, a byte range, a date, a bit rate, what players ignore.
MOST_LINES = 100_000
_LONGEST_LINE = 8192
_MOST_VARIANTS = 1000
_MOST_ATTRIBUTES = 200_000
_LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """``EXT-X-STREAM-INF``; ``audio`` is the group of its renditions, "" if it has none."""

    bandwidth_bps: int
    audio: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """``EXT-X-MEDIA`` of the type ``AUDIO``; without ``uri`` its sound is in the variant."""

    group: str
    default: bool
    autoselect: bool
    uri: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """``EXT-X-MAP``: the initialization section of what follows."""

    uri: str
    byterange: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A media segment and what applies to it."""

    uri: str
    byterange: str | None
    section: Section | None
    discontinuity: bool
    """Whether it does not go on where the one before it ends."""


@dataclass(slots=True, kw_only=True)
class Tags:
    """What a playlist says; a multivariant one has variants, a media playlist segments."""

    variants: list[Variant] = field(default_factory=list)
    renditions: list[Rendition] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    ended: bool = False
    """``EXT-X-ENDLIST``: nothing will be added."""


def read_tags(content: bytes) -> Tags:
    """
    Read the tags of a playlist.

    Raises:
        UnsupportedMedia: It is no playlist, is too long, or lists what is not read here;
            ``bad_playlist``.
    """
    found = Tags()
    reading = _Reading(found)
    for number, line in _lines(content):
        if not line.startswith("#"):
            reading.name(number, line)
        elif line.startswith("#EXT"):
            name, _, value = line.partition(":")
            reading.tag(number, name, value)
    return found


def _lines(content: bytes) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers, if there are not too many."""
    if content.count(b"\n") > MOST_LINES:
        raise bad(f"The playlist has more than {MOST_LINES} lines.")
    lines = content.decode("utf-8-sig", "replace").split("\n")
    if not lines[0].startswith("#EXTM3U"):
        raise bad("The file is called a playlist, but does not begin with #EXTM3U.")
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST_LINE:
            raise bad(f"The playlist has a line of more than {_LONGEST_LINE} characters.")
        if text := line.strip():
            yield number, text


class _Reading:
    """What applies to the names that follow."""

    def __init__(self, found: Tags) -> None:
        self._found = found
        self._timed = False
        self._byterange: str | None = None
        self._gap = False
        self._discontinuity = False
        self._section: Section | None = None
        self._variant: dict[str, str] | None = None
        self._attributes = 0

    def tag(self, number: int, name: str, value: str) -> None:
        """Take note of a tag."""
        match name:
            case "#EXTINF":
                _number(number, value.partition(",")[0])
                self._timed = True
            case "#EXT-X-BYTERANGE":
                self._byterange = value.strip()
            case "#EXT-X-GAP":
                self._gap = True
            case "#EXT-X-DISCONTINUITY":
                self._discontinuity = True
            case "#EXT-X-MAP":
                said = self._said(value)
                if "URI" not in said:
                    raise bad(f"Line {number} of the playlist is an EXT-X-MAP without a URI.")
                self._section = Section(uri=said["URI"], byterange=said.get("BYTERANGE"))
            case "#EXT-X-KEY":
                if self._said(value).get("METHOD") != "NONE":
                    raise bad(
                        "The playlist's segments are encrypted (EXT-X-KEY), which is not read."
                    )
            case "#EXT-X-I-FRAMES-ONLY":
                raise bad("The playlist lists pictures only (EXT-X-I-FRAMES-ONLY).")
            case "#EXT-X-ENDLIST":
                self._found.ended = True
            case "#EXT-X-STREAM-INF":
                self._variant = self._said(value)
            case "#EXT-X-MEDIA":
                self._rendition(self._said(value))

    def name(self, number: int, uri: str) -> None:
        """Take note of a line that names a file."""
        if self._variant is not None:
            self._add_variant(number, uri, self._variant)
            self._variant = None
            return
        if not self._timed:
            raise bad(
                f"Line {number} of the playlist names a file without saying what it is "
                "(EXTINF or EXT-X-STREAM-INF)."
            )
        segments = self._found.segments
        if self._gap:
            raise bad(f"Segment {len(segments)} of the playlist is missing (EXT-X-GAP).")
        if len(segments) == MOST_SEGMENTS:
            raise bad(f"The playlist has more than {MOST_SEGMENTS} segments.")
        segments.append(
            Segment(
                uri=uri,
                byterange=self._byterange,
                section=self._section,
                discontinuity=self._discontinuity,
            )
        )
        self._timed = self._discontinuity = False
        self._byterange = None

    def _said(self, value: str) -> dict[str, str]:
        self._attributes += value.count("=")
        if self._attributes > _MOST_ATTRIBUTES:
            raise bad(f"The playlist has more than {_MOST_ATTRIBUTES} attributes.")
        return attributes(value)

    def _add_variant(self, number: int, uri: str, said: dict[str, str]) -> None:
        if len(self._found.variants) == _MOST_VARIANTS:
            raise bad(f"The playlist has more than {_MOST_VARIANTS} variants.")
        bandwidth_bps = int(_number(number, said.get("BANDWIDTH", "0")))
        variant = Variant(bandwidth_bps=bandwidth_bps, audio=said.get("AUDIO", ""), uri=uri)
        self._found.variants.append(variant)

    def _rendition(self, said: dict[str, str]) -> None:
        if said.get("TYPE") != "AUDIO":
            return
        if len(self._found.renditions) == _MOST_VARIANTS:
            raise bad(f"The playlist has more than {_MOST_VARIANTS} audio renditions.")
        rendition = Rendition(
            group=said.get("GROUP-ID", ""),
            default=said.get("DEFAULT") == "YES",
            autoselect=said.get("AUTOSELECT") == "YES",
            uri=said.get("URI"),
        )
        self._found.renditions.append(rendition)


def attributes(text: str) -> dict[str, str]:
    """Read an attribute list (RFC 8216 section 4.2); where it is broken, it ends."""
    found: dict[str, str] = {}
    at = 0
    while (equals := text.find("=", at)) >= 0:
        name = text[at:equals].strip()
        if text.startswith('"', equals + 1):
            first, end = equals + 2, text.find('"', equals + 2)
        else:
            first, end = equals + 1, text.find(",", equals)
        if end < 0:
            end = len(text)
        found.setdefault(name, text[first:end].strip())
        comma = text.find(",", end)
        if comma < 0:
            break
        at = comma + 1
    return found


def _number(line: int, text: str) -> float:
    """Read a number that a tag has to begin with."""
    try:
        number = float(text)
        if abs(number) < 1e15:
            return number
    except ValueError:
        pass
    raise bad(f"Line {line} of the playlist cannot be parsed: {shown(text)} is no number.")


def bad(message: str) -> UnsupportedMedia:
    """Refuse a playlist."""
    return UnsupportedMedia(message, code="bad_playlist")


def shown(text: str) -> str:
    """Quote *text*, or as much of it as there is room for."""
    return repr(text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…")
