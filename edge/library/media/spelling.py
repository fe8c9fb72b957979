"""
How media are spelt to be searched: folded, tags and pairs as lines of their own, so that one is
found whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from edge.library.media.media import folded


def searched(
    title: str, description: str, tags: Iterable[str], pairs: Mapping[str, object]
) -> dict[str, str]:
    """Spell everything of media that is searched, by the columns that have it."""
    return {
        "search_text": words_of(title, description),
        "search_tags": _lines(line_of(tag) for tag in tags),
        "search_pairs": _lines(pair_of(key, value) for key, value in pairs.items()),
    }


def words_of(title: str, description: str) -> str:
    """Spell what words are looked for in; it begins with the title."""
    return f"{folded(title)}\n{folded(description)}"


def pair_of(key: str, value: object) -> str:
    """Spell a pair of metadata; a value that is no text is one as JSON."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"{line_of(key)}={line_of(text)}"


def line_of(text: str) -> str:
    """Spell a text as a line."""
    return " ".join(folded(text).split())


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"\n{line}\n" for line in lines)
