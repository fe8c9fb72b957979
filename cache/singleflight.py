"""
One caller in a process does the work, the others wait for its outcome.

The work runs in a task of its own, because the caller who happened to come first may hang up
first, and the others must not pay for that.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Joins concurrent runs of the same key."""

    def __init__(self) -> None:
        self._flights: dict[str, asyncio.Task[T]] = {}

    def __len__(self) -> int:
        """Return the number of runs in the air."""
        return len(self._flights)

    async def do(self, key: str, run: Callable[[], Awaitable[T]]) -> T:
        """
        Return what *run* returns, running it only if nobody does so for *key* right now.

        Raises what it raises, to everyone who waited. A cancelled waiter leaves the run going,
        even if it was the last one. The outcome is not remembered.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(self._fly(key, run), name=f"singleflight {key}")
            flight.add_done_callback(_retrieve)
            self._flights[key] = flight
        return await asyncio.shield(flight)

    async def aclose(self) -> None:
        """Cancel every run, and with it those who wait for it."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        self._flights.clear()

    async def _fly(self, key: str, run: Callable[[], Awaitable[T]]) -> T:
        try:
            return await run()
        finally:
            self._flights.pop(key, None)


def _retrieve(flight: "asyncio.Task[T]") -> None:
    # A failure that nobody waited for any more is not an error of the event loop.
    if not flight.cancelled():
        flight.exception()
