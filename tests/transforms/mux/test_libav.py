"""M4A, Opus and FLAC: gapless to the sample, tagged, and ready to stream."""

import io
import struct

import av
import numpy as np
import pytest

from tests.support import measure, media, synth
from tests.support.engine import make
from tests.support.memory import MemorySource
from transforms.audio.survey import survey

TAGS = {"title": "Grüße", "artist": "A", "album": "B", "comment": "C", "genre": "Jazz"}


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("samples", [1, 1023, 1024, 1025, 44_117, 100_003])
@pytest.mark.parametrize("query", ["f=m4a&sr=44.1", "f=opus", "f=flac&sr=44.1"])
def test_every_length_comes_back(query: str, samples: int, channels: int) -> None:
    sound = synth.noise(samples, channels=channels)

    artifact = make(query, media.make("wav-16", sound, rate=44100))

    assert artifact.planned_samples == artifact.report.samples
    facts = survey(MemorySource(artifact.content), exact=True)
    assert (artifact.planned_samples, channels, True) == (
        facts.samples,
        facts.channels,
        facts.exact,
    )
    again = make(f"f=wav-riff&sr={artifact.rate / 1000:g}", artifact.content)
    assert again.sound.shape == (channels, artifact.planned_samples)


@pytest.mark.parametrize("query", ["f=m4a&sr=44.1&br=128", "f=opus&br=128"])
def test_sound_survives_in_its_place(query: str) -> None:
    sound = synth.burst(50_000, at=30_000, rate=44100, channels=2)

    artifact = make(query, media.make("wav-16", sound, rate=44100))
    again = make("f=wav-riff&sr=44.1", artifact.content)

    assert abs(measure.peak(again.sound) - 30_000) <= 1


def test_the_index_of_an_m4a_comes_first() -> None:
    content = make("f=m4a", media.make("wav-16", synth.noise(48000), rate=48000)).content

    boxes, at = [], 0
    while at < len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        boxes.append(name)
        at += size
    assert [name for name in boxes if name != b"free"] == [b"ftyp", b"moov", b"mdat"]


def test_the_edit_list_of_an_m4a_is_exact() -> None:
    content = make("f=m4a", media.make("wav-16", synth.noise(48_017), rate=48000)).content

    at = content.index(b"elst")
    assert struct.unpack_from(">IIIiI", content, at + 4) == (0, 1, 48_017, 1024, 1 << 16)
    at = content.index(b"mvhd")
    assert struct.unpack_from(">II", content, at + 16) == (48_000, 48_017)


@pytest.mark.parametrize("rate", ["8", "12", "16", "24", "48"])
def test_opus_at_every_rate_is_as_long_as_planned(rate: str) -> None:
    sound = synth.noise(50_001, channels=2)

    artifact = make(f"f=opus&br=64&sr={rate}", media.make("wav-16", sound, rate=48000))

    expected = artifact.report.samples * 48_000 // artifact.rate
    assert artifact.sound.shape == (2, expected)


@pytest.mark.parametrize(("depth", "kind"), [("16", "wav-16"), ("24", "wav-24")])
def test_flac_keeps_every_bit(depth: str, kind: str) -> None:
    sound = synth.on_grid(synth.noise(20_001, channels=2), int(depth))

    artifact = make(f"f=flac&bd={depth}", media.make(kind, sound, rate=48000))

    assert np.array_equal(sound, artifact.sound)
    streaminfo = int.from_bytes(artifact.content[18:26], "big")
    assert (48_000, 1, int(depth) - 1, 20_001) == (
        streaminfo >> 44,
        streaminfo >> 41 & 7,
        streaminfo >> 36 & 31,
        streaminfo & 0xFFFFFFFFF,
    )


@pytest.mark.parametrize("output", ["mp3", "aac", "m4a", "opus", "flac", "wav-riff", "wav-rf64"])
def test_tags_are_kept_in_every_format(output: str) -> None:
    content = media.make("flac", synth.noise(48000, channels=2), rate=48000, tags=TAGS)

    artifact = make(f"f={output}", content)

    with av.open(io.BytesIO(artifact.content)) as container:
        found = dict(container.metadata) | dict(container.streams[0].metadata)
    assert {name: found.get(name) for name in TAGS} == TAGS
