"""All goals in one table."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import __main__ as everything
from bench import scoreboard
from bench.goals import Goal
from bench.scoreboard import Part, goals_of, spell

FACTS = {
    **{"at": "2026-11-21T09:00:00+00:00", "commit": "abc", "cpu": "Xeon", "cores": 2},
    **{"memoryGB": 25.3, "kernel": "6.18", "python": "3.11.7", "av": "18", "lameenc": "1.9"},
    **{"numpy": "2.4", "ffmpeg": "n9", "load": [0.1, 0.2, 0.3]},
}
FAST = Goal(what="fast", unit="times", values=(1.5, 1.4, 1.6), at_least=1.4)
START = Goal(what="start", unit="s", values=(2.0,))
PARTS = (
    Part(name="engine", seconds=3, others_cores=0.25, result="x.json", goals=(FAST,)),
    Part(name="startup", goals=(START,)),
    Part(name="hit_path", problem="skipped, nginx not installed"),
)
EXPECTED = """\
# Scoreboard

Measured 2026-11-21T09:00:00+00:00 at abc; [README.md](README.md) says how.

Xeon, 2 cores, 25.3 GB; Linux 6.18, Python 3.11.7, av 18, lameenc 1.9, numpy 2.4; FFmpeg n9. \
Load before the run: [0.1, 0.2, 0.3].

## Goals: 1 of 1 met

| bench  | what | goal        | median (least-most) | runs | met |
|--------|------|-------------|---------------------|------|-----|
| engine | fast | ≥ 1.4 times | 1.5 (1.4-1.6) times | 3    | yes |

## Also measured

| bench   | what  | goal | median (least-most) | runs | met |
|---------|-------|------|---------------------|------|-----|
| startup | start |      | 2 (2-2) s           | 1    |     |

## The run

| bench    | seconds | cores busy with other work | problem                      |
|----------|---------|----------------------------|------------------------------|
| engine   | 3       | 0.25                       |                              |
| startup  | 0       |                            |                              |
| hit_path | 0       |                            | skipped, nginx not installed |
"""


def test_the_scoreboard_has_goals_then_the_rest_then_how_the_run_went() -> None:
    assert spell(PARTS, FACTS) == EXPECTED


def test_an_earlier_run_stands_beside_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoreboard, "RESULTS", tmp_path)
    earlier = Goal(what="fast", unit="times", values=(0.5, 0.75, 1.0), at_least=1.4)
    before, _ = scoreboard.write((Part(name="engine", goals=(earlier,)),), FACTS, publish=False)
    _, text = scoreboard.write(PARTS, FACTS, before=before, publish=False)
    row = next(line for line in text.splitlines() if line.startswith("| engine"))

    assert before.name == "20261121T090000Z.json"
    assert row.split("|")[-2].strip() == "0.75"


def test_what_a_bench_of_latencies_measured_becomes_a_goal(tmp_path: Path) -> None:
    turn = {"idle": {"p99_s": 0.5}, "loaded": {"p99_s": 1.5}}
    result = tmp_path / "result.json"
    result.write_text(json.dumps({"results": {"edge": [turn], "nginx": [turn]}}))
    edge, nginx = goals_of("mixed_load", result)

    assert (edge.values, edge.verdict) == ((3.0,), "no")
    assert (nginx.values, nginx.verdict) == ((3.0,), "")


def test_a_bench_without_its_programs_is_skipped_and_says_so() -> None:
    bench = everything.Bench(name="engine", needs=("no-such-program", sys.executable))
    expected = Part(name="engine", problem="skipped, no-such-program not installed")

    assert everything.run(bench, ()) == expected


def test_a_bench_that_fails_is_told_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    part = everything.run(everything.Bench(name="cold_request"), ("--rounds", "none"))

    assert part.problem == "failed with 2"
    assert part.goals == ()
