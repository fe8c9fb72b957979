"""
Sending webhooks: a loop that any number of nodes run, each for all of them.

An event is heard once its receiver has answered 2xx within ten seconds. Anything else is tried
again, later and later (``edge.library.webhooks.event.PAUSES_MS``); 410 says that nobody wants to
hear more. An answer that is lost on its way back has the event sent again: at least once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable

from cache.origins.fetch import Fetcher, Limits
from cache.source import SourceForbidden, SourceProblem
from edge.accounts.seal import SealBroken
from edge.jobs.wakeups import wait
from edge.library.webhooks.event import Event, pause_ms
from edge.library.webhooks.secrets.store import NoSuchAccount, WebhookSecrets
from edge.library.webhooks.signature import signed_headers
from edge.library.webhooks.store import Events
from edge.records.problems import RecordsAway

_log = logging.getLogger(__name__)

ATTEMPT_SECONDS = 10.0
# What an attempt may take with all that belongs to it; then another process may begin the next.
_ATTEMPT_MS = 20_000
_LIMITS = Limits(
    connect_seconds=ATTEMPT_SECONDS,
    headers_seconds=ATTEMPT_SECONDS,
    total_seconds=ATTEMPT_SECONDS,
    max_redirects=0,
)
_MOST_AT_ONCE = 16
# A receiver that does not answer holds up its own account only.
_MOST_AT_ONCE_OF_ACCOUNT = 4
_POLL_SECONDS = 1.0
_GONE = 410

_FORGET_EVERY_SECONDS = 3600.0
KEPT_DAYS = 30
_KEPT_MS = KEPT_DAYS * 86_400_000


class Sender:
    """Sends what is due."""

    def __init__(
        self,
        *,
        events: Events,
        secrets: WebhookSecrets,
        fetcher: Fetcher,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Prepare; *chance* gives numbers from 0 to 1, by which pauses differ."""
        self._events = events
        self._secrets = secrets
        self._fetcher = fetcher
        self._chance = chance
        self._attempts: dict[asyncio.Task[None], str] = {}
        self._forgot_at: float | None = None

    async def run(self) -> None:
        """Send what is due, until it is cancelled."""
        with self._events.arrivals() as arrived:
            while True:
                try:
                    await self._begin_due()
                    await self._forget()
                except RecordsAway:
                    # What is due stays due.
                    pass
                except Exception:
                    _log.exception("webhooks were not looked for")
                await wait(arrived, _POLL_SECONDS)

    async def aclose(self) -> None:
        """Break off what is being sent; it is due again soon."""
        for attempt in self._attempts:
            attempt.cancel()
        await asyncio.gather(*self._attempts, return_exceptions=True)

    async def send(self, event: Event) -> None:
        """Make one attempt, and write down what came of it."""
        try:
            status = await self._status_of(event)
        except SourceForbidden as problem:
            await self._events.give_up(event, str(problem))
        except (SourceProblem, SealBroken, NoSuchAccount) as problem:
            await self._put_off(event, str(problem))
        else:
            if 200 <= status < 300:
                await self._events.delivered(event)
            elif status == _GONE:
                await self._events.give_up(event, f"status {status}")
            else:
                await self._put_off(event, f"status {status}")

    async def _status_of(self, event: Event) -> int:
        """Send an event, and return the status of the answer."""
        body = event.body.encode()
        signers = await self._secrets.signers(event.account)
        headers = {
            "Content-Type": "application/json",
            **signed_headers(event.id, int(time.time()), body, signers),
        }
        request = self._fetcher.request(
            "POST", event.url, headers=headers, body=body, limits=_LIMITS
        )
        async with request as answer:
            return answer.status

    async def _put_off(self, event: Event, error: str) -> None:
        _log.info("webhook %s of %s: %s", event.id, event.account, error)
        pause = pause_ms(event.attempts, self._chance())
        if pause is None:
            await self._events.give_up(event, error)
        else:
            await self._events.put_off(event, error, pause)

    async def _begin_due(self) -> None:
        while len(self._attempts) < _MOST_AT_ONCE:
            under_way = Counter(self._attempts.values())
            busy = [each for each, n in under_way.items() if n >= _MOST_AT_ONCE_OF_ACCOUNT]
            event = await self._events.take(attempt_ms=_ATTEMPT_MS, without=busy)
            if event is None:
                return
            attempt = asyncio.create_task(self._attempt(event))
            self._attempts[attempt] = event.account
            attempt.add_done_callback(self._ended)

    async def _attempt(self, event: Event) -> None:
        try:
            await self.send(event)
        except Exception:
            # It is due again, because it was put off before.
            _log.exception("webhook %s was not sent", event.id)

    def _ended(self, attempt: asyncio.Task[None]) -> None:
        del self._attempts[attempt]
        self._events.wake()

    async def _forget(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._forgot_at is None or now - self._forgot_at >= _FORGET_EVERY_SECONDS:
            self._forgot_at = now
            await self._events.forget(older_than_ms=_KEPT_MS)
