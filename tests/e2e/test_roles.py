"""Processes that share folders and records, each with a part of the work."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Edge, serving, until
from tests.e2e.sounds import long_silence
from tests.support.media import make
from tests.support.synth import tone

RATE = 48_000


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Edge]:
    """A server that leaves jobs to others."""
    edge = Edge(tmp_path)
    edge.put("note.wav", make("wav-16", tone(2 * RATE, rate=RATE), rate=RATE))
    try:
        yield edge.start("serve", "--no-workers", "--port", "0")
    finally:
        edge.end()


def test_what_one_process_is_asked_for_another_makes(front: Edge) -> None:
    asked = front.audio("note.wav?f=mp3").json()
    assert asked["status"] == "Running"
    stream = front.audio("note.wav?f=hls-aac-rt&cache_only=true")
    worker = front.beside("worker")
    try:
        worker.start("worker", "--port", "0")

        assert stream.status == 404
        assert front.made("note.wav?f=mp3")[:1] == b"\xff"
        assert front.audio("note.wav!f=hls-aac-rt&a=/0f/manifest.m3u8").status == 200
        assert worker.send("/healthz").json()["status"] == "ok"
        assert worker.audio("note.wav?f=mp3").status == 404
    finally:
        worker.end()


def test_metrics_tell_who_is_to_be_added(front: Edge) -> None:
    front.audio("note.wav?f=mp3")
    text = front.send("/metrics").body.decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))

    assert values['audio_edge_jobs{state="queued"}'] == "1"
    assert values["audio_edge_slots"] == values["audio_edge_slots_free"] == "0"
    assert values["audio_edge_records_away"] == "0"


def test_a_worker_without_workers_is_none(tmp_path: Path) -> None:
    refused = Edge(tmp_path, EDGE_WORKERS="0").command("worker")

    assert refused.returncode == 1
    assert "EDGE_WORKERS=0" in refused.stderr


def test_a_node_that_is_to_end_says_so_first_and_gives_its_jobs_back(tmp_path: Path) -> None:
    with serving(tmp_path, EDGE_DRAIN_SECONDS="3", EDGE_WORKERS="1") as edge:
        long_silence(edge.root / "long.wav", 3600)
        assert edge.audio("long.wav?f=mp3").json()["status"] == "Running"
        os.kill(edge.pid, signal.SIGTERM)
        told = until(lambda: (answer := edge.send("/healthz")).status == 503 and answer)
        late = edge.audio("long.wav?f=aac")

        assert told.json()["status"] == "draining"
        assert late.json()["status"] == "Running"
        assert edge.stop() == 0
        edge.start()
        assert {job["status"] for job in edge.jobs()} == {"Running"}
