"""
Bytescale's JSON, written: jobs, usage and lists of them.

Pure mapping. The field names and the order of a job are the seed's ("Example #3"); ``progress``,
``error`` and ``transform`` are ours and come last.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NotRequired, TypedDict

import msgspec

from edge.billing.store import LedgerEntry, MonthTotal
from edge.fill.resets import RESET
from edge.jobs.job import Job, JobState
from edge.library.chores import COPY_FILES, COPY_FOLDERS, DELETE_FILES, DELETE_FOLDERS, SAVE
from edge.web.dialects.bytescale.storage_wire import file_url
from transforms import canonical
from transforms.audio.timeline import Resolved, ResolvedClip
from transforms.formats import Codec
from transforms.plan import Encoding, RenderReport
from transforms.planner import TransformUrl

JOB_DOCS = "https://www.bytescale.com/docs/job-api/GetJob"
PROCESS_FILE_JOB = "ProcessFileJob"
RESET_CACHE_JOB = "ResetCacheJob"

# The SDK knows the first, the seed the second; they are one kind of job.
TRANSFORM_JOB_TYPES = ("ProcessAudioJob", PROCESS_FILE_JOB)

# SDK, AccountJobType; a transform that is kept is the same to a client as one that is not.
_CHORE_TYPES = {
    RESET: RESET_CACHE_JOB,
    DELETE_FILES: "DeleteFileBatchJob",
    DELETE_FOLDERS: "DeleteFolderBatchJob",
    COPY_FILES: "CopyFileBatchJob",
    COPY_FOLDERS: "CopyFolderBatchJob",
    SAVE: PROCESS_FILE_JOB,
}
JOB_TYPES = tuple(dict.fromkeys((*TRANSFORM_JOB_TYPES, *_CHORE_TYPES.values())))

# The seed: the response "initially contains "status": "Running"", and pollers are written to go
# on while it does; whether a worker is free yet shows in the progress.
_STATUS = {
    JobState.QUEUED: "Running",
    JobState.RUNNING: "Running",
    JobState.DONE: "Succeeded",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Cancelled",
}


class JobBody(TypedDict):
    """A job, as every poll is answered."""

    jobUrl: str
    jobDocs: str
    jobId: str
    jobType: str
    accountId: str
    created: int
    lastUpdated: int
    status: str
    summary: dict[str, object]
    progress: float
    error: NotRequired[dict[str, str]]
    transform: NotRequired[dict[str, object]]


def job_body(
    job: Job,
    base_url: str,
    *,
    url: TransformUrl | None,
    ready: bool,
    sign: Callable[[str], str] = str,
) -> JobBody:
    """
    Write a job.

    Args:
        job: As it stands.

        base_url: Of this edge, without a slash at the end.

        url: The transform URL to answer for; ``None`` for a job that is no transform.

        ready: Whether the artifact can be had now; a job that is done but whose artifact was
            evicted is running as far as a client can tell.

        sign: Makes the path of the artifact one that whoever asked may use.
    """
    state = JobState.RUNNING if job.state is JobState.DONE and url and not ready else job.state
    kind = job_type(job)
    body: JobBody = {
        "jobUrl": f"{base_url}/v2/accounts/{job.account}/jobs/{kind}/{job.id}",
        "jobDocs": JOB_DOCS,
        "jobId": job.id,
        "jobType": kind,
        "accountId": job.account,
        "created": job.created_ms,
        "lastUpdated": job.updated_ms,
        "status": _STATUS[state],
        "summary": {},
        "progress": round(job.progress, 4),
    }
    if state is JobState.DONE and url is not None and url.spec.artifact is not None:
        body["summary"] = {
            "result": {
                "type": "Artifact",
                "artifact": url.spec.artifact,
                "artifactUrl": base_url + sign(url.artifact_path(url.spec.artifact)),
            }
        }
    if state is JobState.FAILED:
        body["error"] = {"code": job.error_code or "", "message": job.error_message or ""}
    return body


def chore_body(job: Job, base_url: str) -> JobBody:
    """Write a job that is no transform; what it has done is its summary."""
    body = job_body(job, base_url, url=None, ready=True)
    if job.state is JobState.DONE:
        told = msgspec.json.decode(job.details, type=dict[str, object])
        path = told.get("filePath")
        if isinstance(path, str):
            told = {"result": {**told, "fileUrl": file_url(job.account, path, base_url)}}
        body["summary"] = told
    return body


def job_type(job: Job) -> str:
    """Name a job's type by what it is about."""
    return _CHORE_TYPES.get(job.subject.partition(" ")[0], PROCESS_FILE_JOB)


def transform_body(url: TransformUrl, resolved: Resolved | None, job: Job) -> dict[str, object]:
    """Write what was asked for beside what is made of it, and how long that is once it is."""
    made: dict[str, object] = {"url": canonical.spell(url.plan)}
    if resolved is not None:
        made["clips"] = [_clip(clip) for clip in resolved.clips]
        constant = url.spec.codec is Codec.MP3
        made["variants"] = [
            _encoding(encoding, names_mode=constant) for encoding in resolved.render.encodings
        ]
        if resolved.duration is not None:
            made["duration"] = round(float(resolved.duration), 6)
            made["durationEstimated"] = not resolved.exact
    if job.state is JobState.DONE:
        report = msgspec.json.decode(job.details, type=RenderReport)
        if report.samples:
            made |= {"duration": round(float(report.duration), 6), "durationEstimated": False}
    return {"requested": url.requested, "made": made}


def _clip(clip: ResolvedClip) -> dict[str, object]:
    def point(samples: int | None) -> dict[str, object] | None:
        if samples is None:
            return None
        return {"samples": samples, "seconds": round(samples / clip.sample_rate_hz, 6)}

    return {
        "path": clip.path,
        "start": point(clip.start_samples),
        "end": point(clip.end_samples),
        "repeat": clip.repeat,
        "samplingRate": clip.sample_rate_hz,
    }


def _encoding(encoding: Encoding, *, names_mode: bool) -> dict[str, object]:
    """Only Layer III has constant bitrates in the strict sense; others keep a mean."""
    body: dict[str, object] = {
        "samplingRate": encoding.sample_rate_hz,
        "channels": encoding.channels,
    }
    if encoding.bitrate_bps is not None:
        body["bitRate"] = encoding.bitrate_bps
    if names_mode:
        body["bitRateMode"] = "ABR" if encoding.average else "CBR"
    if encoding.bit_depth is not None:
        body["bitDepth"] = encoding.bit_depth
    return body


def usage_body(
    total: MonthTotal, *, quota_seconds: int | None, storage_bytes: int, storage_quota: int | None
) -> dict[str, object]:
    """Write what an account used this month."""
    return {
        "month": total.month,
        "billedSeconds": number(total.billed_seconds),
        "quotaSeconds": quota_seconds,
        "entryCount": total.entry_count,
        "storageBytes": storage_bytes,
        "storageQuotaBytes": storage_quota,
    }


def entry_body(entry: LedgerEntry) -> dict[str, object]:
    """Write one ledger entry: seconds of sound, the multiplier, their product."""
    return {
        "key": entry.key,
        "url": entry.url,
        "seconds": number(Fraction(entry.duration_ms, 1000)),
        "multiplier": number(Fraction(entry.multiplier_thousandths, 1000)),
        "billedSeconds": number(entry.billed_seconds),
        "at": entry.at_ms,
    }


def number(value: Fraction) -> int | float:
    """Write a fraction as JSON readers expect it: whole numbers without a point."""
    return int(value) if value.denominator == 1 else float(value)
