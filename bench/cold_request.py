"""
From the first byte of a request to the last byte of an artifact that nobody had asked for before.

The server is pinned to one core and the client stays off it where there is another; FFmpeg gets
the server's core and writes a file. How long two cores take is in ``bench.engine``.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from bench import ffmpeg, inputs, report
from bench.engine import ONE_CORE, Case
from bench.harness import Run, limited_to, measure, take_turns, usable_cores
from bench.server import ACCOUNT, Server, cold, serving

_SHORT_SECONDS = 30


def compare(
    server: Server, case: Case, *, seconds: int, rounds: int, core: int
) -> report.Comparison:
    """Let the edge and FFmpeg take turns."""
    source = inputs.prepare(seconds, case.source)
    keys = itertools.count(1)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"out.{case.target}"
        contenders: dict[str, Callable[[], Run]] = {
            "cold request": partial(_ask, server, case, source, keys)
        }
        for name, options in case.ways.items():
            converted = ffmpeg.convert(source, target, *options)
            contenders[name] = partial(measure, converted, core=core)
        runs = take_turns(contenders, rounds=rounds)
    return report.Comparison(
        case=f"{case.name}, {seconds} s", runs=runs, baselines=tuple(case.ways)
    )


def _ask(server: Server, case: Case, source: Path, keys: Iterator[int]) -> Run:
    return cold(server, f"/{ACCOUNT}/audio/{source.name}?{case.query}&v={next(keys)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.cold_request", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="length of the inputs (10)")
    parser.add_argument("--rounds", type=int, default=5, help="counted turns of each (5)")
    given, _ = parser.parse_known_args(arguments)
    facts = report.machine()
    cores = usable_cores()
    lengths = sorted({_SHORT_SECONDS, round(given.minutes * 60)})
    for case, seconds in itertools.product(ONE_CORE, lengths):
        inputs.prepare(seconds, case.source)
    with (
        limited_to(set(cores[:-1]) or cores),
        serving(inputs.FOLDER, core=cores[-1]) as server,
    ):
        comparisons = [
            compare(server, case, seconds=seconds, rounds=given.rounds, core=cores[-1])
            for case, seconds in itertools.product(ONE_CORE, lengths)
        ]
    print(f"Cold requests, one core, {given.rounds} rounds")
    print(report.comparison_table(comparisons))
    print(report.save("cold_request", facts, comparisons), flush=True)


if __name__ == "__main__":
    main()
