"""Several nodes on one PostgreSQL and one bucket, with all that can be done to them."""

from __future__ import annotations

import base64
import contextlib
import http.client
import itertools
import os
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.running import ACCOUNT, PATIENCE_SECONDS, Answer, Edge, until
from tests.support.backend_fixtures import S3Bucket
from tests.support.buckets import credentials
from tests.support.databases import Databases
from tests.support.faulty_s3 import FaultyS3, faulty
from tests.support.postgres import PostgresServer, own_postgres

LEASE_SECONDS = 3
MOUNT = "/music"
# What a client tries again, as a browser's user or a CDN would.
_PASSING = (502, 503, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Nodes, what they share, and clients that do not mind which of them answers."""

    nodes: tuple[Edge, ...]
    database: PostgresServer
    bucket: S3Bucket
    s3: FaultyS3

    def freeze(self, node: Edge) -> None:
        """Stop a node's process, as a machine that is suspended does."""
        os.kill(node.pid, signal.SIGSTOP)

    def thaw(self, node: Edge) -> None:
        """Let it go on, none the wiser."""
        os.kill(node.pid, signal.SIGCONT)

    def get(self, target: str, headers: Mapping[str, str] | None = None, first: int = 0) -> Answer:
        """Ask one node after another until one of them answers with more than a failure."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        for number in itertools.count(first):
            with contextlib.suppress(OSError, http.client.HTTPException):
                answer = self.nodes[number % len(self.nodes)].send(
                    target, headers, patience_seconds=10
                )
                if answer.status not in _PASSING:
                    return answer
            assert time.monotonic() < deadline, f"no node answers {target}"
            time.sleep(0.1)
        raise AssertionError

    def made(self, rest: str, first: int = 0) -> bytes:
        """Have a transform made and return its artifact, asking for the job until it is done."""

        def poll() -> str | None:
            answer = self.get(f"/{ACCOUNT}/audio{MOUNT}/{rest}", {"Prefer": "wait=2"}, first)
            assert answer.status == 200, answer.body
            job = answer.json()
            assert job["status"] in ("Running", "Succeeded") or _passes(job), job
            if job["status"] != "Succeeded":
                return None
            return str(job["summary"]["result"]["artifactUrl"])

        def fetch() -> bytes | None:
            url = until(poll, f"{rest} to be made")
            answer = self.get(url[url.index(f"/{ACCOUNT}/") :], first=first)
            # It may have to be made again: its bytes were lost with a node.
            return answer.body if answer.status == 200 else None

        return bytes(until(fetch, rest))


def _passes(job: Mapping[str, object]) -> bool:
    """Tell whether a job has failed of what its clients try again."""
    error = job.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return job["status"] == "Failed" and code in ("source_unreachable", "storage_failed")


@contextlib.contextmanager
def cluster(
    folder: Path, bucket: S3Bucket, *, nodes: int = 3, **settings: str
) -> Iterator[Cluster]:
    """Run nodes that share a database and a bucket, reached through a proxy that can fail."""
    with (
        own_postgres() as database,
        Databases(database.url).fresh() as url,
        faulty(bucket.endpoint) as s3,
        contextlib.ExitStack() as stack,
    ):
        shared = {
            "EDGE_DATABASE_URL": url,
            "EDGE_BLOBS": f"s3://{bucket.bucket}/blobs",
            "EDGE_MOUNTS": f"{MOUNT}=s3://{bucket.bucket}/music",
            "EDGE_S3_ENDPOINT": s3.url,
            "EDGE_SEAL_KEY": base64.b64encode(bytes(32)).decode(),
            "EDGE_LEASE_SECONDS": str(LEASE_SECONDS),
            "EDGE_WORKERS": "2",
            "EDGE_DRAIN_SECONDS": "1",
            **credentials(bucket),
            **settings,
        }
        opened = [Edge(folder / f"node{number}", **shared) for number in range(nodes)]
        for node in opened:
            stack.callback(node.end)
        with ThreadPoolExecutor(nodes) as pool:
            list(pool.map(Edge.start, opened))
        yield Cluster(nodes=tuple(opened), database=database, bucket=bucket, s3=s3)
