from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import ACCOUNT, PUBLIC_KEY, SECRET_KEY, Edge, serving, until
from tests.e2e.sounds import furnish
from tests.support.media import make
from tests.support.synth import speech

JOBS = f"/v2/accounts/{ACCOUNT}/jobs"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def job_id(server: Edge) -> str:
    return str(server.settled("note.wav?f=mp3")["jobId"])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder: Path = tmp_path_factory.mktemp("demo")
    with serving(folder, EDGE_DEMO="1") as edge:
        furnish(edge)
        yield edge


def test_a_job_that_is_done_tells_what_it_has_made_and_no_guess(server: Edge) -> None:
    content = bytearray(make("mp3-vbr", speech(3 * 44_100, rate=44_100), rate=44_100))
    frames_at = max(content.find(b"Xing"), content.find(b"Info")) + 8
    struct.pack_into(">I", content, frames_at, 3 * struct.unpack_from(">I", content, frames_at)[0])
    server.put("claims.mp3", bytes(content))
    made = server.settled("claims.mp3?f=wav-riff")["transform"]["made"]

    assert made["durationEstimated"] is False
    assert made["duration"] == pytest.approx(3, abs=0.1)


def test_a_job_is_found_under_both_of_its_types(server: Edge, job_id: str) -> None:
    seed = server.api(f"/jobs/ProcessFileJob/{job_id}")
    sdk = server.api(f"/jobs/ProcessAudioJob/{job_id}")

    polled = server.audio("note.wav?f=mp3").json()
    del polled["transform"]
    assert (seed.status, seed.json()) == (200, polled)
    assert (sdk.status, sdk.json()) == (200, polled)


@pytest.mark.parametrize("path", ["ResetCacheJob/{id}", "Nonsense/{id}", "ProcessFileJob/nope"])
def test_a_job_that_is_not_there(server: Edge, job_id: str, path: str) -> None:
    answer = server.api("/jobs/" + path.format(id=job_id))

    assert (answer.status, answer.problem["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?0=ProcessAudioJob&1=ProcessFileJob",
        "?jobType=ProcessFileJob",
        "?jobType=ProcessAudioJob",
        "?0=ProcessFileJob&1=ExtractMetadataJob",
    ],
)
def test_the_list_has_the_newest_jobs_first(server: Edge, job_id: str, query: str) -> None:
    newer = server.settled("note.wav?f=mp3&br=40")["jobId"]
    listed = server.api(f"/jobs{query}").json()

    assert list(listed) == ["items"]
    ids = [job["jobId"] for job in listed["items"]]
    assert ids.index(newer) < ids.index(job_id)
    assert listed["items"][ids.index(newer)] == server.api(f"/jobs/ProcessFileJob/{newer}").json()


def test_the_list_has_only_the_types_asked_for(server: Edge, job_id: str) -> None:
    server.api("/cache/reset", method="POST", body={"pattern": "/audio/nothing"})

    kinds = {
        query: {job["jobType"] for job in server.api(f"/jobs?{query}").json()["items"]}
        for query in ("jobType=ResetCacheJob", "jobType=ProcessFileJob", "jobType=Other")
    }
    assert kinds == {
        "jobType=ResetCacheJob": {"ResetCacheJob"},
        "jobType=ProcessFileJob": {"ProcessFileJob"},
        "jobType=Other": set(),
    }


def test_progress_grows_while_a_job_runs(server: Edge) -> None:
    seen: list[tuple[float, int]] = []

    def poll() -> bool:
        job = server.audio("long.wav?f=mp3").json()
        seen.append((job["progress"], job["lastUpdated"]))
        return job["status"] != "Running"

    until(poll, "the long job to settle")
    assert seen == sorted(seen)
    assert any(0 < progress < 1 for progress, _ in seen)
    assert seen[-1][0] == 1


def test_a_long_poll_waits_for_the_end(server: Edge) -> None:
    answer = server.audio("minute.wav?f=aac&br=112", {"Prefer": "respond-async, wait=60"})

    assert answer.json()["status"] == "Succeeded"
    assert answer.headers["Preference-Applied"] == "wait=60"


def test_a_long_poll_ends_in_time(server: Edge) -> None:
    answer = server.audio("long.wav?f=aac&br=112", {"Prefer": "wait=1"})

    assert answer.json()["status"] == "Running"
    assert answer.headers["Preference-Applied"] == "wait=1"
    server.api(f"/jobs/ProcessFileJob/{answer.json()['jobId']}", method="DELETE")


def test_a_cancelled_job_stops_at_once_and_starts_afresh(server: Edge) -> None:
    job = server.audio("long.wav?f=aac&br=64").json()
    until(server.staged, "the job to be at work")
    path = f"/jobs/ProcessFileJob/{job['jobId']}"
    cancelled = server.api(path, method="DELETE")

    assert (cancelled.status, cancelled.json()["status"]) == (200, "Cancelled")
    assert cancelled.json()["summary"] == {}
    assert server.api(path).json()["status"] == "Cancelled"
    assert server.api(path, method="DELETE").json() == server.api(path).json()
    until(lambda: not server.staged(), "what was made of it to be dropped")

    again = server.audio("long.wav?f=aac&br=64").json()
    assert again["jobId"] != job["jobId"]
    assert again["status"] == "Running"
    server.api(f"/jobs/ProcessFileJob/{again['jobId']}", method="DELETE")


def test_a_job_that_is_done_cannot_be_cancelled(server: Edge, job_id: str) -> None:
    answer = server.api(f"/jobs/ProcessFileJob/{job_id}", method="DELETE")

    assert answer.json()["status"] == "Succeeded"
    assert server.audio("note.wav!f=mp3&a=/audio.mp3").status == 200


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "unauthorized"),
        (bearer("secret_W142hJkNotTheRightOne"), 401, "unauthorized"),
        (bearer(SECRET_KEY[:-1]), 401, "unauthorized"),
        ({"Authorization": "Bearer"}, 401, "unauthorized"),
        ({"Authorization": "Basic ???"}, 401, "unauthorized"),
        ({"Authorization": "Bearer \xff\xfe"}, 401, "unauthorized"),
        (bearer("free"), 401, "unauthorized"),
        (bearer(PUBLIC_KEY), 403, "forbidden"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/ProcessFileJob/x"),
        ("DELETE", "/ProcessFileJob/x"),
    ],
)
def test_the_job_api_needs_a_secret_key(
    server: Edge, headers: dict[str, str], status: int, code: str, method: str, path: str
) -> None:
    answer = server.send(JOBS + path, headers, method=method)

    assert (answer.status, answer.problem["code"]) == (status, code)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("path", ["/jobs", "/usage", "/usage/entries", "/jobs/ProcessFileJob/x"])
def test_another_account_s_key_opens_nothing(server: Edge, path: str) -> None:
    answer = server.send(f"/v2/accounts/2222222{path}", bearer(SECRET_KEY))

    assert (answer.status, answer.problem["code"]) == (403, "forbidden")


def test_the_sdk_s_basic_scheme_is_understood(server: Edge) -> None:
    credentials = base64.b64encode(f"apikey:{SECRET_KEY}".encode()).decode()

    assert server.send(JOBS, {"Authorization": f"Basic {credentials}"}).status == 200


@pytest.mark.parametrize("key", ["free", "demo"])
def test_the_demo_keys_are_public_ones(demo: Edge, key: str) -> None:
    assert demo.send(JOBS, bearer(key)).status == 403


def test_another_account_has_none_of_the_files(server: Edge) -> None:
    for path in ("raw/note.wav", "audio/note.wav?f=mp3", "audio/note.wav?f=meta"):
        assert server.send(f"/2222222/{path}").status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"pattern": 5}',
        b'{"pattern": "audio/x"}',
        b'{"pattern": "/a*b"}',
        b'{"pattern": "/*", "resetPermanentCache": "yes"}',
        b"[" * 50_000,
        b'{"pattern": "/' + b"x" * 70_000 + b'"}',
    ],
)
def test_a_cache_reset_that_cannot_be_understood(server: Edge, job_id: str, body: bytes) -> None:
    answer = server.send(
        f"/v2/accounts/{ACCOUNT}/cache/reset", bearer(SECRET_KEY), method="POST", body=body
    )

    assert answer.status in (400, 413)
    assert answer.problem["code"] in ("bad_request", "bad_parameter", "too_large")
    assert server.audio("note.wav!f=mp3&a=/audio.mp3&cache_only=true").status == 200


def test_a_cache_reset_without_the_permanent_cache_removes_nothing(
    server: Edge, job_id: str
) -> None:
    answer = server.api("/cache/reset", method="POST", body={"pattern": "/*"})

    assert answer.json()["status"] == "Succeeded"
    assert server.audio("note.wav!f=mp3&a=/audio.mp3&cache_only=true").status == 200
