"""
What a worker of one's own costs a job: forked, walled in, given a file, asked, reaped.

The same file is surveyed by workers behind their walls, by workers without any (whose zygote skips
what locks them in), and in this process. Workers take turns, so that all three have the same
machine.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import io
import tempfile
import time
import wave
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bench import report
from bench.harness import ratios, spread, usable_cores
from cache.files import FileReader
from edge.sandbox import lockdown
from edge.sandbox.engine import ENGINE
from edge.sandbox.pool import Sandbox
from edge.sandbox.wire import Walls, WorkerLimits
from edge.sandbox.worker import FileSource

_RATE_HZ = 44_100
_DEADLINE_SECONDS = 60.0


def _warm_without_walls() -> None:
    """Let workers of this zygote give up nothing."""

    def apply(limits: WorkerLimits) -> Walls:
        return Walls(landlock=0, seccomp=False)

    lockdown.apply = apply
    ENGINE.warm()


OPEN = dataclasses.replace(ENGINE, warm=_warm_without_walls)


async def _seconds_each(job: Callable[[], Awaitable[object]], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        await job()
    return (time.perf_counter() - began) / count


async def measure(path: Path, *, jobs: int, rounds: int) -> dict[str, list[float]]:
    """Survey a file many times; return seconds a job by contender, one for each round."""
    opened = io.FileIO(path)
    file, here_too = FileReader(opened), FileSource(opened.fileno(), path.stat().st_size)
    walled, open_ = Sandbox(), Sandbox(jobs=f"{__spec__.name}:OPEN")

    def by(sandbox: Sandbox) -> Callable[[], Awaitable[object]]:
        return lambda: sandbox.survey(
            file, track=1, exact=False, deadline_seconds=_DEADLINE_SECONDS
        )

    async def here() -> None:
        ENGINE.survey(here_too, track=1, exact=False)

    contenders = {
        "a worker behind its walls": by(walled),
        "a worker without walls": by(open_),
        "in this process": here,
    }
    found: dict[str, list[float]] = {name: [] for name in contenders}
    try:
        for turn in range(rounds + 1):
            for name, job in contenders.items():
                seconds = await _seconds_each(job, jobs)
                # The first turn starts the zygotes.
                if turn:
                    found[name].append(seconds)
    finally:
        await walled.close()
        await open_.close()
        await file.aclose()
    return found


def _write(path: Path, seconds: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE_HZ)
        file.writeframes(bytes(2 * _RATE_HZ * seconds))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.sandbox", description=__doc__)
    parser.add_argument("--jobs", type=int, default=300, help="surveys a turn (300)")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds (5)")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "short.wav"
        _write(path, 10)
        found = asyncio.run(measure(path, jobs=given.jobs, rounds=given.rounds))
    walled = next(iter(found.values()))
    rows = [("a survey", "ms", "of one in a walled worker")]
    for name, seconds in found.items():
        share = ratios(seconds, walled)
        rows.append((name, str(spread([each * 1000 for each in seconds])), str(share)))
    print(f"{len(usable_cores())} cores, {given.jobs} surveys a turn, walls: {lockdown.examine()}")
    print(report.table(rows))


if __name__ == "__main__":
    main()
