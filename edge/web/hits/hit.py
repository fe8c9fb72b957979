"""
One kept answer, and how it is spelt for one request.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from cache.source import Reader
from edge.web.delivery.answer import Answer, Representation, decide
from edge.web.delivery.conditional import Conditions, read_conditions
from edge.web.delivery.files import FileDelivery, as_fields, new_boundary
from edge.web.hits.ground import Evidence, Ground
from edge.web.hits.held import Held
from edge.web.hits.timings import ALLOW_ORIGIN

Fields = Iterable[tuple[bytes, bytes]]
Opener = Callable[[], Awaitable[Reader]]

# Any of them would make two fields of one.
_LINE_BREAK: Final = re.compile(rb"[\r\n\0]")

_NO_CONDITIONS: Final = Conditions()


class Ready(NamedTuple):
    """A whole answer, its fields as a list and as HTTP/1.1 spells them."""

    status: int
    fields: tuple[tuple[bytes, bytes], ...]
    spelt: bytes
    body: bytes


class Lent(NamedTuple):
    """A large file, to be sent by whoever gives the reader back."""

    representation: Representation
    reader: Reader


class Openers(NamedTuple):
    """How the long way opens the bytes of an answer, and the artifact's file they come from."""

    bytes: Opener
    made: Opener | None


@dataclass(slots=True, kw_only=True, eq=False)
class Hit:
    """
    An answer of the long way that may be given again.

    It is loaded when it is asked for a second time: from then on it has its evidence, and its
    bytes in memory (``content``) or behind a descriptor (``held``).
    """

    key: bytes
    representation: Representation
    ground: Ground

    openers: Openers | None
    """What it is loaded by; None once it is."""

    weight: int
    """Bytes that it keeps in memory."""

    fresh_until: float
    """When one request goes the long way again, in seconds of the clock."""

    doubted: bool = False
    """That request is on its way."""

    used: float
    evidence: Evidence | None = None
    content: bytes | None = None
    held: Held | None = None

    whole: Ready | None = None
    """What a GET without conditions is answered, if the content is in memory."""

    barred: bool = False
    """Nothing can tell whether it holds, so it is not loaded again and again."""

    def same_as(self, delivery: FileDelivery, ground: Ground) -> bool:
        """Tell whether the long way has come to this answer again."""
        return self.representation == delivery.representation and self.ground == ground

    def take(self, evidence: Evidence, content: bytes | None, held: Held | None) -> None:
        """Take what it can be given from."""
        self.evidence, self.content, self.held = evidence, content, held
        self.openers = None
        if content is not None:
            self.whole = self._ready("GET", _NO_CONDITIONS, content)

    def ready_for(self, method: str, fields: Fields) -> Ready:
        """Answer a GET or HEAD from memory."""
        conditions = read_conditions(fields)
        if self.whole is not None and method == "GET" and conditions == _NO_CONDITIONS:
            return self.whole
        assert self.content is not None
        return self._ready(method, conditions, self.content)

    def _ready(self, method: str, conditions: Conditions, content: bytes) -> Ready:
        answer = decide(method, conditions, self.representation, boundary=new_boundary)
        fields = (*as_fields(answer.headers), ALLOW_ORIGIN)
        body = b"" if method == "HEAD" else _body(answer, content)
        return Ready(status=answer.status, fields=fields, spelt=spell(fields), body=body)


def spell(fields: Fields) -> bytes:
    """Spell the fields of an answer as HTTP/1.1 sends them."""
    lines = [b"%b: %b" % field for field in fields]
    if any(map(_LINE_BREAK.search, lines)):
        raise ValueError("a field of an answer has a line break in it")
    return b"".join([line + b"\r\n" for line in lines])


def _body(answer: Answer, content: bytes) -> bytes:
    pieces = [
        piece if isinstance(piece, bytes) else content[piece.start : piece.stop]
        for piece in answer.body
    ]
    # A slice of all bytes is the same object, so the whole content is not copied.
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
