"""Recordings in segments as sources: local and remote, TS, ADTS, fMP4, files and ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import m3u8
import numpy as np
import pytest

from tests.e2e.origin import Origin, origin
from tests.e2e.running import ACCOUNT, Edge
from tests.e2e.sounds import note
from tests.support import measure
from tests.support.media import make
from tests.support.synth import sweep

Install = Callable[..., Edge]
RATE = 48_000
SECONDS = 20
PIECES = 5


def listed(*lines: str) -> bytes:
    return "\n".join(
        ("#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:6", *lines, "#EXT-X-ENDLIST", "")
    ).encode()


def put_stream(edge: Edge, query: str, name: str) -> bytes:
    """Have the edge itself make a stream, and put its files into the media folder."""
    edge.settled(f"long.wav?{query}")
    source = f"long.wav!{query}&a="
    master = edge.audio(source + "/audio.m3u8").body
    edge.put(f"{name}/audio.m3u8", master)
    for number in range(master.count(b"#EXT-X-STREAM-INF")):
        media = edge.audio(f"{source}/{number}f/manifest.m3u8").body
        edge.put(f"{name}/{number}f/manifest.m3u8", media)
        files = [line for line in media.decode().splitlines() if line and line[0] != "#"]
        if b"EXT-X-MAP" in media:
            files.append(media.decode().partition('#EXT-X-MAP:URI="')[2].partition('"')[0])
        for file in files:
            edge.put(f"{name}/{number}f/{file}", edge.audio(f"{source}/{number}f/{file}").body)
    return master


@pytest.fixture
def edge(install: Install) -> Edge:
    edge = install().start()
    sound = sweep(SECONDS * RATE, rate=RATE, low_hz=200, high_hz=2000)
    edge.put("long.wav", make("wav-16", sound, rate=RATE))
    return edge


def pitch_hz(sound: np.ndarray, second: int) -> float:
    piece = sound[0, second * RATE : (second + 1) * RATE]
    return float(np.argmax(np.abs(np.fft.rfft(piece * np.hanning(len(piece))))))


@pytest.mark.parametrize("container", ["ts", "mp4"])
def test_a_stream_of_ours_is_a_source(edge: Edge, container: str) -> None:
    put_stream(edge, f"f=hls-aac&container={container}&br=96&br=160", "stream")

    sound = measure.decode(edge.made("stream/audio.m3u8?f=wav-riff"))[0]
    cut = measure.decode(edge.made("stream/audio.m3u8?f=wav-riff&ts=7.5s&te=12s"))[0]
    meta = edge.audio("stream/0f/manifest.m3u8?f=meta").json()["tracks"]

    # A TS cannot say how long its encoder's priming is, 1024 samples; it ends with a whole frame.
    assert 0 <= sound.shape[1] - SECONDS * RATE <= 2048
    for second in range(SECONDS):
        assert abs(pitch_hz(sound, second) - (245 + 90 * second)) < 60
    assert cut.shape[1] == round(4.5 * RATE)
    assert np.array_equal(cut, sound[:, round(7.5 * RATE) : 12 * RATE])
    assert meta[1]["samplingRate"] == RATE
    # The playlist is a file like any other elsewhere.
    raw = edge.send(f"/{ACCOUNT}/raw/stream/audio.m3u8")
    assert raw.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert raw.body == (edge.root / "stream" / "audio.m3u8").read_bytes()


@pytest.mark.parametrize("kind", ["adts", "mp3-bare"])
def test_packed_audio_in_pieces_is_the_whole(edge: Edge, kind: str) -> None:
    whole = make(kind, sweep(SECONDS * RATE, rate=RATE), rate=RATE)
    step = len(whole) // PIECES + 1
    pieces = [whole[at : at + step] for at in range(0, len(whole), step)]
    lines = []
    for number, piece in enumerate(pieces):
        edge.put(f"packed/{number}.aac", piece)
        lines += ["#EXTINF:4,", f"{number}.aac"]
    edge.put("packed/list.m3u8", listed(*lines))
    edge.put("whole.aac", whole)
    ranges = [
        line
        for number, piece in enumerate(pieces)
        for line in (f"#EXT-X-BYTERANGE:{len(piece)}@{number * step}", "#EXTINF:4,", "/whole.aac")
    ]
    edge.put("ranges.m3u8", listed(*ranges))

    expected = edge.made("whole.aac?f=wav-riff")

    assert edge.made("packed/list.m3u8?f=wav-riff") == expected
    assert edge.made("ranges.m3u8?f=wav-riff") == expected


def test_a_stream_plays_while_it_is_made_and_is_appended(edge: Edge) -> None:
    put_stream(edge, "f=hls-aac&br=96", "stream")

    live = edge.audio("stream/audio.m3u8?f=hls-aac-rt")
    both = measure.decode(edge.made("stream/audio.m3u8?f=wav-riff&append=/stream/audio.m3u8"))[0]
    once = measure.decode(edge.made("stream/audio.m3u8?f=wav-riff"))[0]

    assert live.status == 200
    assert both.shape[1] == 2 * once.shape[1]


def row(edge: Edge) -> list[str]:
    """Put three files that have nothing in common into a folder, and list two of them twice."""
    films = {
        "a.ts": make("ts-aac", sweep(6 * RATE, rate=RATE, channels=2), rate=RATE),
        "b.aac": make("adts", sweep(3 * RATE, rate=RATE, low_hz=4000), rate=RATE),
        "c.mp4": make("m4a-fragmented", sweep(4 * RATE, rate=RATE), rate=RATE),
        "d.mp2": make("ts-mp2", sweep(2 * RATE, rate=RATE, channels=2), rate=RATE),
    }
    for name, content in films.items():
        edge.put(f"row/{name}", content)
    # A section holds for all that follows it.
    names = ["a.ts", "b.aac", "a.ts", "d.mp2", "c.mp4", "c.mp4"]
    end = films["c.mp4"].index(b"moof") - 4
    lines = []
    for name in names:
        lines.append("#EXT-X-DISCONTINUITY")
        if name == "c.mp4":
            rest = len(films[name]) - end
            lines.append(f'#EXT-X-MAP:URI="{name}",BYTERANGE="{end}@0"')
            lines.append(f"#EXT-X-BYTERANGE:{rest}@{end}")
        lines += ["#EXTINF:6,", name]
    edge.put("row/list.m3u8", listed(*lines))
    return names


def test_what_is_behind_a_discontinuity_is_heard(edge: Edge) -> None:
    names = row(edge)
    alone = {
        name: measure.decode(edge.made(f"row/{name}?f=wav-riff&ch=2"))[0] for name in set(names)
    }
    expected = np.concatenate([alone[name] for name in names], axis=1)

    found = measure.decode(edge.made("row/list.m3u8?f=wav-riff&ch=2"))[0]
    cut = measure.decode(edge.made("row/list.m3u8?f=wav-riff&ch=2&ts=5s&te=20s"))[0]
    general, audio = edge.audio("row/list.m3u8?f=meta").json()["tracks"]

    assert np.array_equal(found, expected)
    assert np.array_equal(cut, expected[:, 5 * RATE : 20 * RATE])
    assert audio["duration"] == general["duration"] == round(expected.shape[1] / RATE, 6)
    assert "durationEstimated" not in audio | general


def test_the_whole_timeline_has_what_is_behind_a_discontinuity(edge: Edge) -> None:
    row(edge)
    samples = measure.decode(edge.made("row/list.m3u8?f=wav-riff"))[0].shape[1]
    form = "row/list.m3u8!f=hls-aac-rt&playlist=full&a=/0f"

    media = m3u8.loads(edge.audio(f"{form}/manifest.m3u8").body.decode())
    segments = [edge.audio(f"{form}/{segment.uri}") for segment in reversed(media.segments)]

    listed_seconds = sum(segment.duration for segment in media.segments)
    assert listed_seconds == pytest.approx(samples / RATE, abs=0.001)
    assert {segment.status for segment in segments} == {200}


def test_a_replaced_playlist_is_another_source(edge: Edge) -> None:
    edge.put("a.aac", make("adts", sweep(RATE, rate=RATE), rate=RATE))
    edge.put("list.m3u8", listed("#EXTINF:1,", "a.aac"))
    once = measure.decode(edge.made("list.m3u8?f=wav-riff"))[0]
    edge.put("list.m3u8", listed("#EXTINF:1,", "a.aac", "#EXTINF:1,", "a.aac"))
    twice = measure.decode(edge.made("list.m3u8?f=wav-riff"))[0]

    assert twice.shape[1] == 2 * once.shape[1]


def test_playlists_that_are_not_read_say_why(edge: Edge) -> None:
    edge.put("live.m3u8", listed("#EXTINF:1,", "a.ts").replace(b"#EXT-X-ENDLIST", b""))

    for output in ("mp3", "meta", "hls-aac-rt", "wav-riff&append=/note.wav"):
        answer = edge.audio(f"live.m3u8?f={output}")
        assert answer.status == 422
        assert answer.problem["code"] == "bad_playlist"
        assert "EXT-X-ENDLIST" in answer.problem["message"]
    assert edge.audio("long.wav?f=mp3&append=/live.m3u8").status == 422
    assert edge.jobs() == []


@pytest.fixture
def host() -> Iterator[Origin]:
    with origin() as server:
        yield server


def test_signed_segments_are_asked_for_as_they_are_signed(install: Install, host: Origin) -> None:
    base = f"{host.url}/fol%20der%20(x)"
    edge = install(EDGE_MOUNTS=f"/ext={base}", EDGE_ALLOW_NETWORKS="127.0.0.0/8").start()
    whole = make("adts", sweep(4 * RATE, rate=RATE), rate=RATE)
    half = len(whole) // 2
    names = ("0.aac?sig=a%2Fb%3D&n=1", f"{host.url}/fol%20der%20%28x%29/1.aac?sig=c+d")
    lines = [line for name in names for line in ("#EXTINF:2,", name)]
    signed = {"0.aac?sig=a%2Fb%3D&n=1": whole[:half], "1.aac?sig=c+d": whole[half:]}
    for name, content in signed.items():
        host.files[f"/fol%20der%20(x)/{name}"] = content
    host.files["/fol%20der%20(x)/media.m3u8?sig=e"] = listed(*lines)
    variant = ("#EXT-X-STREAM-INF:BANDWIDTH=1", "media.m3u8?sig=e")
    host.files["/fol%20der%20(x)/all.m3u8"] = listed(*variant)
    # A folder has no queries, and the file is the one that is named before it.
    edge.put("0.aac", whole[:half])
    edge.put("1.aac", whole[half:])
    edge.put("list.m3u8", listed("#EXTINF:2,", names[0], "#EXTINF:2,", "1.aac?sig=c+d"))
    edge.put("whole.aac", whole)

    expected = edge.made("whole.aac?f=wav-riff")

    assert edge.made("ext/all.m3u8?f=wav-riff") == expected
    assert edge.made("list.m3u8?f=wav-riff") == expected


def test_a_stream_of_another_host(install: Install, host: Origin) -> None:
    edge = install(EDGE_MOUNTS=f"/ext={host.url}/folder", EDGE_ALLOW_NETWORKS="127.0.0.0/8").start()
    edge.put("long.wav", note(SECONDS))
    put_stream(edge, "f=hls-aac&br=96", "stream")
    for file in Path(edge.root / "stream").rglob("*"):
        if file.is_file():
            inside = file.relative_to(edge.root).as_posix()
            host.files[f"/folder/{inside}"] = file.read_bytes()
    media = host.files["/folder/stream/0f/manifest.m3u8"].decode()
    absolute = media.replace("\n0.ts", f"\n{host.url}/folder/stream/0f/0.ts").replace(
        "\n1.ts", "\n/folder/stream/0f/1.ts"
    )
    host.files["/folder/stream/0f/manifest.m3u8"] = absolute.encode()
    host.files["/folder/evil.m3u8"] = listed("#EXTINF:1,", "http://127.0.0.1:9/latest/meta-data")

    here = edge.made("stream/audio.m3u8?f=wav-riff")

    assert edge.made("ext/stream/audio.m3u8?f=wav-riff") == here
    assert edge.audio("ext/evil.m3u8?f=mp3").problem["code"] == "bad_playlist"
    # Each segment was asked for once by HEAD, and once for its bytes.
    asked = [target for method, target, _ in host.requests if target.endswith("/0f/0.ts")]
    assert len(asked) <= 4
