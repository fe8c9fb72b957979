"""
How much a cluster makes: one node that answers, and 1, 2 or 4 workers of one job each, over
PostgreSQL and S3, asked for URLs that nobody has asked for before by twice as many clients.

Meanwhile a segment that is made already is asked for at random instants (``bench.mixed_load``).
Everything runs on this machine, the database and the bucket too, so more workers than cores add
nothing. Servers come from ``python -m tests.support.backends -- python -m bench.cluster``, or are
named as that names them.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import botocore.session
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from bench import inputs, report
from bench.harness import Failed, usable_cores
from bench.mixed_load import Load, Served, find_segment, serve_times
from bench.server import ACCOUNT, READY, SETTINGS, Server, end, get, when_ready

_POSTGRES = "EDGE_TEST_POSTGRES"
_S3 = ("EDGE_TEST_S3", "EDGE_TEST_S3_KEY", "EDGE_TEST_S3_SECRET")
_RATE = 100.0
_FLOODING = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What some workers made in a while, and how cached segments were served meanwhile."""

    workers: int
    seconds: float
    source_seconds: float
    served: Served

    @property
    def urls_per_second(self) -> float:
        """Artifacts made a second."""
        return self.served.made / self.seconds

    @property
    def hours_per_hour(self) -> float:
        """Hours of sound that are transcoded in an hour."""
        return self.urls_per_second * self.source_seconds


def measure(workers: int, source: Path, *, source_seconds: float, seconds: float) -> Capacity:
    """Run a cluster of its own and keep it busy."""
    with _shared(source) as settings, _nodes(workers, settings) as front:
        target, _ = find_segment(front, source)
        keys = itertools.count(1)
        with Load(server=front, source=source, slots=2 * workers, keys=keys) as load:
            began = time.perf_counter()
            served = serve_times(target, rate=_RATE, seconds=seconds, load=load)
            took = time.perf_counter() - began
        front.cancel_all()
    return Capacity(workers=workers, seconds=took, source_seconds=source_seconds, served=served)


def flood(workers: int, source: Path, *, urls: int, seconds: float) -> Served:
    """Ask for many URLs that nobody has asked for before, all at once, and for cached segments."""
    with _shared(source) as settings, _nodes(workers, settings) as front:
        target, _ = find_segment(front, source)

        def ask(number: int) -> None:
            with front.connected() as connection:
                get(connection, f"/{ACCOUNT}/audio/{source.name}?f=mp3&br=128&v=flood{number}")

        with ThreadPoolExecutor(_FLOODING) as pool:
            asked = [pool.submit(ask, number) for number in range(urls)]
            served = serve_times(target, rate=_RATE, seconds=seconds, load=None)
            for each in asked:
                each.result()
        front.cancel_all()
    return served


@contextlib.contextmanager
def _shared(source: Path) -> Iterator[dict[str, str]]:
    """Make a database and a bucket with *source* in it, and say how nodes find them."""
    endpoint, key, secret = (os.environ[name] for name in _S3)
    name = f"bench{uuid.uuid4().hex}"
    client = botocore.session.Session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )
    client.create_bucket(Bucket=name)
    with source.open("rb") as file:
        client.put_object(Bucket=name, Key=f"sources/{source.name}", Body=file)
    server = make_url(os.environ[_POSTGRES])
    asyncio.run(_execute(os.environ[_POSTGRES], f"CREATE DATABASE {name}"))
    settings = {
        "EDGE_DATABASE_URL": server.set(database=name).render_as_string(hide_password=False),
        "EDGE_BLOBS": f"s3://{name}/blobs",
        "EDGE_MOUNTS": f"/=s3://{name}/sources",
        "EDGE_S3_ENDPOINT": endpoint,
        "EDGE_SEAL_KEY": base64.b64encode(bytes(32)).decode(),
        "EDGE_NEW_TRANSFORMS_PER_MINUTE": "1000000",
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
    }
    try:
        yield settings
    finally:
        asyncio.run(_execute(os.environ[_POSTGRES], f"DROP DATABASE {name} WITH (FORCE)"))
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=name)
        for found in [each for page in pages for each in page.get("Contents", [])]:
            client.delete_object(Bucket=name, Key=found["Key"])
        client.delete_bucket(Bucket=name)


async def _execute(url: str, statement: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


@contextlib.contextmanager
def _nodes(workers: int, settings: Mapping[str, str]) -> Iterator[Server]:
    """Run one node that answers and some that work, with these settings and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_")}
    environment = {**kept, **SETTINGS, **settings}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        subprocess.run(_command("migrate"), check=True, env=environment, stdout=subprocess.DEVNULL)
        for number in range(workers):
            worker = _start(environment, folder / f"worker{number}", "worker", "--workers", "1")
            stack.callback(end, worker)
            assert worker.stdout is not None
            if not any(line.startswith(READY) for line in worker.stdout):
                raise Failed(f"A worker ended with {worker.wait()}.")
        front = _start(environment, folder / "front", "serve", "--no-workers", "--port", "0")
        stack.callback(end, front)
        yield when_ready(front)


def _start(environment: Mapping[str, str], data: Path, *verb: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*_command(*verb), "--data", str(data)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(environment),
    )


def _command(*verb: str) -> list[str]:
    return [sys.executable, "-m", "edge", *verb]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    parser.add_argument("--workers", default="1,2,4", help="how many in turn (1,2,4)")
    parser.add_argument("--seconds", type=float, default=20, help="length of one turn (20)")
    parser.add_argument("--minutes", type=float, default=1, help="duration of the source (1)")
    parser.add_argument("--flood", type=int, default=500, help="URLs asked for at once (500)")
    given = parser.parse_args(arguments)
    if missing := [name for name in (_POSTGRES, *_S3) if name not in os.environ]:
        parser.error(f"there is no {missing[0]}: run it by 'python -m tests.support.backends'")
    source = inputs.prepare(round(given.minutes * 60), "mp3")
    rows = [("workers", "URLs/s", "hours/hour", "cached p50 ms", "cached p99 ms", "made")]
    for workers in map(int, given.workers.split(",")):
        found = measure(workers, source, source_seconds=given.minutes * 60, seconds=given.seconds)
        rows.append(
            (
                str(workers),
                f"{found.urls_per_second:.2f}",
                f"{found.hours_per_hour:.0f}",
                f"{found.served.p50_s * 1000:.1f}",
                f"{found.served.p99_s * 1000:.1f}",
                str(found.served.made),
            )
        )
    print(f"{len(usable_cores())} cores, sources of {given.minutes:g} min, MP3 128 and AAC 96")
    print(report.table(rows))
    flooded = flood(2, source, urls=given.flood, seconds=given.seconds)
    times = (flooded.p50_s, flooded.p99_s, flooded.worst_s)
    p50, p99, worst = (f"{each * 1000:.1f}" for each in times)
    print(
        f"{given.flood} URLs at once, 2 workers; cached segments: p50 {p50} ms, p99 {p99}, {worst}"
    )


if __name__ == "__main__":
    main()
