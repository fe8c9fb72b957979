"""MP3 files: the LAME frame read by hand, and lengths that come back to the sample."""

import struct
from dataclasses import dataclass

import pytest

from tests.support import measure, media, synth
from tests.support.engine import Made, make
from transforms.audio.lame import tag_fits
from transforms.mux import mp3
from transforms.plan import Encoding

TAGS = {"title": "Grüße", "artist": "A", "comment": "C", "track": "3"}
_MPEG1_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000)}


@dataclass(frozen=True, slots=True)
class Frame:
    """One MPEG audio frame header (ISO 11172-3, 2.4.1.3)."""

    at: int
    size: int
    kbps: int
    rate: int
    mono: bool

    @property
    def samples(self) -> int:
        return 1152 if self.rate >= 32000 else 576


def read_frames(content: bytes) -> list[Frame]:
    at = 0
    if content[:3] == b"ID3":
        a, b, c, d = content[6:10]
        at = 10 + (a << 21 | b << 14 | c << 7 | d)
    frames = []
    while at < len(content):
        (word,) = struct.unpack_from(">I", content, at)
        assert word >> 21 == 0x7FF and word >> 17 & 3 == 1, at
        version = word >> 19 & 3
        kbps = (_MPEG1_KBPS if version == 3 else _MPEG2_KBPS)[word >> 12 & 15]
        rate = _RATES[version][word >> 10 & 3]
        size = (144 if version == 3 else 72) * kbps * 1000 // rate + (word >> 9 & 1)
        frames.append(Frame(at, size, kbps, rate, word >> 6 & 3 == 3))
        at += size
    assert at == len(content)
    return frames


@dataclass(frozen=True, slots=True)
class LameTag:
    frames: int
    size_bytes: int
    delay: int
    padding: int


def read_tag(content: bytes) -> tuple[bytes, LameTag]:
    first = read_frames(content)[0]
    side = {(True, True): 17, (True, False): 32, (False, True): 9, (False, False): 17}
    at = first.at + 4 + side[first.rate >= 32000, first.mono]
    name, flags, frames, size = struct.unpack_from(">4sIII", content, at)
    assert flags == 15
    packed = int.from_bytes(content[at + 16 + 100 + 4 + 21 :][:3], "big")
    return name, LameTag(frames, size, packed >> 12, packed & 0xFFF)


def made(query: str, *, channels: int, samples: int = 50_001) -> Made:
    sound = synth.speech(samples, rate=44100, channels=channels)
    return make(query, media.make("flac", sound, rate=44100, tags=TAGS))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("query", "kbps", "rate"),
    [
        ("br=128&sr=48", 128, 48000),
        ("br=96&sr=44.1", 96, 44100),
        ("br=64&sr=32", 64, 32000),
        ("br=144", 144, 22050),
        ("br=256&sr=44.1", 256, 44100),
    ],
)
def test_a_constant_bitrate_file_says_what_it_is(
    query: str, kbps: int, rate: int, channels: int
) -> None:
    artifact = made(f"f=mp3&{query}", channels=channels)
    name, tag = read_tag(artifact.content)
    first, *frames = read_frames(artifact.content)

    assert {(kbps, rate, channels == 1)} == {(f.kbps, f.rate, f.mono) for f in frames}
    assert (b"Info", len(frames)) == (name, tag.frames)
    assert len(artifact.content) - first.at == tag.size_bytes
    assert len(frames) * first.samples == tag.delay + artifact.report.samples + tag.padding
    assert (channels, artifact.planned_samples) == artifact.sound.shape


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("query", "kbps"), [("br=72&sr=48", 72), ("br=136&sr=44.1", 136), ("br=152&sr=22.05", 152)]
)
def test_an_average_bitrate_file_keeps_its_mean(query: str, kbps: int, channels: int) -> None:
    artifact = made(f"f=mp3&{query}", channels=channels, samples=200_001)
    name, tag = read_tag(artifact.content)
    first, *frames = read_frames(artifact.content)

    assert (b"Xing", len(frames)) == (name, tag.frames)
    assert len(artifact.content) - first.at == tag.size_bytes
    assert len(frames) * first.samples == tag.delay + artifact.report.samples + tag.padding
    assert (channels, artifact.planned_samples) == artifact.sound.shape
    assert 0.4 * kbps < sum(f.kbps for f in frames) / len(frames) < 1.2 * kbps


@pytest.mark.parametrize("samples", [1, 2, 575, 576, 1151, 1152, 1153, 4607, 36_864, 36_865])
def test_every_length_comes_back(samples: int) -> None:
    content = media.make("wav-16", synth.noise(samples), rate=44100)

    assert make("f=mp3&sr=44.1", content).sound.shape == (1, samples)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("query", ["br=128&sr=48", "br=72&sr=44.1", "br=64&sr=22.05"])
def test_without_a_lame_libav_makes_the_same_length(
    monkeypatch: pytest.MonkeyPatch, query: str, channels: int
) -> None:
    monkeypatch.setattr(mp3, "load", lambda: None)

    artifact = made(f"f=mp3&{query}", channels=channels)

    assert (channels, artifact.planned_samples) == artifact.sound.shape
    assert artifact.report.encoder == "libmp3lame (PyAV)"
    assert artifact.content[:3] == b"ID3"


def test_the_encoder_is_named() -> None:
    artifact = made("f=mp3", channels=1)

    assert artifact.report.encoder == mp3.encoder_name()
    assert mp3.encoder_name() in ("libmp3lame (lameenc)", "libmp3lame (system)")


@pytest.mark.parametrize("kbps", [16, 24, 32, 40, 48, 56, 64])
@pytest.mark.parametrize("rate", ["22.05", "32", "44.1", "48"])
@pytest.mark.parametrize("channels", [1, 2])
def test_frames_too_small_for_a_lame_tag_still_make_a_gapless_file(
    kbps: int, rate: str, channels: int
) -> None:
    artifact = made(f"f=mp3&br={kbps}&sr={rate}", channels=channels, samples=30_011)

    _, tag = read_tag(artifact.content)
    _, *frames = read_frames(artifact.content)
    assert {kbps} == {frame.kbps for frame in frames}
    assert (channels, artifact.planned_samples) == artifact.sound.shape
    assert len(frames) == tag.frames
    assert artifact.report.encoder == mp3.encoder_name()


def test_lame_tags_only_frames_with_room() -> None:
    tagged = {
        (rate, kbps, channels)
        for rate in (22050, 32000, 44100, 48000)
        for kbps in (32, 40, 48, 56, 64)
        for channels in (1, 2)
        if tag_fits(
            Encoding(
                bitrate_bps=kbps * 1000,
                average=False,
                sample_rate_hz=rate,
                channels=channels,
                bit_depth=None,
            )
        )
    }

    assert tagged == {
        *((rate, 64, channels) for rate in (22050, 32000, 44100, 48000) for channels in (1, 2)),
        *((22050, 56, 1), (22050, 56, 2), (44100, 56, 1), (32000, 56, 1), (32000, 56, 2)),
        *((32000, 48, 1), (32000, 48, 2), (32000, 40, 1)),
    }


def test_sound_survives_in_its_place() -> None:
    sound = synth.burst(50_000, at=30_000, rate=44100, channels=2)

    artifact = make("f=mp3&br=128&sr=44.1", media.make("wav-16", sound, rate=44100))

    assert abs(measure.peak(artifact.sound) - 30_000) <= 1
