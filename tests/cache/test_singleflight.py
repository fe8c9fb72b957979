"""One does the work, the others wait."""

import asyncio

import pytest

from cache.singleflight import SingleFlight


class Work:
    """Counts its runs and waits to be let go."""

    def __init__(self, outcome: int | Exception = 7) -> None:
        self.runs = 0
        self.started = asyncio.Event()
        self.go = asyncio.Event()
        self.outcome = outcome

    async def __call__(self) -> int:
        self.runs += 1
        self.started.set()
        await self.go.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def test_concurrent_callers_share_one_run() -> None:
    flights: SingleFlight[int] = SingleFlight()
    work = Work()

    waiters = [asyncio.create_task(flights.do("k", work)) for _ in range(5)]
    await work.started.wait()
    work.go.set()

    assert (await asyncio.gather(*waiters), work.runs, len(flights)) == ([7] * 5, 1, 0)


async def test_keys_fly_apart_and_outcomes_are_not_remembered() -> None:
    flights: SingleFlight[int] = SingleFlight()
    work = Work()
    work.go.set()

    await asyncio.gather(flights.do("a", work), flights.do("b", work))
    await flights.do("a", work)

    assert work.runs == 3


async def test_a_failure_reaches_everyone() -> None:
    flights: SingleFlight[int] = SingleFlight()
    problem = RuntimeError("broken")
    work = Work(problem)

    waiters = [asyncio.create_task(flights.do("k", work)) for _ in range(3)]
    await work.started.wait()
    work.go.set()

    assert await asyncio.gather(*waiters, return_exceptions=True) == [problem] * 3


async def test_the_first_caller_may_leave() -> None:
    flights: SingleFlight[int] = SingleFlight()
    work = Work()
    first = asyncio.create_task(flights.do("k", work))
    await work.started.wait()
    second = asyncio.create_task(flights.do("k", work))
    await asyncio.sleep(0)

    first.cancel()
    work.go.set()

    assert (await second, work.runs) == (7, 1)
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_the_run_goes_on_when_everyone_left_and_its_failure_is_nobodys() -> None:
    flights: SingleFlight[int] = SingleFlight()
    work = Work(RuntimeError("nobody asked"))
    only = asyncio.create_task(flights.do("k", work))
    await work.started.wait()
    only.cancel()
    await asyncio.wait([only])

    flying = len(flights)
    work.go.set()
    while len(flights):
        await asyncio.sleep(0)

    assert flying == 1


async def test_closing_cancels_what_flies() -> None:
    flights: SingleFlight[int] = SingleFlight()
    work = Work()
    waiter = asyncio.create_task(flights.do("k", work))
    await work.started.wait()

    await flights.aclose()

    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert len(flights) == 0
