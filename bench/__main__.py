"""``python -m bench`` runs every bench, one after another, and writes the scoreboard."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import report, scoreboard
from bench.harness import Others
from bench.scoreboard import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A bench, how it is asked in a run of all, how it is tried out, and what has to be there."""

    name: str
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


_ONE_ROUND = ("--rounds", "1")
_ONE_MINUTE = ("--long-minutes", "1")

# Short runs are repeated, long ones are not; together they take a quarter of an hour on two cores.
BENCHES = (
    Bench(name="engine", arguments=("--minutes", "2"), quick=("--minutes", "0.5", *_ONE_ROUND)),
    Bench(
        name="cold_request",
        arguments=("--minutes", "0.5"),
        quick=("--minutes", "0.5", *_ONE_ROUND),
    ),
    Bench(name="first_segment", quick=(*_ONE_MINUTE, *_ONE_ROUND)),
    Bench(name="seek_ahead", quick=(*_ONE_MINUTE, *_ONE_ROUND)),
    Bench(
        name="hit_path",
        arguments=("--seconds", "2"),
        quick=("--seconds", "1", *_ONE_ROUND),
        needs=("nginx", "wrk"),
    ),
    Bench(
        name="mixed_load",
        arguments=("--seconds", "3"),
        quick=("--seconds", "1", *_ONE_ROUND),
        needs=("nginx",),
    ),
    Bench(name="memory", quick=("--long-minutes", "2")),
    Bench(name="startup", quick=_ONE_ROUND),
    Bench(
        name="scaling",
        arguments=("--minutes", "1"),
        quick=("--minutes", "0.5", "--long-minutes", "2", *_ONE_ROUND),
    ),
)


def run(bench: Bench, arguments: Sequence[str]) -> Part:
    """Run a bench in a process of its own, and let its output through."""
    if importlib.util.find_spec(f"bench.{bench.name}") is None:
        return Part(name=bench.name, problem="skipped, there is no such bench here")
    if missing := [program for program in bench.needs if not _is_installed(program)]:
        problem = f"skipped, {' and '.join(missing)} not installed"
        return Part(name=bench.name, problem=problem)
    started, others = time.perf_counter(), Others()
    command = [sys.executable, "-m", f"bench.{bench.name}", *arguments]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip()
    part = Part(name=bench.name, seconds=time.perf_counter() - started, others_cores=others.cores())
    if process.returncode:
        return replace(part, problem=f"failed with {process.returncode}")
    result = Path(last)
    return replace(part, result=result.name, goals=scoreboard.goals_of(bench.name, result))


def _is_installed(program: str) -> bool:
    # Debian keeps nginx where only root looks.
    return bool(shutil.which(program) or shutil.which(program, path="/usr/sbin"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all benches, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = [bench.name for bench in BENCHES]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="only these")
    parser.add_argument("--quick", action="store_true", help="only to see that they run")
    parser.add_argument("--rounds", help="counted turns of each (5)")
    parser.add_argument("--before", type=Path, help="the dated file of an earlier run")
    given = parser.parse_args(arguments)
    facts = report.machine()
    started = time.perf_counter()
    parts = []
    for bench in BENCHES:
        if bench.name not in given.only:
            continue
        print(f"\n{bench.name}", flush=True)
        chosen = bench.quick if given.quick else bench.arguments
        part = run(bench, [*chosen, *(("--rounds", given.rounds) if given.rounds else ())])
        print(f"{bench.name}: {part.problem or f'{part.seconds:.0f} s'}", flush=True)
        parts.append(part)
    whole = not given.quick and len(parts) == len(BENCHES)
    path, text = scoreboard.write(parts, facts, before=given.before, publish=whole)
    print(f"\n{text}\n{path}\n{(time.perf_counter() - started) / 60:.1f} minutes")
    return int(any(part.problem and part.problem.startswith("failed") for part in parts))


if __name__ == "__main__":
    sys.exit(main())
