"""
The gate: who may have an answer, decided in one place for the long way and for hits.

The long way calls ``admit`` before it looks anything up. What the decision rests on is put into
``Terms``, which are kept with the answer, and every hit asks ``holds`` about them. So a check that
is added here covers both. What rests on more than the URL and the time is not everybody's: a
request that is signed, as its key may be revoked, and whatever was made of private files. For that
there are no terms, and without terms nothing is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.clock import Clock
from edge.web.problems import Problem
from transforms.delivery import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what an answer was given: to everybody, until ``expires_ms``, if that is not None."""

    expires_ms: int | None


class Gate:
    """Decides by the URL and the time; who may see a file, ``edge.library.access`` decides."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def admit(self, delivery: Delivery) -> Terms | None:
        """
        Let a request pass, and say on which terms others may have the same answer.

        Raises:
            Problem: It may not pass; 403 once ``exp`` is over.
        """
        terms = Terms(expires_ms=delivery.expires_ms)
        if not self.holds(terms):
            raise Problem(403, "expired", "This URL has expired.", details={"parameter": "exp"})
        return terms if delivery.signature is None else None

    def holds(self, terms: Terms) -> bool:
        """Tell whether what was given on *terms* may be given now."""
        return terms.expires_ms is None or terms.expires_ms > self._clock.now_ms()
