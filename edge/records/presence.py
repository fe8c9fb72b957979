"""
Whether the database is there, as whoever asked it last has found out.

Who finds it away says so for all: for a second nobody else tries, so that a database that answers
nothing does not hold up every request for as long as connecting may take.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from edge.records.problems import RecordsAway

_log = logging.getLogger(__name__)

_TRIED_AGAIN_AFTER_SECONDS = 1.0


class Presence:
    """What a process knows of its database."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._away_since: float | None = None
        self._tried_at = 0.0

    @property
    def away(self) -> bool:
        """Whether it could not be reached when it was asked last."""
        return self._away_since is not None

    @property
    def away_seconds(self) -> float:
        """For how long it has not been reached, 0 while it is there."""
        return 0.0 if self._away_since is None else self._clock() - self._away_since

    def check(self) -> None:
        """
        Let one try a second pass while the database is away.

        Raises:
            RecordsAway: Somebody has just found it away.
        """
        if self._away_since is None:
            return
        now = self._clock()
        if now - self._tried_at < _TRIED_AGAIN_AFTER_SECONDS:
            raise RecordsAway
        self._tried_at = now

    def note_away(self) -> None:
        """Say that it could not be reached."""
        self._tried_at = self._clock()
        if self._away_since is None:
            self._away_since = self._tried_at
            _log.warning("the database cannot be reached")

    def note_there(self) -> None:
        """Say that it answers."""
        if self._away_since is not None:
            _log.warning("the database can be reached again, after %.1f s", self.away_seconds)
            self._away_since = None
