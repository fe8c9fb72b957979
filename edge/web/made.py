"""
Artifacts as answers: where one stands, its files, and why there is none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cache.receipts import ArtifactFile
from cache.source import Reader
from edge.fill.filler import Filler, Standing
from edge.fill.wanted import Wanted
from edge.jobs.job import Job, JobState
from edge.web import problems
from edge.web.delivery.answer import Representation
from edge.web.delivery.caching import NOT_KEPT, CachePolicy
from edge.web.delivery.content import Content
from edge.web.delivery.disposition import Disposition, content_disposition
from edge.web.delivery.files import FileDelivery
from edge.web.problems import Problem
from transforms.delivery import Delivery

# What may change under its URL is asked for again after a minute.
CHANGING = CachePolicy(shared=True, max_age_seconds=60)

# What a direct answer says of a failure that is not the file's fault.
_FAILED_STATUS = {
    **{"internal_error": 500, "render_failed": 500, "source_unreachable": 502},
    **{"storage_full": 503, "storage_failed": 503, "source_changed": 503, "lost_too_often": 503},
    **{"source_missing": 404, "no_cover": 404, "deadline_exceeded": 503},
}


async def standing_of(filler: Filler, wanted: Wanted) -> Standing:
    """Say where an artifact stands; with ``cache_only``, what is not there stays missing."""
    if not wanted.url.delivery.cache_only:
        return await filler.obtain(wanted)
    standing = await filler.look(wanted)
    if standing is None or standing.receipt is None:
        raise problems.not_found("This transform has not been made (cache_only=true).")
    return standing


def file_answer(
    wanted: Wanted,
    file: ArtifactFile,
    policy: CachePolicy,
    open_reader: Callable[[], Awaitable[Reader]],
) -> FileDelivery:
    """Answer with a file of an artifact."""
    delivery = wanted.url.delivery
    disposition = None
    if delivery.download:
        disposition = content_disposition(Disposition.ATTACHMENT, _saved_as(wanted, file))
    return FileDelivery(
        representation=Representation(
            size_bytes=file.size_bytes,
            etag=file.etag,
            modified_ms=None,
            content=Content(media_type=file.media_type, disposition=disposition),
            cache=kept(delivery, policy),
        ),
        open_reader=open_reader,
    )


def failure(job: Job) -> Problem:
    """Tell why a job that was to be answered directly brought nothing."""
    if job.state is not JobState.FAILED:
        return problems.unavailable("This is still being made.", retry_after_seconds=2)
    code = job.error_code or ""
    return Problem(_FAILED_STATUS.get(code, 422), code, job.error_message or "")


def kept(delivery: Delivery, policy: CachePolicy) -> CachePolicy:
    """Let the URL shorten or lengthen how long its answer is kept."""
    if not delivery.cache:
        return NOT_KEPT
    if delivery.cache_ttl_seconds is None:
        return policy
    return CachePolicy(shared=policy.shared, max_age_seconds=delivery.cache_ttl_seconds)


def _saved_as(wanted: Wanted, file: ArtifactFile) -> str:
    """Name a download after the source: ``talk.wav`` made into MP3 is ``talk.mp3``."""
    name = wanted.url.url.path.rpartition("/")[2]
    stem = name.rpartition(".")[0]
    return f"{stem or name}.{file.path.rpartition('.')[2]}"
