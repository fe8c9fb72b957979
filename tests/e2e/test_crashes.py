from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.running import Edge, until
from tests.e2e.sounds import LONG_SECONDS

Install = Callable[..., Edge]

SLOW = "long.wav?f=aac"


def rendering(edge: Edge) -> int:
    """Wait until a worker is at work on an artifact, and return its pid."""

    def worker() -> int | None:
        staged = [path for path in edge.staged() if path.stat().st_size > 100_000]
        pids = [pid for pid in edge.processes() if pid not in zygotes(edge) and not ends(pid)]
        return pids[0] if staged and pids else None

    return int(until(worker, "a worker to be half-way"))


def zygotes(edge: Edge) -> list[int]:
    """List the server's own children, of which there should be one."""
    children = Path(f"/proc/{edge.pid}/task/{edge.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def adts_frames(content: bytes) -> int:
    """Count the frames of an ADTS stream, which has to be whole from end to end."""
    frames = offset = 0
    if content.startswith(b"ID3"):
        # The length of a tag is written in four times seven bits.
        offset = 10 + sum(digit << 7 * (3 - place) for place, digit in enumerate(content[6:10]))
    while offset < len(content):
        assert content[offset : offset + 2] in (b"\xff\xf1", b"\xff\xf9")
        offset += int.from_bytes(content[offset + 3 : offset + 6], "big") >> 5 & 0x1FFF
        frames += 1
    assert offset == len(content)
    return frames


def ends(pid: int) -> bool:
    """Tell whether a process is gone, or about to be reaped."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@pytest.fixture
def edge(install: Install) -> Edge:
    # A lease that nobody would sit out: whatever succeeds here did not wait for it.
    return install(EDGE_LEASE_SECONDS="3600", EDGE_WORKERS="1").start()


def expect_one_good_bill(edge: Edge) -> None:
    """What there is in the end, however it came about: one whole artifact, billed once."""
    assert 0 <= adts_frames(edge.made(SLOW)) - LONG_SECONDS * 48_000 / 1024 <= 2
    assert edge.usage()["entryCount"] == 1
    assert edge.staged() == []
    assert edge.command("ledger", "reconcile").returncode == 0


def test_a_killed_server_leaves_a_job_that_is_made_and_billed_once(edge: Edge) -> None:
    job = edge.audio(SLOW).json()
    worker = rendering(edge)
    edge.kill()
    until(lambda: ends(worker), "the worker to die with its server")
    assert edge.staged() != []
    assert not list((edge.data / "blobs").rglob("*.aac"))

    edge.start()
    assert edge.staged() == [] or edge.processes()
    assert edge.audio(SLOW).json()["jobId"] == job["jobId"]
    expect_one_good_bill(edge)
    assert "Traceback" not in edge.log


def test_a_killed_worker_costs_one_try_of_two(edge: Edge) -> None:
    job = edge.audio(SLOW).json()
    os.kill(rendering(edge), signal.SIGKILL)

    expect_one_good_bill(edge)
    assert edge.settled(SLOW)["jobId"] == job["jobId"]
    assert "killed by signal 9" in edge.log
    assert "Traceback" not in edge.log


def test_a_job_that_kills_two_workers_has_failed_for_good(edge: Edge) -> None:
    edge.audio(SLOW)
    first = rendering(edge)
    staged = edge.staged()
    os.kill(first, signal.SIGKILL)
    until(lambda: not set(staged) & set(edge.staged()), "the first try to be swept away")
    os.kill(rendering(edge), signal.SIGKILL)
    job = edge.settled(SLOW)

    assert job["status"] == "Failed"
    assert job["error"] == {
        "code": "worker_died",
        "message": "The worker died 2 times while it made this.",
    }
    assert edge.settled(SLOW)["lastUpdated"] == job["lastUpdated"]
    # Nor is the file read for any other transform of it.
    path = SLOW.partition("?")[0]
    for other in ("f=flac", "f=wav-riff&ts=1"):
        refused = edge.settled(f"{path}?{other}")
        assert (refused["status"], refused["error"]["code"]) == ("Failed", "worker_died")
        assert refused["error"]["message"].startswith(f"Reading /{path} crashed the worker")
    assert edge.audio(f"{path}?f=meta").status == 422
    assert edge.usage()["entryCount"] == 0
    until(lambda: edge.staged() == [], "staging to be cleaned")


def test_a_killed_zygote_takes_nothing_down_for_good(edge: Edge) -> None:
    edge.audio(SLOW)
    rendering(edge)
    (zygote,) = zygotes(edge)
    os.kill(zygote, signal.SIGKILL)
    until(lambda: ends(zygote))

    expect_one_good_bill(edge)
    assert edge.send("/healthz").json()["status"] == "ok"


def test_sigterm_gives_running_jobs_back_and_ends_well(edge: Edge) -> None:
    job = edge.audio(SLOW).json()
    rendering(edge)

    assert edge.stop() == 0
    assert edge.staged() == []
    assert "Traceback" not in edge.log

    edge.start()
    assert edge.audio(SLOW).json()["jobId"] == job["jobId"]
    expect_one_good_bill(edge)


def test_sigterm_answers_those_who_wait(edge: Edge) -> None:
    edge.audio(SLOW)
    rendering(edge)
    with ThreadPoolExecutor(1) as client:
        waiting = client.submit(edge.audio, SLOW, {"Prefer": "wait=60"})
        until(lambda: len(connections_of(edge)) >= 1, "the long poll to begin")

        assert edge.stop() == 0
        assert waiting.result().json()["status"] == "Running"
    assert "ERROR" not in edge.log


def connections_of(edge: Edge) -> list[str]:
    """List the established connections of the server's port."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return [row[1] for row in rows if row[1].endswith(f":{edge.port:04X}") and row[3] == "01"]


def test_a_second_server_leaves_the_first_one_s_work_alone(edge: Edge) -> None:
    job = edge.audio(SLOW).json()
    worker = rendering(edge)
    other = edge.beside("second")
    try:
        other.start()
        assert not ends(worker)
        assert other.audio(SLOW).json()["jobId"] == job["jobId"]
        assert other.settled(SLOW)["status"] == "Succeeded"
        assert other.audio("long.wav!f=aac&a=/audio.aac").status == 200
    finally:
        other.end()
    expect_one_good_bill(edge)
    assert "Traceback" not in edge.log + other.log


def test_a_worker_process_makes_what_a_full_server_cannot(edge: Edge) -> None:
    edge.audio("long.wav?f=aac&rp=8")
    worker = edge.beside("worker")
    try:
        worker.start("worker")
        job = edge.settled("note.wav?f=mp3")
        assert job["status"] == "Succeeded"
        assert edge.audio("long.wav?f=aac&rp=8").json()["status"] == "Running"
        assert edge.audio("note.wav!f=mp3&a=/audio.mp3").status == 200
        assert worker.stop() == 0
    finally:
        worker.end()
    assert "Traceback" not in worker.log + edge.log
