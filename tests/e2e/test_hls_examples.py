"""The seed's Examples 5 and 6, and its pricing example, as a client meets them."""

from __future__ import annotations

import m3u8
import pytest

from tests.e2e.running import ACCOUNT, PUBLIC_URL, Edge, until
from tests.e2e.sounds import TALK_SECONDS
from tests.support.measure import decode


def test_example_5_is_a_job_whose_artifact_leads_to_every_segment(server: Edge) -> None:
    query = "f=hls-aac&br=80&br=256"
    early = server.audio(f"example.mp3!{query}&a=/audio.m3u8")
    job = server.settled(f"example.mp3?{query}")
    result = job["summary"]["result"]
    base = f"/{ACCOUNT}/audio/example.mp3!{query}&a="
    playlist = server.send(f"{base}/audio.m3u8")
    variants = m3u8.loads(playlist.body.decode()).playlists

    assert (early.status, early.json()["status"]) == (404, "Running")
    assert result == {
        "type": "Artifact",
        "artifact": "/audio.m3u8",
        "artifactUrl": f"{PUBLIC_URL}{base}/audio.m3u8",
    }
    assert playlist.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert [variant.uri for variant in variants] == ["0f/manifest.m3u8", "1f/manifest.m3u8"]
    assert variants[0].stream_info.bandwidth < variants[1].stream_info.bandwidth
    for variant in variants:
        folder = f"{base}/{variant.uri.partition('/')[0]}"
        media = m3u8.loads(server.send(f"{base}/{variant.uri}").body.decode())
        parts = [server.send(f"{folder}/{segment.uri}") for segment in media.segments]

        assert (media.playlist_type, media.is_endlist) == ("vod", True)
        assert {part.headers["Content-Type"] for part in parts} == {"video/mp2t"}
        sound, rate = decode(b"".join(part.body for part in parts))
        assert sound.shape[1] / rate == pytest.approx(TALK_SECONDS, abs=0.1)
    assert server.send(f"{base}/2f/manifest.m3u8").status == 404
    assert server.send(f"{base}/0f/99.ts").status == 404


def test_example_6_is_answered_with_the_playlist_it_shows(server: Edge) -> None:
    answer = server.audio("example.mp4?f=hls-aac-rt")
    lines = answer.body.decode().splitlines()

    assert lines[:3] == ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-INDEPENDENT-SEGMENTS"]
    assert lines[3].startswith("#EXT-X-STREAM-INF:BANDWIDTH=")
    assert lines[3].endswith('CODECS="mp4a.40.2"')
    assert lines[4:] == ["example.mp4!f=hls-aac-rt&a=/0f/manifest.m3u8"]


def test_a_stream_can_be_downloaded_polled_and_kept_apart_from_its_job(server: Edge) -> None:
    server.audio("note.wav?f=hls-aac-rt")
    job = until(
        lambda: next(job for job in server.jobs() if job["status"] == "Succeeded"), "the stream"
    )
    only = server.audio("note.wav?f=hls-aac&cache_only=true")

    assert job["summary"]["result"]["artifact"] == "/audio.m3u8"
    assert only.status == 404


def test_the_pricing_example_consumes_150_seconds(server: Edge) -> None:
    stream = "minute.wav?f=hls-aac-rt&br=64&br=128&br=256&rt=false"
    server.audio(stream)
    (entry,) = until(
        lambda: [entry for entry in server.entries() if "minute.wav" in entry["url"]], "the bill"
    )

    assert (entry["seconds"], entry["multiplier"], entry["billedSeconds"]) == (200, 0.75, 150)
    server.audio(stream)
    assert len([e for e in server.entries() if "minute.wav" in e["url"]]) == 1
