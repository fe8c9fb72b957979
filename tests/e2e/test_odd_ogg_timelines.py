"""Ogg that was cut, lost pages or was put together: one length, whoever tells it."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import m3u8
import pytest

from tests.e2e.running import Edge, serving
from tests.support import media, odd_ogg, synth
from tests.support.measure import decode

RATE = 48_000
SECONDS = 40

WAYS: dict[str, Callable[[bytes], bytes]] = {
    "later": lambda content: odd_ogg.changed(content, odd_ogg.later),
    "lossy": lambda content: odd_ogg.changed(content, odd_ogg.with_a_loss),
    "joined": lambda content: content + content,
}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder: Path = tmp_path_factory.mktemp("odd-ogg")
    with serving(folder) as edge:
        for kind in ("opus", "vorbis", "ogg-flac"):
            content = media.make(
                kind, synth.speech(SECONDS * RATE, rate=RATE, channels=2), rate=RATE
            )
            for way, change in WAYS.items():
                edge.put(f"{way}.{kind}", change(content))
        yield edge


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["opus", "vorbis", "ogg-flac"])
def test_all_that_tell_a_length_agree(edge: Edge, kind: str, way: str) -> None:
    name = f"{way}.{kind}"
    stream = f"{name}!f=hls-aac-rt&playlist=full&br=96&a=/0f/"
    general, audio = json.loads(edge.audio(f"{name}?f=meta").body)["tracks"]
    listed = m3u8.loads(edge.audio(f"{stream}manifest.m3u8").body.decode())
    last = edge.audio(stream + str(listed.segments[-1].uri))
    made = edge.made(f"{name}?f=wav-riff&sr=48")

    with wave.open(io.BytesIO(made)) as sound:
        seconds = sound.getnframes() / RATE
    assert general["duration"] == audio["duration"] == pytest.approx(seconds, abs=1e-5)
    assert sum(segment.duration for segment in listed.segments) == pytest.approx(seconds, abs=1e-3)
    assert (listed.is_endlist, last.status) == (True, 200)
    heard, rate = decode(last.body)
    assert heard.shape[1] / rate == pytest.approx(listed.segments[-1].duration, abs=0.05)
    longer = {"later": SECONDS, "joined": 2 * SECONDS}
    assert seconds == pytest.approx(longer.get(way, SECONDS - 2), abs=1.5 if way == "lossy" else 0)
