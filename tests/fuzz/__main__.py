"""``python -m tests.fuzz`` mutates media for as long as it is told to; see ``make fuzz``."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from edge.sandbox.pool import Sandbox
from edge.sandbox.worker_log import LOGGER
from tests.fuzz.cases import Case, cases
from tests.fuzz.corpus import corpus
from tests.fuzz.findings import explain, load, save
from tests.fuzz.harness import JOBS, Fuzzer, Outcome, Summary

CASES_A_ROUND = 500
APPENDED = "wav-16"
# Of one kind of finding, so many are tried again and kept.
MOST_KEPT_ALIKE = 3

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def main() -> int:
    """Fuzz, or try one finding again; fail if anything was found."""
    arguments = _arguments()
    # What workers write is gathered where it can be told whose it is.
    LOGGER.addHandler(logging.NullHandler())
    LOGGER.propagate = False
    with tempfile.TemporaryDirectory(prefix="audio-edge-fuzz-") as folder:
        if arguments.replay is not None:
            return asyncio.run(_replay(arguments, Path(folder)))
        return asyncio.run(_fuzz(arguments, Path(folder)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long (default 600)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: the time")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--deadline", type=float, default=10, help="seconds a job may take")
    parser.add_argument("--keep", type=Path, default=Path(__file__).parent / "found")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="try a kept finding again")
    return parser.parse_args()


async def _replay(arguments: argparse.Namespace, folder: Path) -> int:
    case = load(arguments.replay)
    outcome, log = await explain(
        case, folder, appended=corpus()[APPENDED], deadline_seconds=arguments.deadline
    )
    print(*log, case, outcome, sep="\n")
    return int(outcome.found)


async def _fuzz(arguments: argparse.Namespace, folder: Path) -> int:
    files = corpus()
    print(f"{len(files)} kinds of files, seed {arguments.seed}")
    sandbox, summary, kept = Sandbox(jobs=JOBS), Summary(), Counter[str]()
    await sandbox.start()
    zygote, appended = sandbox.zygote_pid, files[APPENDED]
    fuzzer = Fuzzer(sandbox, folder, appended=appended, deadline_seconds=arguments.deadline)
    endless = cases(files, seed=arguments.seed, first=arguments.first)
    began, lost = time.monotonic(), 0
    while time.monotonic() - began < arguments.seconds:
        known = len(summary.findings)
        await fuzzer.run(itertools.islice(endless, CASES_A_ROUND), summary)
        for case, outcome in summary.findings[known:]:
            await _keep(case, outcome, kept, folder, arguments)
        if sandbox.zygote_pid != zygote:
            lost, zygote = lost + 1, sandbox.zygote_pid
        passed = time.monotonic() - began
        print(f"{passed:5.0f} s {summary.total:7} cases, {len(summary.findings)} findings")
        sys.stdout.flush()
    await sandbox.close()
    _tell(summary)
    print(f"zygotes lost: {lost}")
    return int(bool(summary.findings or lost))


async def _keep(
    case: Case, outcome: Outcome, kept: Counter[str], folder: Path, arguments: argparse.Namespace
) -> None:
    again, log = await explain(
        case, folder, appended=corpus()[APPENDED], deadline_seconds=arguments.deadline
    )
    alike = _alike(outcome, log)
    kept[alike] += 1
    if kept[alike] <= MOST_KEPT_ALIKE:
        path = await save(case, outcome, again, log, arguments.keep)
        print(f"{path}\n    {case.ways} {case.query}\n    {alike}\n    again: {again.verdict}")


def _alike(outcome: Outcome, log: tuple[str, ...]) -> str:
    """Sum a finding up so that those of one cause are alike: what it said, and where."""
    places = [line.strip() for line in log if line.lstrip().startswith("File ")]
    last = [line for line in log if line and not line.startswith(" ")][-1:]
    said = " ".join(last) or outcome.why.strip().rpartition("\n")[2]
    place = f", {places[-1]}" if places else ""
    return f"{outcome.verdict} {outcome.code}: {_NUMBER.sub('#', said)}{place}"


def _tell(summary: Summary) -> None:
    reasons: Counter[str] = Counter()
    for reason, count in summary.reasons.items():
        reasons[_NUMBER.sub("#", reason)] += count
    for counts in (summary.counts, reasons):
        print()
        for label, count in counts.most_common():
            print(f"{count:8} {label}")
    print(f"\nlongest job {summary.seconds:.2f} s: {summary.longest}")
    print(f"most processor time of a job {summary.usage.cpu_ms / 1000:.2f} s")
    print(f"most memory of a worker {summary.usage.peak_kib / 1024:.0f} MiB: {summary.largest}")


if __name__ == "__main__":
    sys.exit(main())
