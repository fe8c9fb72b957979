from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.e2e.running import ACCOUNT, Edge, until
from tests.e2e.sounds import long_silence, note
from tests.support.media import wav_header


def test_a_source_that_is_replaced_is_another_key_at_the_next_request(server: Edge) -> None:
    server.put("changing.wav", note(1, hz=440))
    first = server.made("changing.wav?f=wav-riff")
    old_etag = server.send(f"/{ACCOUNT}/raw/changing.wav").headers["ETag"]
    server.put("changing.wav", note(2, hz=880))
    second = server.made("changing.wav?f=wav-riff")

    assert len(second) > 1.9 * len(first)
    assert server.send(f"/{ACCOUNT}/raw/changing.wav").headers["ETag"] != old_etag
    assert server.audio("changing.wav?f=meta").json()["tracks"][1]["duration"] == 2
    urls = [entry["url"] for entry in server.entries()]
    assert urls.count(f"/{ACCOUNT}/audio/changing.wav?f=wav-riff") == 2


def test_a_source_that_is_rewritten_while_it_is_read_is_never_mixed(server: Edge) -> None:
    path = server.root / "moving.wav"
    long_silence(path, 900)
    server.audio("moving.wav?f=aac")
    until(server.staged, "the job to be at work")
    content = wav_header(rate=8_000, channels=1, data_bytes=16_000) + bytes(16_000)
    path.write_bytes(content)

    job = server.settled("moving.wav?f=aac")
    assert (job["status"], job["transform"]["made"]["duration"]) == ("Succeeded", 1.0)
    old = next(entry for entry in server.jobs() if entry["status"] != "Succeeded")
    until(
        lambda: server.api(f"/jobs/ProcessFileJob/{old['jobId']}").json()["status"] == "Failed",
        "the job of the old file to fail",
    )


def test_the_loop_stays_free_while_workers_are_busy(server: Edge) -> None:
    jobs = [server.audio(f"long.wav?f=aac&br={br}").json() for br in (128, 160, 192)]
    try:
        with ThreadPoolExecutor(8) as crowd:
            statuses = set(
                crowd.map(lambda _: server.send(f"/{ACCOUNT}/raw/note.wav").status, range(200))
            )
        assert statuses == {200}
    finally:
        for job in jobs:
            server.api(f"/jobs/ProcessFileJob/{job['jobId']}", method="DELETE")
