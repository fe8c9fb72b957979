"""
Where the time of a request went, told in its answer (``Server-Timing``).

A request is in one stage at a time: a stage begins where the one before ended, and a look at the
clock is all that costs.
"""

from __future__ import annotations

from time import perf_counter
from typing import Final

from starlette.types import Message, Scope, Send

# Whoever may read an answer may as well know how long it took.
ALLOW_ORIGIN: Final = (b"timing-allow-origin", b"*")
NAME: Final = b"server-timing"

_HIDING: Final = (401, 403, 404)

_KEY: Final = "edge.timings"


class Timings:
    """The stages of one request."""

    __slots__ = ("_began", "_entered", "_seconds", "_stage")

    def __init__(self, stage: str) -> None:
        """Begin the request in *stage*."""
        self._began = self._entered = perf_counter()
        self._stage = stage
        self._seconds: dict[str, float] = {}

    def enter(self, stage: str) -> None:
        """End the stage before and begin another; one that was there before goes on."""
        now = perf_counter()
        self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._entered
        self._stage, self._entered = stage, now

    def header(self) -> bytes:
        """Spell the stages up to now, in milliseconds."""
        self.enter(self._stage)
        spelt = [f"{stage};dur={took * 1000:.3f}" for stage, took in self._seconds.items()]
        if len(spelt) > 1:
            spelt.append(f"total;dur={(self._entered - self._began) * 1000:.3f}")
        return ", ".join(spelt).encode()

    def sending(self, send: Send) -> Send:
        """Add the stages to whatever answer is sent."""

        async def send_timed(message: Message) -> None:
            # Of what is missing it would tell whether it is only not shown.
            if message["type"] == "http.response.start" and message["status"] not in _HIDING:
                fields = [*message["headers"], ALLOW_ORIGIN, (NAME, self.header())]
                message = {**message, "headers": fields}
            await send(message)

        return send_timed


def begin(scope: Scope, stage: str) -> Timings:
    """Begin to time a request, for all who answer it."""
    timings = Timings(stage)
    scope[_KEY] = timings
    return timings


def enter(scope: Scope, stage: str) -> None:
    """Begin a stage of the request, if it is timed."""
    timings: Timings | None = scope.get(_KEY)
    if timings is not None:
        timings.enter(stage)
