"""Who is asking, proved."""

from __future__ import annotations

from dataclasses import dataclass

from edge.ids import KeyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The holder of an API key: ``account``, what the key may do, and which key it is."""

    account: str
    kind: KeyKind
    key_id: str
