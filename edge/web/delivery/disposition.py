"""
``Content-Disposition``: a file's name, told to any browser and trusted by none.

Names come from uploads, so they may hold line breaks, quotes, path separators, or characters
that turn the reading direction and make ``gpj.exe`` look like a picture.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import Final
from urllib.parse import quote

# RFC 8187 section 3.2.1, attr-char without letters and digits.
_ATTRIBUTE_CHARACTERS: Final = "!#$&+-.^_`|~"

# Inside a quoted-string quotes and backslashes end or escape; some browsers decode percents.
_UNQUOTABLE: Final = str.maketrans(dict.fromkeys('"\\%', "_"))

_REPLACED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_MAX_STEM_CHARACTERS: Final = 120
_MAX_SUFFIX_CHARACTERS: Final = 16
_NAMELESS: Final = "download"


class Disposition(StrEnum):
    """What a browser should do with a file it is sent to."""

    INLINE = "inline"
    ATTACHMENT = "attachment"


def content_disposition(disposition: Disposition, file_name: str | None = None) -> str:
    """
    Spell a ``Content-Disposition`` value, always one line of printable ASCII.

    With a name, both ``filename`` and ``filename*`` are sent; RFC 6266 section 4.3 lets those
    who understand the second prefer it.
    """
    if file_name is None:
        return disposition.value
    name = plain_file_name(file_name)
    decomposed = unicodedata.normalize("NFKD", name).translate(_UNQUOTABLE)
    fallback = "".join(
        character if character.isascii() else "_"
        for character in decomposed
        if not unicodedata.combining(character)
    )
    encoded = quote(name, safe=_ATTRIBUTE_CHARACTERS)
    return f"{disposition}; filename=\"{fallback}\"; filename*=UTF-8''{encoded}"


def plain_file_name(name: str) -> str:
    """Reduce any text to a file name: one segment, nothing invisible, not hidden, not long."""
    segment = name.replace("\\", "/").rpartition("/")[2]
    visible = "".join(
        character
        for character in unicodedata.normalize("NFC", segment)
        if unicodedata.category(character) not in _REPLACED_CATEGORIES
    )
    stem, dot, suffix = visible.strip(". ").rpartition(".")
    if not dot or len(suffix) > _MAX_SUFFIX_CHARACTERS:
        stem, dot, suffix = f"{stem}{dot}{suffix}", "", ""
    return f"{stem[:_MAX_STEM_CHARACTERS]}{dot}{suffix}" or _NAMELESS
