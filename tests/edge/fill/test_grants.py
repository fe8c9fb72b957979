from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.fill.grants import MOST_THREADS, Grants, most_threads, share

CORES = st.integers(1, 256)
MOST = st.integers(1, 64)
MIB = 1 << 20


def granted(cores: int, runs: int, most: int = MOST_THREADS) -> list[int]:
    """Start runs one after another, none of which ends."""
    grants = Grants(cores=cores, most=most)
    with ExitStack() as stack:
        return [stack.enter_context(grants.lent()) for _ in range(runs)]


@pytest.mark.parametrize(
    ("cores", "expected"),
    [
        (1, [1, 1, 1]),
        (2, [2, 1, 1]),
        (4, [4, 1, 1]),
        (16, [8, 8, 1]),
        (64, [8, 8, 8, 8, 8, 8, 8, 8, 1]),
    ],
)
def test_what_runs_get_that_start_on_an_idle_machine(cores: int, expected: list[int]) -> None:
    assert granted(cores, len(expected)) == expected


@given(CORES, MOST)
def test_a_job_alone_gets_every_core(cores: int, most: int) -> None:
    assert granted(cores, 1, most) == [min(cores, most)]


@given(CORES, MOST)
def test_in_a_long_queue_each_job_gets_one_thread(cores: int, most: int) -> None:
    grants = Grants(cores=cores, most=most)
    with ExitStack() as others:
        for _ in range(cores):
            others.enter_context(grants.lent(most=1))
        with grants.lent() as threads:
            assert threads == 1


@given(CORES, MOST, st.lists(st.tuples(st.booleans(), st.integers(1, 20)), max_size=100))
def test_never_more_threads_than_cores_and_promises(
    cores: int, most: int, steps: list[tuple[bool, int]]
) -> None:
    """Each step begins a run that is promised a number of threads, or ends one by its number."""
    grants = Grants(cores=cores, most=most)
    runs: list[tuple[ExitStack, int, int]] = []
    for begins, number in steps:
        if begins:
            stack = ExitStack()
            runs.append((stack, number, stack.enter_context(grants.lent(least=number))))
        elif runs:
            runs.pop(number % len(runs))[0].close()

        assert all(1 <= threads <= min(most, cores) for _, _, threads in runs)
        assert sum(threads for *_, threads in runs) <= cores + sum(least for _, least, _ in runs)


@given(CORES, st.integers(0, 300), st.integers(0, 300), MOST)
def test_more_cores_never_mean_less_and_more_runs_never_mean_more(
    cores: int, runs: int, threads: int, most: int
) -> None:
    now = share(cores=cores, runs=runs, granted=threads, most=most)

    assert share(cores=cores + 1, runs=runs, granted=threads, most=most) >= now
    assert share(cores=cores, runs=runs + 1, granted=threads, most=most) <= now
    assert share(cores=cores, runs=runs, granted=threads + 1, most=most) <= now


def test_a_stream_gets_a_thread_for_each_variant_though_none_is_left() -> None:
    grants = Grants(cores=4)
    with grants.lent() as file, grants.lent(least=3) as stream, grants.lent(least=10) as wide:
        assert (file, stream, wide) == (4, 3, 4)


def test_what_has_work_for_one_thread_leaves_the_others_to_the_next() -> None:
    grants = Grants(cores=4)
    with grants.lent(most=1) as lossless, grants.lent() as file:
        assert (lossless, file) == (1, 2)
    with grants.lent() as alone:
        assert alone == 4


def test_a_run_that_fails_gives_its_threads_back() -> None:
    grants = Grants(cores=4)
    with pytest.raises(RuntimeError), grants.lent():
        raise RuntimeError
    with grants.lent() as threads:
        assert threads == 4


@pytest.mark.parametrize(
    ("worker_bytes", "threads"), [(256 * MIB, 1), (320 * MIB, 2), (512 * MIB, 8), (1024 * MIB, 8)]
)
def test_threads_fit_into_what_a_worker_may_map(worker_bytes: int, threads: int) -> None:
    assert most_threads(worker_bytes) == threads
