"""
Peak memory of a job, short against long: it is to be the same, and small.

The engine is a process of its own for each run, as a worker is. Most inputs are silence that takes
no disk, in real length, which is encoded sooner. One input is an hour's MP3, because finding one's
way in a file may take memory as well, and because many threads encode silence to AAC as soon as it
is decoded, so that less of it waits for them than of sound.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import ffmpeg, inputs, report
from bench.engine import SAME_CODER, VARIANTS_KBPS
from bench.goals import Goal
from bench.harness import Run, measure
from bench.warm_engine import WarmEngine

MOST_MB = 110.0
# A tenth is what allocators make of luck; a leak of one frame in a hundred would be more.
MOST_TIMES = 1.1

# What a server grants a job at the most, if the machine has as many cores.
MOST_THREADS = 8

_SHORT_SECONDS = 60
_TEN_HOURS = 600.0
_AAC, _MP3, _WAV = "f=aac&br=96&sr=44.1", "f=mp3&br=128&sr=44.1", "f=wav-riff&sr=44.1"
_HLS = "f=hls-aac&" + "&".join(f"br={kbps}&sr=44.1" for kbps in VARIANTS_KBPS)
_FFMPEG = ("-c:a", "aac", "-b:a", "96k", *SAME_CODER, "-f", "adts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is made of which input; without a query, by FFmpeg."""

    name: str
    query: str | None
    threads: int = 1
    source: str | None = None

    def __str__(self) -> str:
        return f"{self.name}, {self.threads} threads" if self.threads > 1 else self.name


JOBS = (
    Job(name="AAC 96", query=_AAC),
    Job(name="AAC 96", query=_AAC, threads=2),
    Job(name="AAC 96 of an mp3", query=_AAC, threads=2, source="mp3"),
    Job(name="MP3 128", query=_MP3),
    Job(name="MP3 128", query=_MP3, threads=2),
    Job(name="AAC 96 of an mp3", query=_AAC, threads=MOST_THREADS, source="mp3"),
    Job(name="MP3 128", query=_MP3, threads=MOST_THREADS),
    Job(name="WAV 16", query=_WAV),
    Job(name="HLS 64, 96, 128", query=_HLS, threads=2),
    Job(name="AAC 96, ffmpeg", query=None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """What one job took of the short input, and of each longer one."""

    job: Job
    runs: tuple[Run, ...]

    @property
    def peak_bytes(self) -> int:
        """The largest of all."""
        return max(run.peak_bytes for run in self.runs)

    @property
    def growth(self) -> float:
        """How many times the short input's peak the largest of the others is."""
        short, *others = (run.peak_bytes for run in self.runs)
        return max(others) / short


def peaks(job: Job, lengths_s: Sequence[int]) -> Peaks:
    """Do a job on inputs of some lengths, each time in a fresh process."""
    runs = []
    for seconds in lengths_s:
        with tempfile.TemporaryDirectory(dir=inputs.FOLDER) as folder:
            runs.append(_contender(job, _source(job, seconds), Path(folder) / "out")())
    return Peaks(job=job, runs=tuple(runs))


def _source(job: Job, seconds: int) -> Path:
    if job.source is None:
        return inputs.silence(seconds)
    hour = 3600
    if seconds > hour and seconds % hour == 0:
        return inputs.repeated(inputs.prepare(hour, job.source), seconds // hour)
    return inputs.prepare(seconds, job.source)


def _contender(job: Job, source: Path, target: Path) -> Callable[[], Run]:
    if job.query is None:
        return partial(measure, ffmpeg.convert(source, target, *_FFMPEG, single=False))
    return partial(_in_new_engine, job.query, job.threads, source, target)


def _in_new_engine(query: str, threads: int, source: Path, target: Path) -> Run:
    with WarmEngine() as engine:
        return engine.convert(source, target, query, threads=threads)


def goals_of(measured: Sequence[Peaks]) -> list[Goal]:
    """Judge by the job that takes most, and by the one that grows most."""
    ours = [each for each in measured if each.job.query is not None]
    few = [each for each in ours if each.job.threads < MOST_THREADS]
    many = [each for each in ours if each.job.threads == MOST_THREADS]
    return [goal for jobs in (few, many) if jobs for goal in _goals_of_worst(jobs)]


def _goals_of_worst(jobs: Sequence[Peaks]) -> list[Goal]:
    largest = max(jobs, key=lambda each: each.peak_bytes)
    growing = max(jobs, key=lambda each: each.growth)
    return [
        Goal(
            what=f"peak memory of a job, the largest ({largest.job})",
            unit="MB",
            values=(largest.peak_bytes / 1e6,),
            at_most=MOST_MB,
        ),
        Goal(
            what=f"peak memory, long against short, where it grows most ({growing.job})",
            unit="times",
            values=(growing.growth,),
            at_most=MOST_TIMES,
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--long-minutes", type=float, default=60, help="the long input (60)")
    parser.add_argument("--long", action="store_true", help="ten hours as well")
    given, _ = parser.parse_known_args(arguments)
    facts = report.machine()
    minutes = [_SHORT_SECONDS / 60, given.long_minutes, *([_TEN_HOURS] if given.long else [])]
    lengths = [round(each * 60) for each in minutes]
    measured = [peaks(job, lengths) for job in JOBS]
    spelled = [f"{each:g} min" for each in minutes]
    head = ("to", "threads", *(f"{each} MB" for each in spelled), "times", f"{spelled[-1]} took s")
    rows: list[tuple[str, ...]] = [head]
    for each in measured:
        sizes = (f"{run.peak_bytes / 1e6:.1f}" for run in each.runs)
        threads = str(each.job.threads) if each.job.query else ""
        last = f"{each.runs[-1].wall_s:.1f}"
        rows.append((each.job.name, threads, *sizes, f"{each.growth:.2f}", last))
    print("Peak memory of a job")
    print(report.table(rows))
    report.conclude("memory", facts, measured, goals_of(measured))


if __name__ == "__main__":
    main()
