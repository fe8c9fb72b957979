"""
Several threads at the work of one job.

libav lets go of the interpreter's lock while it encodes, so threads of one process keep as many
cores busy. What one thread is granted runs where it was asked for, without a second one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


def in_order(
    calls: Iterable[Callable[[], _T]], *, threads: int, waiting: int | None = None
) -> Iterator[_T]:
    """
    Make calls, several at a time, and yield what they return in the order of the calls.

    Args:
        calls: Taken one by one, when there is room for one more.

        threads: How many run at once; with 1, each runs when it is its turn to be yielded.

        waiting: How many more are taken than run, so that no thread waits while the oldest
            takes its time; *threads* by default.

    Raises whatever a call or *calls* raised, at its place in the order; later calls that have
    not begun are never made.
    """
    if threads == 1:
        for call in calls:
            yield call()
        return
    most = threads + (threads if waiting is None else waiting)
    running: deque[Future[_T]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="encode") as pool:
        try:
            for call in calls:
                running.append(pool.submit(call))
                if len(running) >= most:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
