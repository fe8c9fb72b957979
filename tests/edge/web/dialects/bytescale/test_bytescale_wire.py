from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from edge.billing.store import LedgerEntry, MonthTotal
from edge.fill.wanted import understand
from edge.jobs.job import Job, JobState
from edge.web.dialects.bytescale import wire

BASE = "https://api.bytescale.com"
JOB = Job(
    id="01H3211XMV1VH829RV697VE3WM",
    key="0" * 64,
    account="W142hJk",
    subject="/W142hJk/audio/example.mp3?f=mp3",
    state=JobState.DONE,
    priority=0,
    progress=1.0,
    attempts=0,
    lost_leases=0,
    epoch=1,
    owner=None,
    lease_until_ms=None,
    error_code=None,
    error_message=None,
    details="{}",
    created_ms=1686916626075,
    age_ms=0,
    updated_ms=1686916669389,
)
URL = understand(JOB.subject)


def test_a_job_that_succeeded_is_the_seed_s_example_3() -> None:
    body = wire.job_body(JOB, BASE, url=URL, ready=True)

    expected = {
        "jobUrl": f"{BASE}/v2/accounts/W142hJk/jobs/ProcessFileJob/01H3211XMV1VH829RV697VE3WM",
        "jobDocs": "https://www.bytescale.com/docs/job-api/GetJob",
        "jobId": "01H3211XMV1VH829RV697VE3WM",
        "jobType": "ProcessFileJob",
        "accountId": "W142hJk",
        "created": 1686916626075,
        "lastUpdated": 1686916669389,
        "status": "Succeeded",
        "summary": {
            "result": {
                "type": "Artifact",
                "artifact": "/audio.mp3",
                "artifactUrl": f"{BASE}/W142hJk/audio/example.mp3!f=mp3&a=/audio.mp3",
            }
        },
        "progress": 1.0,
    }
    assert body == expected
    assert list(body) == list(expected)


@pytest.mark.parametrize(
    ("state", "ready", "status"),
    [
        (JobState.QUEUED, False, "Running"),
        (JobState.RUNNING, False, "Running"),
        (JobState.DONE, True, "Succeeded"),
        (JobState.DONE, False, "Running"),
        (JobState.FAILED, False, "Failed"),
        (JobState.CANCELLED, False, "Cancelled"),
    ],
)
def test_statuses(state: JobState, ready: bool, status: str) -> None:
    body = wire.job_body(replace(JOB, state=state), BASE, url=URL, ready=ready)

    assert body["status"] == status
    assert bool(body["summary"]) == (status == "Succeeded")


def test_a_failed_job_says_why() -> None:
    failed = replace(JOB, state=JobState.FAILED, error_code="no_audio", error_message="None.")
    body = wire.job_body(failed, BASE, url=URL, ready=False)

    assert body["error"] == {"code": "no_audio", "message": "None."}


def test_a_reset_says_what_it_has_removed() -> None:
    reset = replace(JOB, subject='reset {"pattern":"/audio/*"}', details='{"removed":3}')
    body = wire.chore_body(reset, BASE)

    assert (body["jobType"], body["status"]) == ("ResetCacheJob", "Succeeded")
    assert body["summary"] == {"removed": 3}


def test_a_transform_that_is_kept_says_where() -> None:
    kept = replace(JOB, subject="save {}", details='{"filePath":"/a b.mp3"}')
    result = wire.chore_body(kept, BASE)["summary"]["result"]

    assert result == {"filePath": "/a b.mp3", "fileUrl": f"{BASE}/W142hJk/raw/a%20b.mp3"}


def test_the_seed_s_worked_examples_as_usage() -> None:
    total = MonthTotal(account="W142hJk", month="2026-11", billed_us=195_000_000, entry_count=2)
    entry = LedgerEntry(
        key="0" * 64,
        account="W142hJk",
        url=JOB.subject,
        duration_ms=200_000,
        multiplier_thousandths=750,
        at_ms=1,
    )

    assert wire.usage_body(total, quota_seconds=None, storage_bytes=0, storage_quota=None) == {
        "month": "2026-11",
        "billedSeconds": 195,
        "quotaSeconds": None,
        "entryCount": 2,
        "storageBytes": 0,
        "storageQuotaBytes": None,
    }
    assert wire.entry_body(entry) == {
        "key": "0" * 64,
        "url": JOB.subject,
        "seconds": 200,
        "multiplier": 0.75,
        "billedSeconds": 150,
        "at": 1,
    }


def test_whole_numbers_have_no_point() -> None:
    shown = [wire.number(Fraction(45)), wire.number(Fraction(23, 2))]

    assert [repr(number) for number in shown] == ["45", "11.5"]
