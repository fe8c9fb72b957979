from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from typing import TypeAlias

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.billing.store import Ledger, Reconciliation
from edge.jobs.job import JobState, Lease
from edge.jobs.store import Jobs
from tests.support.databases import patient, url_of

from .work import ACCOUNT, charge, lapse

KEYS = [f"key{number}" for number in range(12)]
OWNERS = 8
STEPS = 40

# The price of every finish that succeeded, by key.
Prices: TypeAlias = defaultdict[str, list[int]]


async def test_of_two_hundred_requests_for_one_key_one_gets_the_lease(
    records: AsyncEngine,
) -> None:
    # Two engines stand for two nodes.
    other = patient(url_of(records))
    nodes = [Jobs(records), Jobs(other)]
    answers = await asyncio.gather(
        *(
            nodes[number % 2].submit(
                key="k", account=ACCOUNT, subject="/", priority=0, owner=f"owner{number}"
            )
            for number in range(200)
        )
    )
    await other.dispose()
    leases = [lease for _, lease in answers if lease is not None]

    assert [lease.epoch for lease in leases] == [1]
    assert {(leases[0].job_id, leases[0].owner)} == {(job.id, job.owner) for job, _ in answers}


async def test_two_hundred_claims_take_every_job_once(records: AsyncEngine) -> None:
    jobs = Jobs(records)
    for key in KEYS:
        await jobs.submit(key=key, account=ACCOUNT, subject="/", priority=0, owner=None)
    claimed = await asyncio.gather(*(jobs.claim(f"owner{number}") for number in range(200)))

    assert sorted((lease.key for lease in claimed if lease), key=KEYS.index) == KEYS


class _Owner:
    """One owner that works, dawdles and loses its leases, and tries old ones all the same."""

    def __init__(
        self, name: str, records: AsyncEngine, chance: random.Random, prices: Prices
    ) -> None:
        self.name = name
        self.records = records
        self.jobs = Jobs(records)
        self.chance = chance
        self.leases: list[Lease] = []
        self.prices = prices

    async def live(self) -> None:
        for _ in range(STEPS):
            step = self.chance.choice(
                [
                    *[self.submit, self.claim] * 2,
                    *[self.finish] * 3,
                    *[self.renew, self.retry, self.leave, self.cancel, self.lose],
                ]
            )
            await step()

    async def submit(self) -> None:
        _, lease = await self.jobs.submit(
            key=self.chance.choice(KEYS),
            account=ACCOUNT,
            subject="/",
            priority=self.chance.randrange(3),
            owner=self.chance.choice([self.name, None]),
            remake=self.chance.random() < 0.5,
            retry_failed=self.chance.random() < 0.5,
        )
        if lease is not None:
            self.leases.append(lease)

    async def claim(self) -> None:
        lease = await self.jobs.claim(self.name)
        if lease is not None:
            self.leases.append(lease)

    async def finish(self) -> None:
        # Old leases are kept and tried again: the fence alone has to stop them.
        if not self.leases:
            return
        lease = self.chance.choice(self.leases)
        price_ms = self.chance.randrange(10_000, 10**9)
        bill = charge(lease.key, price_ms)
        if await self.jobs.finish(lease, charge=bill, details="{}"):
            self.prices[lease.key].append(price_ms)

    async def renew(self) -> None:
        if self.leases:
            await self.jobs.renew(self.chance.choice(self.leases), self.chance.random())

    async def retry(self) -> None:
        if self.leases:
            await self.jobs.retry(self.chance.choice(self.leases), max_attempts=2)

    async def leave(self) -> None:
        await self.jobs.release_owner(self.name)

    async def cancel(self) -> None:
        job = await self.jobs.by_key(self.chance.choice(KEYS))
        if job is not None and self.chance.random() < 0.3:
            await self.jobs.cancel(ACCOUNT, job.id)

    async def lose(self) -> None:
        await lapse(self.records, self.chance.choice(KEYS))


@pytest.mark.parametrize("seed", range(5))
async def test_no_interleaving_bills_a_key_twice_or_forgets_it(
    records: AsyncEngine, seed: int
) -> None:
    other = patient(url_of(records))
    prices: Prices = defaultdict(list)
    owners = [
        _Owner(f"owner{number}", engine, random.Random(f"{seed}.{number}"), prices)
        for number in range(OWNERS)
        for engine in ((records, other)[number % 2],)
    ]
    await asyncio.gather(*(owner.live() for owner in owners))
    await other.dispose()
    ledger = Ledger(records)
    entries, _ = await ledger.entries(ACCOUNT, limit=len(KEYS) + 1)
    done = {
        job.key
        for job in (await Jobs(records).list(ACCOUNT, limit=10_000))[0]
        if job.state is JobState.DONE
    }
    billed = {entry.key: entry.duration_ms for entry in entries}

    assert len(billed) == len(entries)
    assert set(prices) == set(billed)
    assert all(billed[key] in prices[key] for key in billed)
    assert done <= set(billed)
    assert Reconciliation(jobs_without_entry=(), entries_without_job=()) == (
        await ledger.reconcile()
    )
