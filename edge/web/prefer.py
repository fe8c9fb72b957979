"""``Prefer: wait=N`` (RFC 7240 section 4.3): let an answer wait for news, within reason."""

from __future__ import annotations

import re

LONGEST_WAIT_SECONDS = 60

_WAIT = re.compile(r"\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*(;.*)?", re.ASCII | re.IGNORECASE)


def preferred_wait_seconds(header: str | None) -> int | None:
    """Read how long a client would wait, at most a minute; ``None`` if it does not say."""
    for preference in (header or "").split(","):
        if match := _WAIT.fullmatch(preference):
            return min(int(match[1]), LONGEST_WAIT_SECONDS)
    return None
