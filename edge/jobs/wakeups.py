"""
Wake-ups between the coroutines of one process, and of others where bells can be heard.

They only save waiting: whoever listens also looks at the records from time to time, because other
processes may change them without a word.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Wakeups:
    """Events by topic, kept only while somebody listens."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def wake(self, *topics: str) -> None:
        """Wake everyone who listens to one of *topics*."""
        for topic in topics:
            for event in self._listeners.get(topic, ()):
                event.set()

    def wake_all(self) -> None:
        """Wake everyone, because much may have happened unheard."""
        self.wake(*self._listeners)

    @contextmanager
    def listening(self, topic: str) -> Iterator[asyncio.Event]:
        """Listen to *topic*; look at the records only afterwards, and nothing is missed."""
        event = asyncio.Event()
        self._listeners[topic].add(event)
        try:
            yield event
        finally:
            self._listeners[topic].discard(event)
            if not self._listeners[topic]:
                del self._listeners[topic]


async def wait(event: asyncio.Event, timeout_seconds: float) -> None:
    """Wait for *event* and clear it, or for the time to pass."""
    try:
        async with asyncio.timeout(timeout_seconds):
            await event.wait()
    except TimeoutError:
        return
    event.clear()
