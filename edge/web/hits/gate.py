"""
The gate: who may have an answer, decided in one place for the long way and for hits.

The long way calls ``admit`` before it looks anything up. What the decision rests on is put into
``Terms``, which are kept with the answer, and every hit asks ``holds`` about them. So a check that
is added here covers both. A check that needs more than the URL and the time makes ``admit``
return None for whatever is not everybody's: without terms nothing is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.clock import Clock
from edge.web.problems import Problem
from transforms.delivery import Delivery
from transforms.grammar import CdnUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what an answer was given: to everybody, until ``expires_ms``, if that is not None."""

    expires_ms: int | None


class Gate:
    """Decides by the URL and the time; all files are public."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def admit(self, url: CdnUrl, delivery: Delivery) -> Terms | None:
        """
        Let a request pass, and say on which terms others may have the same answer.

        Raises:
            Problem: It may not pass; 403 once ``exp`` is over.
        """
        terms = Terms(expires_ms=delivery.expires_ms)
        if not self.holds(terms):
            raise Problem(403, "expired", "This URL has expired.", details={"parameter": "exp"})
        return terms

    def holds(self, terms: Terms) -> bool:
        """Tell whether what was given on *terms* may be given now."""
        return terms.expires_ms is None or terms.expires_ms > self._clock.now_ms()
