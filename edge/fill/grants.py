"""
How many encoder threads a run gets, decided once when it starts.

A job alone on the machine is to be done soon, so it gets every core; jobs of a long queue are to
be many, so each gets one and none waits for another's. Between the two a new run gets what is
left, and never more than its share: what was granted is not taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# One thread decodes for all encoders of a job, about eight times as fast as one of them encodes
# (WAV is made 800 times faster than it plays, MP3 and AAC 100 times): more would wait for it.
MOST_THREADS: Final = 8

_BARE_WORKER_BYTES: Final = 256 << 20
_THREAD_BYTES: Final = 32 << 20


class Grants:
    """
    The threads granted to the runs of one process.

    Together they are never more than there are cores, and what runs are promised at the least: a
    run that comes when all are granted gets one, rather than none.
    """

    def __init__(self, *, cores: int, most: int = MOST_THREADS) -> None:
        self._cores = cores
        self._most = most
        self._runs = 0
        self._granted = 0

    @contextmanager
    def lent(self, *, least: int = 1, most: int | None = None) -> Iterator[int]:
        """
        Lend threads to a run while it runs.

        Args:
            least: How many it gets even if none are left, but not more than there are cores.

            most: How many it has work for; None is any number.
        """
        fair = share(
            cores=self._cores,
            runs=self._runs,
            granted=self._granted,
            most=self._most if most is None else min(self._most, most),
        )
        threads = max(fair, min(least, self._cores, self._most))
        self._runs += 1
        self._granted += threads
        try:
            yield threads
        finally:
            self._runs -= 1
            self._granted -= threads


def share(*, cores: int, runs: int, granted: int, most: int) -> int:
    """Settle the threads of one more run, where *runs* have been *granted* some already."""
    return max(1, min(cores - granted, cores // (runs + 1), most))


def most_threads(worker_bytes: int) -> int:
    """
    Tell how many encoder threads fit into the address space of a worker.

    A warm worker maps 220 MiB. A thread maps 8 MiB of stack, the state of its encoder, and the
    stretch of sound that it works on, and may find the common heap full.
    """
    return max(1, min(MOST_THREADS, (worker_bytes - _BARE_WORKER_BYTES) // _THREAD_BYTES))
