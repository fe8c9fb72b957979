"""HLS while it is made; an origin that falls silent half-way holds the work where a test wants."""

from __future__ import annotations

import contextlib
import gzip
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import m3u8
import pytest

from tests.e2e.origin import Origin, origin
from tests.e2e.running import ACCOUNT, Answer, Edge, until
from tests.e2e.sounds import note
from tests.e2e.test_crashes import ends, zygotes
from tests.support.measure import decode

Install = Callable[..., Edge]

SECONDS = 120
RATE = 48_000
HELD_SECONDS = 60

STREAM = "ext/far.wav?f=hls-aac-rt"
MEDIA = "ext/far.wav!f=hls-aac-rt&a=/0f/manifest.m3u8"
FIRST_SEGMENT = "ext/far.wav!f=hls-aac-rt&a=/0f/0.ts"


@pytest.fixture
def host() -> Iterator[Origin]:
    with origin() as server:
        server.files = {"/folder/far.wav": note(SECONDS, rate=RATE)}
        server.held_from = HELD_SECONDS * RATE * 2
        yield server


@pytest.fixture
def edge(install: Install, host: Origin) -> Edge:
    return install(EDGE_MOUNTS=f"/ext={host.url}/folder", EDGE_ALLOW_NETWORKS="127.0.0.0/8").start()


def playlist(answer: Answer) -> m3u8.M3U8:
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    return m3u8.loads(answer.body.decode())


def made_seconds(text: Answer) -> float:
    return sum(segment.duration for segment in playlist(text).segments)


def held(edge: Edge, media: str = MEDIA) -> Answer:
    """Wait until everything that can be made is in the media playlist, and return that."""
    last = [b""]

    def grown() -> Answer | None:
        answer = edge.audio(media)
        same = answer.body == last[0]
        last[0] = answer.body
        time.sleep(0.3)
        return answer if same and made_seconds(answer) > HELD_SECONDS - 20 else None

    return until(grown, "the playlist to grow")


def ended(edge: Edge, media: str = MEDIA) -> Answer:
    def over() -> Answer | None:
        answer = edge.audio(media)
        return answer if playlist(answer).is_endlist else None

    return until(over, "the playlist to end")


def test_the_first_answer_is_a_playlist_that_grows_and_ends(edge: Edge, host: Origin) -> None:
    first = edge.audio(f"{STREAM}&cache_ttl=3600")
    growing = held(edge)
    segment = edge.audio(FIRST_SEGMENT)
    host.go_on()
    last = ended(edge)

    assert [entry.uri for entry in playlist(first).playlists] == [
        "far.wav!f=hls-aac-rt&a=/0f/manifest.m3u8"
    ]
    assert first.headers["Cache-Control"] == "public, no-cache"
    assert growing.headers["Cache-Control"] == "public, no-cache"
    assert (playlist(growing).playlist_type, playlist(growing).is_endlist) == ("event", False)
    assert b"#EXT-X-START:TIME-OFFSET=0,PRECISE=YES\n" in growing.body
    assert last.body.startswith(growing.body)
    assert made_seconds(last) == pytest.approx(SECONDS, abs=1e-4)
    assert last.headers["Cache-Control"] == "public, max-age=31536000, immutable"

    assert segment.headers["Content-Type"] == "video/mp2t"
    assert segment.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert segment.headers["Access-Control-Allow-Origin"] == "*"
    assert edge.audio(FIRST_SEGMENT).body == segment.body
    assert edge.audio(FIRST_SEGMENT).headers["ETag"] == segment.headers["ETag"]


def test_every_listed_segment_is_there_already(edge: Edge, host: Origin) -> None:
    edge.audio(STREAM)
    for _ in range(20):
        for segment in playlist(edge.audio(MEDIA)).segments:
            path = f"ext/far.wav!f=hls-aac-rt&a=/0f/{segment.uri}"
            assert edge.audio(path).body[:1] == b"\x47"
    assert not playlist(edge.audio(MEDIA)).is_endlist


def test_a_growing_playlist_is_compressed_and_revalidated_if_asked(
    edge: Edge, host: Origin
) -> None:
    edge.audio(STREAM)
    plain = held(edge)
    packed = edge.audio(MEDIA, {"Accept-Encoding": "br, gzip"})
    refused = edge.audio(MEDIA, {"Accept-Encoding": "gzip;q=0"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body == refused.body
    assert {answer.headers["Vary"] for answer in (plain, packed)} == {"Accept-Encoding"}
    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert edge.audio(MEDIA, {"If-None-Match": plain.headers["ETag"]}).status == 304
    host.go_on()
    ended(edge)
    assert edge.audio(MEDIA, {"If-None-Match": plain.headers["ETag"]}).status == 200


def test_who_names_the_next_segment_is_answered_when_it_is_there(edge: Edge, host: Origin) -> None:
    edge.audio(STREAM)
    count = len(playlist(held(edge)).segments)
    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(edge.audio, f"{MEDIA}?_HLS_msn={count}")
        with contextlib.suppress(TimeoutError):
            blocked.result(timeout=1)
        assert not blocked.done()
        host.go_on()
        assert len(playlist(blocked.result()).segments) > count


def test_a_source_that_breaks_off_ends_the_stream_and_fails_the_job(
    edge: Edge, host: Origin
) -> None:
    edge.audio(STREAM)
    growing = held(edge)
    host.go_on(give_up=True)
    last = ended(edge)
    (job,) = edge.jobs()

    assert last.body.startswith(growing.body)
    assert HELD_SECONDS - 20 < made_seconds(last) < SECONDS
    for segment in playlist(last).segments:
        assert edge.audio(f"ext/far.wav!f=hls-aac-rt&a=/0f/{segment.uri}").status == 200
    assert job["status"] == "Failed"
    assert job["error"]["code"] == "source_unreachable"
    assert f"{made_seconds(last):.3f} s" in job["error"]["message"]
    assert edge.entries() == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("broken.mp3?f=hls-aac-rt", 422, "unsupported_media"),
        ("silent.mp4?f=hls-aac-rt", 422, "no_audio"),
        ("none.mp3?f=hls-aac-rt", 404, "not_found"),
        ("note.wav?f=hls-aac-rt&ts=5", 400, "bad_parameter"),
        ("broken.mp3!f=hls-aac-rt&a=/0f/manifest.m3u8", 422, "unsupported_media"),
        ("note.wav!f=hls-aac-rt&a=/1f/manifest.m3u8", 404, "not_found"),
        ("note.wav!f=hls-aac-rt&a=/0f/0.m4s", 404, "not_found"),
        ("note.wav?f=hls-aac-rt&container=mp3", 400, "bad_parameter"),
        ("note.wav?f=mp3&container=mp4", 400, "bad_parameter"),
    ],
)
def test_what_is_wrong_from_the_start_is_told_instead_of_a_playlist(
    server: Edge, path: str, status: int, code: str
) -> None:
    answer = server.audio(path)

    assert (answer.status, answer.problem["code"]) == (status, code)
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_cancelled_stream_ends_costs_what_was_made_and_can_begin_afresh(
    edge: Edge, host: Origin
) -> None:
    edge.audio(STREAM)
    growing = held(edge)
    edge.audio(FIRST_SEGMENT)
    (job,) = edge.jobs()
    edge.api(f"/jobs/ProcessFileJob/{job['jobId']}", method="DELETE")
    last = ended(edge)
    (entry,) = until(edge.entries, "the bill")

    assert last.body.startswith(growing.body)
    assert entry["seconds"] == pytest.approx(made_seconds(last) + 10, abs=0.001)
    assert entry["billedSeconds"] == pytest.approx(entry["seconds"] * 0.75)

    host.go_on()
    assert edge.audio(STREAM).status == 200
    assert made_seconds(ended(edge)) == pytest.approx(SECONDS, abs=1e-4)
    assert edge.entries() == [entry]


def test_who_cancels_and_asks_again_at_once_gets_the_whole_stream(edge: Edge, host: Origin) -> None:
    edge.audio(STREAM)
    before = held(edge)
    (job,) = edge.jobs()
    edge.api(f"/jobs/ProcessFileJob/{job['jobId']}", method="DELETE")
    again = edge.audio(STREAM)
    host.go_on()
    last = ended(edge)
    until(lambda: edge.jobs()[0]["status"] == "Succeeded", "the second job to be done")

    assert again.status == 200
    assert last.body.startswith(before.body)
    assert made_seconds(last) == pytest.approx(SECONDS, abs=1e-4)
    assert len({job["jobId"] for job in edge.jobs()}) == 2
    assert len(edge.entries()) == 1


def test_a_stream_outlives_its_listeners_and_is_billed_once(edge: Edge, host: Origin) -> None:
    with ThreadPoolExecutor(8) as pool:
        firsts = list(pool.map(lambda _: edge.audio(STREAM), range(40)))
    host.go_on()
    until(lambda: edge.jobs()[0]["status"] == "Succeeded", "the job to go on by itself")

    assert {answer.status for answer in firsts} == {200}
    assert len(edge.jobs()) == 1
    (entry,) = edge.entries()
    assert (entry["seconds"], entry["billedSeconds"]) == (SECONDS + 10, (SECONDS + 10) * 0.75)


def test_a_killed_server_goes_on_where_the_playlist_was(edge: Edge, host: Origin) -> None:
    edge.audio(STREAM)
    before = held(edge)
    until(lambda: list(edge.data.rglob("growth.json")), "what was listed to be written down")
    edge.kill()
    edge.start()
    after = edge.audio(MEDIA)
    host.go_on()
    last = ended(edge)

    assert made_seconds(after) > 0
    assert last.body.startswith(after.body)
    assert last.body.startswith(before.body)
    assert made_seconds(last) == pytest.approx(SECONDS, abs=1e-4)
    until(lambda: edge.jobs()[0]["status"] == "Succeeded", "the job to be done")
    assert len(edge.entries()) == 1
    until(lambda: not list(edge.data.rglob("growth.json")), "the note to be thrown away")


def test_a_killed_worker_is_replaced_and_the_playlist_goes_on(edge: Edge, host: Origin) -> None:
    edge.audio(STREAM)
    before = held(edge)
    (worker,) = (pid for pid in edge.processes() if pid not in zygotes(edge) and not ends(pid))
    os.kill(worker, signal.SIGKILL)
    after = edge.audio(MEDIA)
    host.go_on()
    last = ended(edge)

    assert after.body.startswith(before.body)
    assert last.body.startswith(before.body)
    assert made_seconds(last) == pytest.approx(SECONDS, abs=1e-4)
    until(lambda: edge.jobs()[0]["status"] == "Succeeded", "the job to be done")
    assert len(edge.entries()) == 1


def test_another_process_shows_what_one_makes(edge: Edge, host: Origin) -> None:
    edge.audio(STREAM)
    growing = held(edge)
    second = edge.beside("second").start()
    try:
        there = held(second)
        assert playlist(second.audio(STREAM)).playlists
        assert second.audio(FIRST_SEGMENT).body == edge.audio(FIRST_SEGMENT).body
        host.go_on()
        assert ended(second).body == ended(edge).body
        assert made_seconds(ended(second)) == pytest.approx(SECONDS, abs=1e-4)
    finally:
        second.end()

    assert growing.body.startswith(there.body[:200])
    assert len(edge.jobs()) == 1


def variants(answer: Answer) -> list[str]:
    return [entry.uri.partition("&a=/")[2][:2] for entry in playlist(answer).playlists]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("br=64&br=128&br=256", ["0f", "1f", "2f"]),
        ("br=64&br=128&rt=false&br=256&rt=true", ["0f", "2f"]),
        ("br=64&rt=auto&br=128&rt=false", ["0f"]),
    ],
)
def test_only_real_time_variants_are_shown_while_they_are_made(
    edge: Edge, host: Origin, query: str, shown: list[str]
) -> None:
    growing = edge.audio(f"{STREAM}&{query}")
    host.go_on()
    media = f"ext/far.wav!f=hls-aac-rt&{query}&a=/1f/manifest.m3u8"
    ended(edge, media)
    until(lambda: edge.jobs()[0]["status"] == "Succeeded", "the job to be done")

    assert variants(growing) == shown
    assert variants(edge.audio(f"{STREAM}&{query}")) == ["0f", "1f", "2f"][: query.count("br=")]


def test_if_none_is_real_time_the_first_to_be_made_is_shown_alone(edge: Edge, host: Origin) -> None:
    growing = edge.audio(f"{STREAM}&br=64&rt=false&br=256&rt=false")

    assert len(variants(growing)) == 1


@pytest.mark.parametrize(
    "form", ["?f=hls-aac-rt&append=/note.wav", "!f=hls-aac-rt&append=/note.wav"]
)
def test_uris_lead_to_the_segments_from_every_form_of_the_url(server: Edge, form: str) -> None:
    path = f"/{ACCOUNT}/audio/music/a%20b%21c.wav{form}"
    multivariant = m3u8.loads(server.send(path).body.decode(), uri=f"http://edge{path}")
    media_uri = multivariant.playlists[0].absolute_uri
    media_path = media_uri.removeprefix("http://edge")
    media = m3u8.loads(server.send(media_path).body.decode(), uri=media_uri)
    parts = [
        server.send(segment.absolute_uri.removeprefix("http://edge")).body
        for segment in media.segments
    ]

    assert sum(segment.duration for segment in media.segments) == pytest.approx(3, abs=1e-4)
    assert decode(b"".join(parts))[0].shape[1] >= 3 * 48_000
