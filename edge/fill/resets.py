"""
Forgetting artifacts on purpose.

A reset is recorded as a job that is done when it is begun, because clients of this API expect one
to poll. What is made again afterwards is not billed again: the ledger knows its key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from cache.artifacts import Artifacts
from edge import ids
from edge.jobs.job import Job
from edge.jobs.store import Jobs

_API = "/audio"


class CacheResets:
    """Removes artifacts by a URL pattern."""

    def __init__(self, artifacts: Artifacts, jobs: Jobs, owner: str) -> None:
        self._artifacts = artifacts
        self._jobs = jobs
        self._owner = owner

    async def reset(self, account: str, subject: str, *, pattern: str, permanent: bool) -> Job:
        """
        Remove the artifacts whose URL below the account matches.

        Args:
            pattern: A path with its API, such as ``/audio/talk.mp3``, or a prefix before ``*``.

            permanent: Whether to remove artifacts; without it only caches in front are meant,
                which this edge does not hold.
        """
        job, lease = await self._jobs.submit(
            key=hashlib.sha256(ids.new_job_id().encode()).hexdigest(),
            account=account,
            subject=subject,
            priority=0,
            owner=self._owner,
        )
        removed = 0
        if permanent:
            removed = await self._artifacts.purge(account, matcher(pattern))
        if lease is not None:
            await self._jobs.finish(lease, charge=None, details=json.dumps({"removed": removed}))
        return await self._jobs.get(account, job.id) or job


def matcher(pattern: str) -> Callable[[str], bool]:
    """
    Read a URL pattern as a test of source paths.

    The pattern names the API first, as the URLs do; ``/*`` means every API. Only transforms are
    kept, so a pattern of another API matches nothing.
    """
    stem, star = pattern.removesuffix("*"), pattern.endswith("*")
    if star and _API.startswith(stem.rstrip("/")):
        return lambda _: True
    if not stem.startswith(f"{_API}/"):
        return lambda _: False
    path = stem.removeprefix(_API)
    return (lambda known: known.startswith(path)) if star else (lambda known: known == path)
