"""What a bench leaves behind: a table on standard output and a dated file of every run."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import resource
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import ffmpeg
from bench.goals import HEAD, Goal, goal_rows
from bench.harness import Run, Spread, ratios, spread, usable_cores

RESULTS = Path(__file__).parent / "results"

_LIBRARIES = ("audio-edge", "av", "lameenc", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All runs of one case; every contender is compared with each of the ``baselines``."""

    case: str
    runs: Mapping[str, tuple[Run, ...]]
    baselines: tuple[str, ...]

    def wall_ratio(self, name: str, baseline: str) -> Spread:
        """Compare seconds on the clock, turn by turn."""
        return ratios(_walls(self.runs[name]), _walls(self.runs[baseline]))

    def cpu_ratio(self, name: str, baseline: str) -> Spread:
        """Compare seconds of CPU, turn by turn."""
        return ratios(_cpus(self.runs[name]), _cpus(self.runs[baseline]))


def comparison_table(comparisons: Sequence[Comparison]) -> str:
    """Spell comparisons as Markdown: medians, and in parentheses the smallest and the largest."""
    rows = [("case", "what", "wall s", "CPU s", "peak MB", "against", "wall ratio", "CPU ratio")]
    for comparison in comparisons:
        for name, runs in comparison.runs.items():
            measured = (
                comparison.case,
                name,
                str(spread(_walls(runs))),
                str(spread(_cpus(runs))),
                _megabytes(max(run.peak_bytes for run in runs)),
            )
            against = [other for other in comparison.baselines if name not in comparison.baselines]
            for baseline in against:
                wall = str(comparison.wall_ratio(name, baseline))
                cpu = str(comparison.cpu_ratio(name, baseline))
                rows.append((*measured, baseline, wall, cpu))
            if not against:
                rows.append((*measured, "", "", ""))
    return table(rows)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Spell rows as an aligned Markdown table; the first one is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def machine() -> dict[str, object]:
    """Say where and with what was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cores": len(usable_cores()),
        "memoryGB": round(memory / 1e9, 1),
        "load": [round(load, 2) for load in os.getloadavg()],
        "commit": _commit(),
        "kernel": platform.release(),
        # What a child's peak is at least, whatever it does: see ``harness.measure``.
        "harnessPeakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "python": platform.python_version(),
        "ffmpeg": ffmpeg.version(),
        **{name: version(name) for name in _LIBRARIES},
    }


def save(
    name: str, facts: Mapping[str, object], results: object, goals: Sequence[Goal] = ()
) -> Path:
    """Write a bench's facts, results and goals to a file of its own, and return it."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name}.json"
    saved = {"machine": facts, "goals": list(goals), "results": results}
    path.write_text(json.dumps(saved, indent=2, default=_plain))
    return path


def conclude(
    name: str, facts: Mapping[str, object], results: object, goals: Sequence[Goal]
) -> None:
    """Print the goals and save everything; the last line printed is the name of the file."""
    print()
    print(table([HEAD, *goal_rows(goals)]))
    print(save(name, facts, results, goals), flush=True)


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"{value!r} has no JSON form")


def _walls(runs: Sequence[Run]) -> list[float]:
    return [run.wall_s for run in runs]


def _cpus(runs: Sequence[Run]) -> list[float]:
    return [run.cpu_s for run in runs]


def _cpu_model() -> str:
    told = subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout
    lines = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
    return lines.get("Model name", platform.machine()).strip()


def _commit() -> str:
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=RESULTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f}" if count else ""
