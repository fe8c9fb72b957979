"""
Who may start new work now: the budgets that are looked at before any of it.

A hit costs nothing and is never refused; what is counted here is only what would start a worker.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from edge.accounts.store import Accounts
from edge.billing.store import Ledger
from edge.clock import Clock
from edge.fill.allowance import Allowance
from edge.fill.pricing import price_of
from edge.fill.problems import OverQuota, QueueFull, TooManyTransforms
from edge.fill.wanted import Wanted
from edge.jobs.store import Jobs
from transforms.audio.timeline import Resolved

_MINUTE_MS = 60_000
_QUEUE_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """The limits of one installation; ``quota_seconds`` is each account's unless it has one."""

    new_transforms_per_minute: int
    max_queue: int
    quota_seconds: int | None


class Admission:
    """Lets new work in, or says why not."""

    def __init__(
        self, jobs: Jobs, ledger: Ledger, accounts: Accounts, clock: Clock, budgets: Budgets
    ) -> None:
        self._jobs = jobs
        self._allowance = Allowance(
            accounts=accounts, ledger=ledger, jobs=jobs, default_seconds=budgets.quota_seconds
        )
        self._clock = clock
        self._budgets = budgets
        self._started: dict[str, deque[int]] = {}

    async def admit(self, wanted: Wanted, resolved: Resolved | None) -> Fraction:
        """
        Count a new transform against its account.

        Args:
            resolved: The plan against its sources, ``None`` if a source could not be surveyed:
                then there is no price yet.

        Returns:
            The price as far as it is known, to be reserved with the job.

        Raises:
            TooManyTransforms, QueueFull, OverQuota: As their names say.
        """
        waiting, age_ms = await asyncio.gather(
            self._jobs.waiting(),
            self._jobs.age_of_newest_ms(
                wanted.account, self._budgets.new_transforms_per_minute, within_ms=_MINUTE_MS
            ),
        )
        if self._is_full(waiting, wanted.account):
            raise QueueFull(retry_after_seconds=_QUEUE_RETRY_SECONDS)
        if age_ms is not None:
            raise self._too_many(_MINUTE_MS - age_ms)
        price = Fraction(0)
        if resolved is not None and resolved.duration is not None:
            price = price_of(wanted.key, wanted.url.plan, resolved.duration)
            await self._check_quota(wanted.account, price)
        # Last, because what is refused is not started.
        self._count(wanted.account)
        return price

    def _is_full(self, waiting: Mapping[str, int], account: str) -> bool:
        """
        Tell whether the queue has no room for an account.

        A full queue has some for those who have less than their share of it waiting, or one
        account could fill it and shut the others out; beyond twice its length it has none.
        """
        together, most = sum(waiting.values()), self._budgets.max_queue
        share = most / len({*waiting, account})
        return together >= most and (waiting.get(account, 0) >= share or together >= 2 * most)

    async def _check_quota(self, account: str, price: Fraction) -> None:
        # Whoever has no quota is not counted up.
        quota = await self._allowance.quota_seconds(account)
        if quota is None:
            return
        balance = await self._allowance.balance(account)
        spent = balance.used + balance.promised
        if spent + price > quota:
            raise OverQuota(used=spent, price=price, quota=quota)

    def _too_many(self, wait_ms: int) -> TooManyTransforms:
        return TooManyTransforms(
            a_minute=self._budgets.new_transforms_per_minute,
            retry_after_seconds=max(1, math.ceil(wait_ms / 1000)),
        )

    def _count(self, account: str) -> None:
        """Count what this process lets in, as those that come at once are in no records yet."""
        now = self._clock.now_ms()
        started = self._started.setdefault(account, deque())
        while started and started[0] <= now - _MINUTE_MS:
            started.popleft()
        if len(started) >= self._budgets.new_transforms_per_minute:
            raise self._too_many(started[0] + _MINUTE_MS - now)
        started.append(now)
