"""What is to be told to somebody's server, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ulid import ULID

_SECOND_MS = 1_000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS

# After the first attempt, the second, …: a restart is waited for in seconds, an outage in days.
PAUSES_MS: Final = (
    *(5 * _SECOND_MS, 30 * _SECOND_MS, 2 * _MINUTE_MS, 10 * _MINUTE_MS),
    *(_HOUR_MS, 3 * _HOUR_MS, 12 * _HOUR_MS, 24 * _HOUR_MS, 24 * _HOUR_MS),
)
MOST_ATTEMPTS: Final = len(PAUSES_MS) + 1

# Those who failed together do not come back together.
_JITTER = 0.2


class EventState(StrEnum):
    """Where an event stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    One thing to be told: ``body`` is JSON, sent to ``url`` as it stands.

    ``attempts`` counts those that were begun, ``due_ms`` is when the next one is. The id is the
    same in every attempt. Times are milliseconds since the Unix epoch.
    """

    id: str
    account: str
    kind: str
    url: str
    body: str
    state: EventState
    attempts: int
    due_ms: int
    last_error: str | None
    created_ms: int
    updated_ms: int


def new_event_id() -> str:
    """Return a fresh ULID."""
    return str(ULID())


def pause_ms(attempts: int, chance: float) -> int | None:
    """
    Tell how long to wait after so many attempts; None if that is all that are made.

    Args:
        chance: From 0 to 1; lengthens the pause by up to a fifth.
    """
    if attempts >= MOST_ATTEMPTS:
        return None
    return round(PAUSES_MS[attempts - 1] * (1 + _JITTER * chance))
