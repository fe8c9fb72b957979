"""
Tidings: what somebody changes that others may hold in memory, told to everybody.

Whoever changes something tells of it in the same transaction (``edge.records.telling``). In the
process itself all who listen have heard once that is committed; other processes hear of it
within a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Topic(StrEnum):
    """What a tiding is about."""

    FILES = "files"
    """The subject is the path of an account's file; without one it may be any of them."""

    ARTIFACT = "artifact"
    """The subject is a canonical key."""

    EVERYTHING = "everything"
    """More may have happened than was heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiding:
    """One thing that is no longer to be believed."""

    topic: Topic
    account: str = ""
    subject: str = ""


Listener: TypeAlias = Callable[[Tiding], None]


class Tidings:
    """Who listens in this process."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Have *listener* told of everything, now and then more than once."""
        self._listeners.append(listener)

    def spread(self, tiding: Tiding) -> None:
        """Tell everybody who listens here."""
        for listener in self._listeners:
            listener(tiding)
