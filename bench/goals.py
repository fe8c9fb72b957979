"""
What was promised, what was measured, and whether the one keeps the other.

A promise is judged by the median of its rounds; where single rounds miss it, that is said.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.harness import spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One thing that matters, measured once a round, and the limit that was set for it, if any."""

    what: str
    unit: str
    values: tuple[float, ...]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def wanted(self) -> str:
        """Spell the limit."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g} {self.unit}"
        if self.at_most is not None:
            return f"≤ {self.at_most:g} {self.unit}"
        return ""

    @property
    def verdict(self) -> str:
        """Say whether it is met: by every round, by the median only, or not."""
        if self.at_least is None and self.at_most is None:
            return ""
        if all(map(self._keeps, self.values)):
            return "yes"
        return "median only" if self._keeps(spread(self.values).median) else "no"

    def _keeps(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )


HEAD = ("what", "goal", "measured", "runs", "met")


def goal_rows(goals: Sequence[Goal]) -> list[tuple[str, ...]]:
    """Spell goals as rows under ``HEAD``."""
    return [
        (
            goal.what,
            goal.wanted,
            f"{spread(goal.values)} {goal.unit}",
            str(len(goal.values)),
            goal.verdict,
        )
        for goal in goals
    ]


def times_as_fast(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """Divide their seconds by ours, turn by turn: above 1 means that ours is faster."""
    return tuple(other / own for own, other in zip(ours, theirs, strict=True))


def read_goals(path: Path) -> list[Goal]:
    """Read back the goals of a saved result; a bench without goals has none."""
    saved: dict[str, Any] = json.loads(path.read_text())
    return [Goal(**{**entry, "values": tuple(entry["values"])}) for entry in saved.get("goals", ())]
