"""Files made to be described, and their descriptions."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer

from tests.support import synth
from tests.support.memory import MemorySource
from transforms.audio.describe.probe import probe

RATE = 44_100


def muxed(
    container: str,
    *,
    adorn: Callable[[OutputContainer], None] = lambda _: None,
    codecs: Sequence[str] = ("aac",),
    track_tags: Mapping[str, str] | None = None,
) -> bytes:
    """A track of tone for each codec, each a second longer than the one before, and additions."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        streams = [track_of(output, codec) for codec in codecs]
        for stream in streams:
            stream.metadata.update(track_tags or {})
        adorn(output)
        for number, stream in enumerate(streams):
            context = stream.codec_context
            sound = synth.tone((number + 1) * context.sample_rate, rate=context.sample_rate)
            frame = AudioFrame.from_ndarray(sound, "fltp", "mono")
            frame.sample_rate, frame.pts = context.sample_rate, 0
            frame.time_base = Fraction(1, context.sample_rate)
            output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return file.getvalue()


def track_of(output: OutputContainer, codec: str) -> AudioStream:
    stream = output.add_stream(codec, rate=48_000)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = "mono"
    return stream


def tracks_of(content: bytes) -> list[dict[str, Any]]:
    document = probe(MemorySource(content))
    # It is to be JSON, and every text in it to be legible.
    json.dumps(document, ensure_ascii=False).encode()
    tracks = document["tracks"]
    assert isinstance(tracks, list)
    return tracks


def general(content: bytes) -> dict[str, Any]:
    return tracks_of(content)[0]


def audio(content: bytes) -> dict[str, Any]:
    return next(track for track in tracks_of(content) if track["type"] == "Audio")


def video(content: bytes) -> dict[str, Any]:
    return next(track for track in tracks_of(content) if track["type"] == "Video")
