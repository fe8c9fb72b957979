"""
A worker to be killed: ``python killed.py DATABASE_URL ROUNDS SEED``.

Each round forks a process that submits, claims and finishes without a pause, and kills it at a
random instant. Forking saves importing everything again, so that many rounds are cheap.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import sys
import time

from edge.billing.charge import Charge
from edge.jobs.job import Lease
from edge.jobs.store import Jobs
from edge.records.engine import open_records

LONGEST_LIFE_SECONDS = 0.1
LANES = 3


async def work(database: str, seed: str, started: int) -> None:
    jobs = Jobs(open_records(database), lease_ms=1)
    lanes = [f"{seed}.{lane}" for lane in range(LANES)]
    # Connecting takes longer than the life that begins with this.
    await asyncio.gather(*(_round(jobs, lane, 0) for lane in lanes))
    os.write(started, b".")
    await asyncio.gather(*(_live(jobs, lane) for lane in lanes))


async def _live(jobs: Jobs, name: str) -> None:
    for number in itertools.count(1):
        await _round(jobs, name, number)


async def _round(jobs: Jobs, name: str, number: int) -> None:
    _, lease = await jobs.submit(
        key=f"{name}.{number}",
        account="W142hJk",
        subject="/",
        priority=number % 2,
        owner=name if number % 3 == 0 else None,
    )
    await _finish(jobs, lease)
    await _finish(jobs, await jobs.claim(name))


async def _finish(jobs: Jobs, lease: Lease | None) -> None:
    if lease is not None:
        charge = Charge(
            key=lease.key,
            account=lease.account,
            url=lease.subject,
            duration_ms=10_000,
            multiplier_thousandths=750,
        )
        await jobs.finish(lease, charge=charge, details="{}")


def main() -> None:
    database, rounds, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    chance = random.Random(seed)
    for number in range(rounds):
        born, started = os.pipe()
        child = os.fork()
        if child == 0:
            asyncio.run(work(database, f"{seed}.{number}", started))
        os.close(started)
        os.read(born, 1)
        os.close(born)
        time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
