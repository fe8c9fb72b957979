from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.e2e.running import ACCOUNT, Answer, Edge

Install = Callable[..., Edge]


@pytest.fixture
def edge(install: Install) -> Edge:
    return install().start()


def test_the_seed_s_minute_of_aac_consumes_45_seconds(edge: Edge) -> None:
    edge.settled("minute.wav?f=aac")

    assert edge.usage() == {
        "month": datetime.now(UTC).strftime("%Y-%m"),
        "billedSeconds": 45,
        "quotaSeconds": None,
        "entryCount": 1,
        "storageBytes": 0,
        "storageQuotaBytes": None,
    }
    page = edge.api("/usage/entries").json()
    (entry,) = page["items"]
    assert page == {"items": [entry], "cursor": None, "isPaginationComplete": True}
    assert re.fullmatch(r"[0-9a-f]{64}", entry["key"])
    assert abs(entry["at"] / 1000 - datetime.now(UTC).timestamp()) < 3600
    assert entry == {
        "key": entry["key"],
        "url": f"/{ACCOUNT}/audio/minute.wav?f=aac",
        "seconds": 60,
        "multiplier": 0.75,
        "billedSeconds": 45,
        "at": entry["at"],
    }


def test_less_than_ten_seconds_are_billed_as_ten(edge: Edge) -> None:
    for query in ("f=wav-riff", "f=mp3", "f=aac"):
        edge.settled(f"note.wav?{query}")

    billed = {entry["url"].partition("f=")[2]: entry for entry in edge.entries()}
    assert {name: (e["seconds"], e["billedSeconds"]) for name, e in billed.items()} == {
        "wav-riff": (10, 11.5),
        "mp3": (10, 7.5),
        "aac": (10, 7.5),
    }


def test_metadata_and_pages_are_free(edge: Edge) -> None:
    edge.audio("note.wav?f=meta")
    edge.audio("note.wav")

    assert edge.usage()["entryCount"] == 0


def test_one_bill_whatever_the_spelling(edge: Edge) -> None:
    for spelling in (
        "note.wav?f=aac",
        "note.wav!f=aac&br=96",
        "note.wav?br=096&f=aac&sr=48",
        "note.wav?f=aac&ts=0&rp=1&tm=after-repeat&next=true",
        "note.wav?f=aac&cache=false&download=true&meta-x=1&auth=true",
    ):
        edge.settled(spelling)

    assert edge.usage()["entryCount"] == 1


def test_one_bill_through_eviction_reset_purge_and_restart(install: Install) -> None:
    edge = install(fresh=True).start()
    first = edge.made("note.wav?f=wav-riff")

    reset = edge.api(
        "/cache/reset",
        method="POST",
        body={"pattern": "/audio/note.wav", "resetPermanentCache": True},
    )
    assert (reset.status, reset.json()["jobType"]) == (200, "ResetCacheJob")
    assert reset.json()["status"] == "Succeeded"
    assert edge.audio("note.wav!f=wav-riff&a=/audio.wav&cache_only=true").status == 404
    assert edge.made("note.wav?f=wav-riff") == first

    edge.stop()
    purged = edge.command("purge", "/audio/note.wav")
    assert (purged.returncode, purged.stdout.split()[0]) == (0, "1")
    edge.start()
    assert edge.made("note.wav?f=wav-riff") == first

    edge.stop()
    for blob in (edge.data / "blobs").rglob("*.wav"):
        blob.unlink()
    edge.start()
    assert edge.made("note.wav?f=wav-riff") == first
    assert edge.usage()["entryCount"] == 1


def test_failed_and_cancelled_jobs_cost_nothing(edge: Edge) -> None:
    assert edge.settled("broken.mp3?f=mp3")["status"] == "Failed"
    job = edge.audio("long.wav?f=aac").json()
    cancelled = edge.api(f"/jobs/ProcessFileJob/{job['jobId']}", method="DELETE").json()

    assert cancelled["status"] == "Cancelled"
    assert edge.usage()["entryCount"] == 0


def test_over_quota_is_refused_before_any_work(install: Install) -> None:
    edge = install(EDGE_QUOTA_SECONDS="50").start()
    edge.settled("minute.wav?f=aac")
    refused = edge.audio("minute.wav?f=mp3")

    assert (refused.status, refused.problem) == (
        402,
        {
            "code": "over_quota",
            "message": refused.problem["message"],
            "details": {"usedSeconds": 45, "priceSeconds": 45, "quotaSeconds": 50},
        },
    )
    assert [job["transform"]["requested"] for job in edge.jobs() if "transform" in job] == []
    assert len(edge.jobs()) == 1
    assert edge.usage()["quotaSeconds"] == 50
    # What is there is served whatever the quota.
    assert edge.audio("minute.wav!f=aac&a=/audio.aac").status == 200


def test_a_quota_is_not_promised_twice(install: Install) -> None:
    edge = install(EDGE_QUOTA_SECONDS="1000", EDGE_WORKERS="2").start()
    statuses = [edge.audio(f"long.wav?f=aac&br={br}").status for br in (64, 80, 96)]

    assert statuses == [200, 402, 402]


def test_two_hundred_at_once_are_one_job_and_one_bill(install: Install) -> None:
    edge = install(EDGE_LOG_LEVEL="debug").start()
    gate = threading.Barrier(200)

    def ask(_: int) -> Answer:
        gate.wait()
        return edge.audio("minute.wav?f=mp3&br=128", {"Prefer": "wait=60"})

    with ThreadPoolExecutor(200) as crowd:
        answers = list(crowd.map(ask, range(200)))

    assert {answer.status for answer in answers} == {200}
    assert {answer.json()["status"] for answer in answers} == {"Succeeded"}
    assert {answer.headers["Preference-Applied"] for answer in answers} == {"wait=60"}
    assert len({answer.json()["jobId"] for answer in answers}) == 1
    assert len(edge.jobs()) == 1
    assert edge.usage()["entryCount"] == 1
    assert "Traceback" not in edge.log


def test_the_ledger_on_the_command_line(edge: Edge) -> None:
    edge.settled("minute.wav?f=aac")
    edge.settled("note.wav?f=wav-riff")
    listed = json.loads(edge.command("ledger", "list", "--json").stdout)
    totals = json.loads(edge.command("ledger", "totals", "--json").stdout)
    reconciled = edge.command("ledger", "reconcile")
    table = edge.command("ledger", "list").stdout.splitlines()

    assert [(row["url"], row["billedSeconds"]) for row in listed] == [
        (f"/{ACCOUNT}/audio/note.wav?f=wav-riff", 11.5),
        (f"/{ACCOUNT}/audio/minute.wav?f=aac", 45.0),
    ]
    assert totals == [
        {
            "month": edge.usage()["month"],
            "account": ACCOUNT,
            "billedSeconds": 56.5,
            "entries": 2,
        }
    ]
    assert (reconciled.returncode, reconciled.stdout) == (
        0,
        "jobsWithoutEntry: none\nentriesWithoutJob: none\n",
    )
    assert table[0].split() == ["at", "billedSeconds", "seconds", "multiplier", "url", "key"]
    assert len(table) == 3


def test_entries_come_in_pages_newest_first(edge: Edge) -> None:
    for br in (64, 80, 96):
        edge.settled(f"note.wav?f=aac&br={br}")
    first = edge.api("/usage/entries?limit=2").json()
    second = edge.api(f"/usage/entries?limit=2&cursor={first['cursor']}").json()

    urls = [entry["url"][-2:] for entry in first["items"] + second["items"]]
    assert urls == ["96", "80", "64"]
    assert (first["isPaginationComplete"], second["isPaginationComplete"]) == (False, True)
    assert second["cursor"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=101", "cursor=nonsense"])
def test_pages_that_cannot_be_had(edge: Edge, query: str) -> None:
    answer = edge.api(f"/usage/entries?{query}")

    assert (answer.status, answer.problem["code"]) == (400, "bad_parameter")
    assert answer.problem["details"]["parameter"] == query.partition("=")[0]
