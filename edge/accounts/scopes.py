"""What an API key may be used for."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from edge.ids import KeyKind


class Scope(StrEnum):
    """One of the uses that a key may have; the docstrings of endpoints name theirs."""

    UPLOAD = "upload"
    """Bring files in."""

    READ = "read"
    """See private files; list files and say what is known of them."""

    WRITE = "write"
    """Overwrite, change, copy and delete files, make folders."""

    JOBS = "jobs"
    """See and cancel jobs, reset the cache."""

    USAGE = "usage"
    """See what was used and billed."""


Scopes = frozenset[Scope]

EVERY_SCOPE: Scopes = frozenset(Scope)
_EVERY = "*"

# A public key stands in web pages, where everybody reads it.
_OF_KIND = {KeyKind.SECRET: EVERY_SCOPE, KeyKind.PUBLIC: frozenset({Scope.UPLOAD})}


def every_scope(kind: KeyKind) -> Scopes:
    """Return all scopes that a key of *kind* may have."""
    return _OF_KIND[kind]


def read_scopes(text: str, kind: KeyKind) -> Scopes:
    """
    Read the scopes of a key of *kind*: ``*`` for all it may have, or names with commas between.

    Raises:
        ValueError: A name is no scope, is not one that such a key may have, or there is none.
    """
    allowed = _OF_KIND[kind]
    if text.strip() == _EVERY:
        return allowed
    names = {name.strip() for name in text.split(",")}
    listed = ", ".join(sorted(allowed))
    for name in sorted(names):
        if name not in allowed:
            raise ValueError(
                f"scope {name!r}: a {kind.value} key may have {listed}, or * for all of them"
            )
    return frozenset(map(Scope, names))


def spell_scopes(scopes: Iterable[Scope]) -> str:
    """Spell scopes as ``read_scopes`` reads them."""
    scopes = frozenset(scopes)
    return _EVERY if scopes == EVERY_SCOPE else ",".join(sorted(scopes))
