"""
``python -m bench.quality`` compares settings of the AAC encoder by a model of the ear.

With ``--mp3`` it tells what MP3's bit reservoir is worth, which encoding in parts has to keep.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import report
from bench.quality import contenders, material, tables
from bench.quality.compare import Case, Outcome, run
from bench.quality.contenders import Contenders


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print a table, and leave every measurement in a dated file."""
    given = _parser().parse_args(arguments)
    sounds = material.items(given.samples)
    if not given.full:
        sounds = [item for item in sounds if item.name in material.FEW]
    print(f"{len(sounds)} sounds: {', '.join(item.name for item in sounds)}\n", flush=True)
    outcomes: list[Outcome] = []
    cases, choose = _asked(given)
    for case in cases:
        found = run(case, choose(case), sounds, sum_and_difference=given.sum_and_difference)
        outcomes += found
        print(tables.by_case(found), flush=True)
        for outcome in found[1:]:
            print(f"{outcome.name}: {tables.spelled(outcome.options)}")
        print("\n" + tables.by_item(found) + "\n" if given.sounds else "", flush=True)
    print(tables.by_case(outcomes))
    print(report.save("quality", report.machine(), outcomes), flush=True)
    return 0


def _asked(given: argparse.Namespace) -> tuple[list[Case], Callable[[Case], Contenders]]:
    if given.mp3:
        bitrates = given.kbps or contenders.MP3_KBPS
        cases = contenders.mp3_cases(bitrates, given.channels, given.near_hz)
        return cases, contenders.without_reservoir
    bitrates = given.kbps or (contenders.FULL_KBPS if given.full else contenders.FEW_KBPS)
    choose = contenders.neighbours if given.neighbours else contenders.main_ones
    return contenders.cases(bitrates, given.channels, given.near_hz), choose


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("--full", action="store_true", help="all sounds, all bitrates to 320")
    parser.add_argument("--samples", type=Path, help="folder of recordings, to add to what is made")
    parser.add_argument("--mp3", action="store_true", help="MP3 with its bit reservoir and without")
    parser.add_argument("--kbps", type=int, nargs="+", help="only these bitrates")
    parser.add_argument("--channels", type=int, nargs="+", default=[2, 1], choices=[1, 2])
    parser.add_argument(
        "--near-hz", type=int, default=48000, help="sample rate asked for; the nearest that fits"
    )
    parser.add_argument(
        "--neighbours", action="store_true", help="vary the policy by one option at a time"
    )
    parser.add_argument(
        "--sum-and-difference",
        action="store_true",
        help="measure these instead of left and right; only with --channels 2",
    )
    parser.add_argument("--sounds", action="store_true", help="also a row for every sound")
    return parser


if __name__ == "__main__":
    sys.exit(main())
