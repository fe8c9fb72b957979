"""
How things are measured here: contenders take turns, and each turn is compared within itself.

A shared machine is faster in one minute than in the next, so a ratio of two medians measured
apart says little. A ratio of two neighbours says more, and their spread says how much.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Whatever the edge's workers are compared with is as nice as they are: on a busy machine the one
# that is nicer would lose to everybody else's work (edge.sandbox.pool, SandboxSettings).
JOB_NICENESS = 15
STREAM_NICENESS = 10

# And so is the session that all workers share (edge.sandbox.lockdown).
_SESSION_NICENESS = 10
_STAT = Path("/proc/stat")
_SESSION_GROUP = Path("/proc/self/autogroup")
_KEPT_OUTPUT = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One turn: seconds on the clock, seconds of CPU, peak resident bytes of one process."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A median with the smallest and the largest value around it."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_digits(self.median)} ({_digits(self.low)}-{_digits(self.high)})"


def _digits(value: float) -> str:
    """Spell three digits, and those before the point whatever their number."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


class Failed(Exception):
    """A measured process ended with an error; says what it printed last."""


def spread(values: Sequence[float]) -> Spread:
    """Summarise values; there has to be at least one."""
    return Spread(median=statistics.median(values), low=min(values), high=max(values))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Divide pair by pair, then summarise: below 1 means that ours is smaller."""
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])


def take_turns(
    contenders: Mapping[str, Callable[[], Run]], *, rounds: int
) -> dict[str, tuple[Run, ...]]:
    """
    Let every contender run once a round, in the same order: A B A B A B.

    One more round goes before them and is not counted; it fills the page cache.
    """
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            run = contender()
            if number:
                runs[name].append(run)
    return {name: tuple(done) for name, done in runs.items()}


def measure(
    arguments: Sequence[str | Path], *, core: int | None = None, niceness: int = JOB_NICENESS
) -> Run:
    """
    Run a process to its end and measure it with all descendants it waited for.

    Args:
        arguments: The command line.

        core: The only core it may use, threads and children included; ``None`` for all.

        niceness: Added to that of this process; ``STREAM_NICENESS`` beside streams.

    Raises:
        Failed: It ended with an error.

    The peak is that of the largest process, not their sum. Linux counts what this process has
    resident at the fork as the child's, which is why the harness imports neither numpy nor PyAV.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: confine(core, niceness),
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.send_signal(signal.SIGKILL)
            raise
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            told = output.read().decode(errors="replace")[-_KEPT_OUTPUT:]
            raise Failed(f"{arguments[0]} ended with {process.returncode}: {told}")
    return Run(
        wall_s=wall, cpu_s=usage.ru_utime + usage.ru_stime, peak_bytes=usage.ru_maxrss * 1024
    )


def confine(core: int | None, niceness: int) -> None:
    """
    Keep this process and what it starts to one core, and be as nice as a worker of the edge is.

    Where the kernel groups processes by session (autogroup), niceness counts within a session, so
    workers have one that is nicer as a whole, by the same for jobs and streams; whoever stands
    beside them gets one too.
    """
    if core is not None:
        os.sched_setaffinity(0, {core})
    os.nice(niceness)
    if niceness > 0:
        os.setsid()
        with contextlib.suppress(OSError):
            _SESSION_GROUP.write_text(str(_SESSION_NICENESS))


@contextlib.contextmanager
def limited_to(cores: Collection[int]) -> Iterator[None]:
    """Keep this process, and all that it starts meanwhile, to some cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(cores))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Others:
    """
    How many cores were kept busy by what this process did not start, since this was made.

    Only what has ended and was waited for is known to be one's own.
    """

    def __init__(self) -> None:
        self._at, self._busy_s, self._own_s = time.monotonic(), _busy_s(), _own_s()

    def cores(self) -> float:
        """Tell the average."""
        busy_s, own_s = _busy_s() - self._busy_s, _own_s() - self._own_s
        return max(0.0, busy_s - own_s) / max(0.001, time.monotonic() - self._at)


def _busy_s() -> float:
    # proc(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
    user, nice, system, _, _, irq, softirq, *_ = map(int, _STAT.read_text().split()[1:9])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _own_s() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


def usable_cores() -> list[int]:
    """List the cores that this process may use."""
    return sorted(os.sched_getaffinity(0))
