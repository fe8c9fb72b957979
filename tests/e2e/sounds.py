"""The files that the servers under test serve."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.e2e.running import Edge
from tests.support.media import encode_video, make, pictures_only, wav_header
from tests.support.synth import speech, tone

TALK_SECONDS = 3
# Long enough to be caught while it is made, on a fast machine too.
LONG_SECONDS = 900


@cache
def talk(seconds: int = TALK_SECONDS, *, kind: str = "mp3", rate: int = 44_100) -> bytes:
    """A recording of a voice."""
    return make(kind, speech(seconds * rate, rate=rate, channels=2), rate=rate)


@cache
def note(seconds: int, *, hz: float = 440.0, rate: int = 48_000, kind: str = "wav-16") -> bytes:
    """A tone, mono."""
    return make(kind, tone(seconds * rate, rate=rate, hz=hz), rate=rate)


@cache
def film() -> bytes:
    """Two seconds of a tone under moving pictures."""
    return encode_video(tone(96_000, rate=48_000, channels=2), rate=48_000)


def long_silence(path: Path, seconds: int, *, rate: int = 8_000) -> None:
    """Write a WAV of any length that takes no disk: all of its samples are a hole."""
    data_bytes = seconds * rate * 2
    header = wav_header(rate=rate, channels=1, data_bytes=data_bytes)
    path.write_bytes(header)
    with path.open("r+b") as file:
        file.truncate(len(header) + data_bytes)


def furnish(edge: Edge) -> None:
    """Fill the media folder: some ordinary files, and some that are long or wrong."""
    edge.put("example.mp3", talk())
    edge.put("example.mp4", film())
    edge.put("music/a b!c.wav", note(1))
    edge.put("note.wav", note(2))
    edge.put("minute.wav", note(60, rate=8_000))
    edge.put("broken.mp3", b"This is no sound at all. " * 400)
    edge.put("silent.mp4", pictures_only())
    long_silence(edge.root / "long.wav", LONG_SECONDS)
