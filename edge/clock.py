"""
The time of day, as something that can be handed in.

Leases, ledger entries and everything else that is ordered between processes take their time from
the database instead (``edge.records.dialects.now_ms``): two nodes never agree on the time.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Whoever knows what time it is."""

    def now_ms(self) -> int:
        """Return milliseconds since the Unix epoch."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        """Return milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000
