"""
What a recording says about itself, under one set of names.

libav names most tags alike in every container; this keeps the ones that our output formats have a
place for, and only text that is safe to write into any of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from av.audio.stream import AudioStream
from av.container import InputContainer

Tags: TypeAlias = Mapping[str, str]

NAMES = (
    *("title", "artist", "album", "album_artist", "composer", "date", "track", "disc"),
    *("genre", "comment", "copyright", "language", "publisher"),
)
_SYNONYMS = {
    **{"year": "date", "tracknumber": "track", "discnumber": "disc", "albumartist": "album_artist"},
    **{"description": "comment", "wm/year": "date", "organization": "publisher"},
}
LONGEST_VALUE = 2048
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def read_tags(container: InputContainer, stream: AudioStream) -> dict[str, str]:
    """Read a track's tags; the container's win over the stream's (Ogg has only the latter)."""
    tags: dict[str, str] = {}
    for given in (container.metadata, stream.metadata):
        for name, value in given.items():
            lower = name.lower()
            known = _SYNONYMS.get(lower, lower)
            text = _CONTROL.sub(" ", value).strip()[:LONGEST_VALUE]
            if known in NAMES and text and known not in tags:
                tags[known] = text
    if tags.get("language") == "und":
        del tags["language"]
    return {name: tags[name] for name in NAMES if name in tags}
