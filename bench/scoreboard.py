"""All goals of one run in one table, and in a dated file beside those of the benches."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.goals import Goal, goal_rows, read_goals
from bench.harness import spread
from bench.report import RESULTS, table

SCOREBOARD = Path(__file__).parent / "SCOREBOARD.md"

_MOST_TIMES_IDLE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    One bench of a run: what it found, or why it found nothing.

    ``others_cores`` tells how many cores were busy with something else meanwhile.
    """

    name: str
    seconds: float = 0.0
    others_cores: float | None = None
    result: str | None = None
    goals: tuple[Goal, ...] = ()
    problem: str | None = None


def goals_of(name: str, result: Path) -> tuple[Goal, ...]:
    """Read a bench's goals, or make them of what it measured."""
    goals = read_goals(result)
    if name == "mixed_load" and not goals:
        return _mixed_load_goals(json.loads(result.read_text())["results"])
    return tuple(goals)


def _mixed_load_goals(turns: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[Goal, ...]:
    return tuple(
        Goal(
            what=f"cached segment from {name}, p99 while every core encodes against idle",
            unit="times",
            values=tuple(turn["loaded"]["p99_s"] / turn["idle"]["p99_s"] for turn in done),
            at_most=_MOST_TIMES_IDLE if name == "edge" else None,
        )
        for name, done in turns.items()
    )


def write(
    parts: Sequence[Part],
    facts: Mapping[str, object],
    *,
    before: Path | None = None,
    publish: bool = True,
) -> tuple[Path, str]:
    """
    Write the dated file and the scoreboard; return the name of the one and the text of the other.

    Args:
        parts: What was run.

        facts: About the machine.

        before: The dated file of an earlier run; its medians get a column of their own.

        publish: Whether the scoreboard is kept as ``bench/SCOREBOARD.md``.
    """
    earlier = _medians(before) if before is not None else None
    text = spell(parts, facts, earlier)
    day = str(facts["at"]).replace(":", "").replace("-", "").replace("+0000", "Z")
    path = RESULTS / f"{day}.json"
    saved = {"machine": facts, "parts": [asdict(part) for part in parts]}
    path.write_text(json.dumps(saved, indent=2))
    if publish:
        SCOREBOARD.write_text(text)
    return path, text


def spell(
    parts: Sequence[Part],
    facts: Mapping[str, object],
    before: Mapping[tuple[str, str], float] | None = None,
) -> str:
    """Spell the scoreboard as Markdown."""
    pairs = [(part.name, goal) for part in parts for goal in part.goals]
    judged = [pair for pair in pairs if pair[1].verdict]
    told = [pair for pair in pairs if not pair[1].verdict]
    met = sum(goal.verdict != "no" for _, goal in judged)
    lines = [
        "# Scoreboard",
        "",
        f"Measured {facts['at']} at {facts['commit']}; [README.md](README.md) says how.",
        "",
        _machine(facts),
        "",
        f"## Goals: {met} of {len(judged)} met",
        "",
        table(_rows(judged, before)),
        "",
        "## Also measured",
        "",
        table(_rows(told, before)),
        "",
        "## The run",
        "",
        table(_run_rows(parts)),
    ]
    return "\n".join(lines) + "\n"


def _run_rows(parts: Sequence[Part]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("bench", "seconds", "cores busy with other work", "problem")]
    for part in parts:
        others = "" if part.others_cores is None else f"{part.others_cores:.2f}"
        rows.append((part.name, f"{part.seconds:.0f}", others, part.problem or ""))
    return rows


def _machine(facts: Mapping[str, object]) -> str:
    versions = ", ".join(f"{name} {facts[name]}" for name in ("av", "lameenc", "numpy"))
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memoryGB']} GB; Linux {facts['kernel']}, "
        f"Python {facts['python']}, {versions}; FFmpeg {facts['ffmpeg']}. "
        f"Load before the run: {facts['load']}."
    )


def _rows(
    pairs: Sequence[tuple[str, Goal]], before: Mapping[tuple[str, str], float] | None
) -> list[tuple[str, ...]]:
    head: tuple[str, ...] = ("bench", "what", "goal", "median (least-most)", "runs", "met")
    rows = [(name, *row) for name, goal in pairs for row in goal_rows([goal])]
    if before is None:
        return [head, *rows]
    earlier = [before.get((name, goal.what)) for name, goal in pairs]
    cells = ["" if value is None else f"{value:.3g}" for value in earlier]
    return [(*head, "before"), *((*row, cell) for row, cell in zip(rows, cells, strict=True))]


def _medians(path: Path) -> dict[tuple[str, str], float]:
    saved: dict[str, Any] = json.loads(path.read_text())
    return {
        (part["name"], goal["what"]): spread(goal["values"]).median
        for part in saved["parts"]
        for goal in part["goals"]
    }
