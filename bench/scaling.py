"""
Cost against duration, and against threads: 1 and 2 measured, 16 calculated.

Few have sixteen cores for a bench, so what they would do is calculated from what each stage costs
here: with enough threads that encode, a job lasts as long as its one decoding thread needs, and
then what is done before and after. The same sum for 1 and 2 threads stands beside what was
measured, to tell how far it can be trusted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import inputs, report
from bench.engine import TWO_CORES, Case
from bench.goals import Goal, times_as_fast
from bench.harness import Run, limited_to, spread, take_turns, usable_cores
from bench.stages import Stages
from bench.warm_engine import WarmEngine

MANY = 16

_STAGES_SECONDS = 120
_LONG_RUN_SECONDS = 300
_TEN_HOURS = 36_000
_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """A job with 1 thread and with 2, turn by turn, and what its stages cost."""

    name: str
    one: tuple[Run, ...]
    two: tuple[Run, ...]
    seconds: int
    stages: tuple[Stages, ...]

    def calculated(self, threads: int, cores: int) -> tuple[float, ...]:
        """Seconds an hour of sound would take."""
        return tuple(each.bound_s(threads, cores) / each.sound_s * _HOUR for each in self.stages)

    def measured(self, runs: Sequence[Run]) -> list[float]:
        """Seconds an hour of sound took."""
        return [run.wall_s / self.seconds * _HOUR for run in runs]

    @property
    def bound(self) -> str:
        """Name what bounds many threads, and how many bring it there."""
        each = self.stages[len(self.stages) // 2]
        if not each.encode_s:
            return "one thread does it all"
        enough = each.encode_s / each.decoder_s
        return f"{each.bound(MANY, MANY)}, from {enough:.0f} threads on"


def against_threads(case: Case, *, seconds: int, rounds: int) -> Scaled:
    """Let one thread and two take turns, then take a job apart as often."""
    source = inputs.prepare(seconds, case.source)
    sample = inputs.prepare(_STAGES_SECONDS, case.source)
    with tempfile.TemporaryDirectory() as folder, WarmEngine() as engine:
        target = Path(folder) / "out"
        job = partial(engine.convert, source, target, case.query)
        contenders: dict[str, Callable[[], Run]] = {
            "one": partial(job, threads=1),
            "two": partial(job, threads=2),
        }
        runs = take_turns(contenders, rounds=rounds)
    measured = tuple(_stages(sample, case.query) for _ in range(rounds))
    return Scaled(
        name=case.name, one=runs["one"], two=runs["two"], seconds=seconds, stages=measured
    )


def _stages(source: Path, query: str) -> Stages:
    command = [sys.executable, "-m", "bench.stages", str(source), query]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return Stages(**json.loads(told.stdout))


def against_duration(lengths_s: Sequence[int], *, rounds: int) -> dict[int, tuple[Run, ...]]:
    """Make AAC of longer and longer inputs with two threads; the long ones once."""
    query = TWO_CORES[0].query
    runs: dict[int, tuple[Run, ...]] = {}
    with tempfile.TemporaryDirectory(dir=inputs.FOLDER) as folder, WarmEngine() as engine:
        target = Path(folder) / "out"
        for seconds in lengths_s:
            convert = partial(engine.convert, _long(seconds), target, query, threads=2)
            if seconds > _LONG_RUN_SECONDS:
                runs[seconds] = (convert(),)
            else:
                runs[seconds] = take_turns({"": convert}, rounds=rounds)[""]
    return runs


def _long(seconds: int) -> Path:
    if seconds > _HOUR:
        return inputs.repeated(inputs.prepare(_HOUR, "mp3"), seconds // _HOUR)
    return inputs.prepare(seconds, "mp3")


def _duration_rows(runs: dict[int, tuple[Run, ...]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("sound min", "runs", "wall s", "wall s an hour", "CPU s an hour")
    ]
    for seconds, done in runs.items():
        scale = _HOUR / seconds
        rows.append(
            (
                *(f"{seconds / 60:g}", str(len(done))),
                str(spread([run.wall_s for run in done])),
                str(spread([run.wall_s * scale for run in done])),
                str(spread([run.cpu_s * scale for run in done])),
            )
        )
    return rows


def _stage_rows(scaled: Sequence[Scaled]) -> list[tuple[str, ...]]:
    head = ("an hour of", "survey", "decode", "encode", "write", "verify", f"{MANY} threads: bound")
    rows: list[tuple[str, ...]] = [head]
    for job in scaled:
        parts = (
            [getattr(each, f"{name}_s") / each.sound_s * _HOUR for each in job.stages]
            for name in head[1:-1]
        )
        rows.append((job.name, *(str(spread(part)) for part in parts), job.bound))
    return rows


def _thread_rows(scaled: Sequence[Scaled]) -> list[tuple[str, ...]]:
    head = ("an hour of", "1: calculated s", "1: measured s", "2: calculated s", "2: measured s")
    rows: list[tuple[str, ...]] = [(*head, f"{MANY}: calculated s")]
    for job in scaled:
        cells = (
            job.calculated(1, 1),
            job.measured(job.one),
            job.calculated(2, 2),
            job.measured(job.two),
            job.calculated(MANY, MANY),
        )
        rows.append((job.name, *(str(spread(cell)) for cell in cells)))
    return rows


def _goals(scaled: Sequence[Scaled], runs: dict[int, tuple[Run, ...]]) -> list[Goal]:
    goals = []
    for job in scaled:
        one, two = ([run.wall_s for run in done] for done in (job.one, job.two))
        many = times_as_fast(job.calculated(MANY, MANY), job.calculated(1, 1))
        goals += [
            Goal(
                what=f"{job.name}: 2 threads as fast as 1",
                unit="times",
                values=times_as_fast(two, one),
            ),
            Goal(what=f"{job.name}: {MANY} threads, calculated", unit="times", values=many),
        ]
    shortest, longest = min(runs), max(runs)
    costs = {
        seconds: spread([run.wall_s / seconds for run in runs[seconds]]).median
        for seconds in (shortest, longest)
    }
    goals.append(
        Goal(
            what=f"cost of a second of sound, {longest / 60:g} min against {shortest / 60:g}",
            unit="times",
            values=(costs[longest] / costs[shortest],),
        )
    )
    return goals


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="length of most inputs (5)")
    parser.add_argument("--long-minutes", type=float, default=60, help="the longest input (60)")
    parser.add_argument("--long", action="store_true", help="ten hours as well")
    parser.add_argument("--rounds", type=int, default=3, help="counted turns of each (3)")
    given, _ = parser.parse_known_args(arguments)
    facts = report.machine()
    seconds = round(given.minutes * 60)
    longest = [round(given.long_minutes * 60), *([_TEN_HOURS] if given.long else [])]
    with ExitStack() as stack:
        stack.enter_context(limited_to(usable_cores()[-2:]))
        scaled = [
            against_threads(case, seconds=seconds * case.longer, rounds=given.rounds)
            for case in TWO_CORES
        ]
        lengths = sorted({60, min(_LONG_RUN_SECONDS, longest[0]), *longest})
        runs = against_duration(lengths, rounds=given.rounds)
    print("Cost against duration: AAC 96 of an mp3, two threads")
    print(report.table(_duration_rows(runs)))
    print(f"\nCost of each stage, CPU s, {given.rounds} rounds")
    print(report.table(_stage_rows(scaled)))
    print(f"\nCost against threads, wall s, {given.rounds} rounds")
    print(report.table(_thread_rows(scaled)))
    saved = {"duration": runs, "threads": scaled}
    report.conclude("scaling", facts, saved, _goals(scaled, runs))


if __name__ == "__main__":
    main()
