"""
What a recording says about itself, under one set of names.

libav names most tags alike in every container; this keeps the ones that our output formats have a
place for, and only text that is safe to write into any of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from av.audio.stream import AudioStream
from av.container import InputContainer

Tags: TypeAlias = Mapping[str, str]

NAMES = (
    *("title", "artist", "album", "album_artist", "composer", "date", "track", "disc"),
    *("genre", "comment", "copyright", "language", "publisher"),
)

# What libav leaves as Vorbis comments, APE, ASF, Matroska (with its target's name), QuickTime and
# AVI have it; a tag under its own name wins over these.
_SYNONYMS = {
    **{"tracknumber": "track", "part_number": "track", "track/part_number": "track"},
    **{"discnumber": "disc", "album/part_number": "disc"},
    **{"year": "date", "wm/year": "date", "date_released": "date", "date_recorded": "date"},
    **{"album/date_released": "date", "creationdate": "date"},
    **{"albumartist": "album_artist", "album artist": "album_artist"},
    **{"album/artist": "album_artist", "album/title": "album", "track/title": "title"},
    **{"product": "album"},
    **{"track/artist": "artist", "author": "artist", "performer": "artist"},
    **{"lead_performer": "artist", "description": "comment"},
    **{"organization": "publisher", "label": "publisher"},
}
_QUICKTIME = "com.apple.quicktime."
_TOTALS = {"track": ("tracktotal", "totaltracks"), "disc": ("disctotal", "totaldiscs")}
LONGEST_VALUE = 2048
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def read_tags(container: InputContainer, stream: AudioStream) -> dict[str, str]:
    """
    Read a track's tags; the container's win over the stream's (Ogg has only the latter).

    Track and disc are ``3`` or ``3/12``, also where the file states the total apart.
    """
    tags: dict[str, str] = {}
    for given in (container.metadata, stream.metadata):
        stated = dict(_stated(given))
        for name, value in [(n, v) for n, v in stated.items() if n in NAMES] + [
            (_SYNONYMS[n], v) for n, v in stated.items() if n in _SYNONYMS
        ]:
            tags.setdefault(name, value)
        for name, totals in _TOTALS.items():
            total = next((stated[key] for key in totals if key in stated), None)
            if total and name in tags and "/" not in tags[name]:
                tags[name] += f"/{total}"
    if tags.get("language") == "und":
        del tags["language"]
    return {name: tags[name] for name in NAMES if name in tags}


def legible(text: str) -> str:
    """
    Tidy a text of a file: no control characters, no blanks around it, not endless.

    Bytes that are not UTF-8, which Python keeps as lone surrogates, are read as Windows-1252: what
    writes ID3v1 and RIFF tags has no other idea of an encoding. If there is UTF-8 before them, a
    field's length has cut a character in two, and the text ends there.
    """
    written = text.encode("utf-8", "surrogateescape")
    try:
        known = written.decode()
    except UnicodeDecodeError as problem:
        before = written[: problem.start]
        cut = problem.reason == "unexpected end of data" and not before.isascii()
        known = before.decode() if cut else _windows_1252(written)
    return _CONTROL.sub(" ", known).strip()[:LONGEST_VALUE]


def _stated(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        if text := legible(value):
            yield name.lower().removeprefix(_QUICKTIME), text


def _windows_1252(written: bytes) -> str:
    try:
        return written.decode("cp1252")
    except UnicodeDecodeError:
        # Five bytes mean nothing there.
        return written.decode("latin-1")
