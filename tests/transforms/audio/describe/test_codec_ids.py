"""What containers call codecs where libavformat does not say it."""

import random
from dataclasses import replace

import pytest

from tests.support import media, synth
from tests.support.memory import MemorySource
from transforms.audio.describe.probe import probe
from transforms.audio.describe.transport import stream_type

TS = media.RECIPES["ts-aac"]


def codec_ids(content: bytes) -> list[object]:
    tracks = probe(MemorySource(content))["tracks"]
    assert isinstance(tracks, list)
    return [track.get("codecId") for track in tracks if track["type"] == "Audio"]


def made(recipe: media.Recipe, *, rate: int = 48_000, channels: int = 2) -> bytes:
    sound = synth.speech(2 * rate, rate=rate, channels=channels)
    return media.encode(recipe, sound, rate=rate)


@pytest.mark.parametrize(
    ("codec", "number"),
    [("aac", "15-2"), ("mp2", "3"), ("ac3", "129"), ("eac3", "135"), ("libopus", "6")],
)
def test_a_transport_streams_program_map_has_numbers(codec: str, number: str) -> None:
    assert codec_ids(made(replace(TS, codec=codec))) == [number]


def test_a_blu_rays_packets_are_longer_and_its_numbers_others() -> None:
    recipe = replace(TS, codec="eac3", container_options={"mpegts_m2ts_mode": "1"})

    assert codec_ids(made(recipe)) == ["132"]


def test_each_stream_has_its_own_number() -> None:
    sound = synth.speech(48_000, rate=48_000, channels=2)
    content = media.encode(replace(TS, codec="ac3"), sound, sound, rate=48_000)

    assert codec_ids(content) == ["129", "129"]
    assert stream_type(MemorySource(content), 0x1FFE) is None


def test_a_program_map_may_be_longer_than_a_packet() -> None:
    sound = synth.silence(4800, channels=1)
    content = media.encode(replace(TS, codec="ac3"), *[sound] * 30, rate=48_000)

    assert codec_ids(content) == ["129"] * 30


@pytest.mark.parametrize(
    ("codec", "rate", "number"),
    [
        ("nellymoser", 8_000, "5"),
        ("nellymoser", 16_000, "4"),
        ("nellymoser", 22_050, "6"),
        ("libmp3lame", 22_050, "2"),
    ],
)
def test_flash_has_numbers_for_low_rates(codec: str, rate: int, number: str) -> None:
    recipe = media.Recipe(container="flv", codec=codec, sample_format="fltp")

    assert codec_ids(made(recipe, rate=rate, channels=1)) == [number]


@pytest.mark.parametrize(
    ("codec", "number"),
    [("pcm_s16le", "1"), ("pcm_s24le", "00000001-0000-0010-8000-00AA00389B71")],
)
@pytest.mark.parametrize("container", ["wav", "w64"])
def test_waves_have_a_subformat_where_they_are_extensible(
    container: str, codec: str, number: str
) -> None:
    assert codec_ids(made(media.Recipe(container=container, codec=codec))) == [number]


def test_a_damaged_program_map_tells_nothing_and_harms_nobody() -> None:
    content = made(replace(TS, codec="ac3"))
    chance = random.Random(7)

    for _ in range(200):
        spoilt = bytearray(content[: 188 * 40])
        for _ in range(60):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        assert stream_type(MemorySource(bytes(spoilt)), 0x100) in (None, *range(256))
    assert stream_type(MemorySource(b""), 0x100) is None
    assert stream_type(MemorySource(bytes(100_000)), 0x100) is None
