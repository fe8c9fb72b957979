"""ADTS: legal headers around every packet, and the tag that makes it gapless."""

import pytest

from tests.support import measure, media, synth
from tests.support.engine import make
from transforms.mux.adts import header

_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)


def read_header(content: bytes, at: int) -> tuple[int, int, int, int, int]:
    """Sync and fixed bits, rate index, channels, frame length, fullness (ISO 13818-7, 6.2)."""
    bits = int.from_bytes(content[at : at + 7], "big")
    assert bits & 3 == 0, "one raw data block a frame"
    return (
        bits >> 38,
        bits >> 34 & 15,
        bits >> 30 & 7,
        bits >> 13 & 0x1FFF,
        bits >> 2 & 0x7FF,
    )


# Sync word, MPEG-4, layer 0, no CRC, AAC-LC.
_FIXED = 0xFFF << 6 | 0 << 5 | 0 << 3 | 1 << 2 | 1


@pytest.mark.parametrize("rate", _RATES)
@pytest.mark.parametrize(("channels", "body"), [(1, 1), (2, 777), (2, 0x1FFF - 7)])
def test_a_header_is_what_the_standard_says(rate: int, channels: int, body: int) -> None:
    made = header(body, rate, channels)

    assert len(made) == 7
    assert read_header(made, 0) == (_FIXED, _RATES.index(rate), channels, body + 7, 0x7FF)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("query", "rate"), [("", 48000), ("br=16&sr=8", 8000), ("br=576", 48000)])
def test_a_file_is_a_tag_and_whole_frames(query: str, rate: int, channels: int) -> None:
    sound = synth.speech(50_001, rate=44100, channels=channels)
    content = media.make("flac", sound, rate=44100, tags={"title": "Grüße", "artist": "A"})

    artifact = make(f"f=aac&{query}", content)

    made = artifact.content
    encoding = artifact.resolved.render.encodings[0]
    a, b, c, d = made[6:10]
    at = 10 + (a << 21 | b << 14 | c << 7 | d)
    tag = made[:at]
    packets = 0
    while at < len(made):
        fixed, index, count, size, _ = read_header(made, at)
        assert (_FIXED, _RATES.index(rate), encoding.channels) == (fixed, index, count)
        at += size
        packets += 1
    assert at == len(made)
    assert tag[:6] == b"ID3\x04\x00\x00"
    assert "Grüße".encode() in tag

    samples = artifact.report.samples
    padding = packets * 1024 - 1024 - samples
    numbers = f" 00000000 00000400 {padding:08X} {samples:016X}" + " 00000000" * 8
    assert b"iTunSMPB\0" + numbers.encode() in tag
    assert 0 <= padding < 3 * 1024
    assert packets * 1024 == measure.decode(made)[0].shape[1]


def test_our_own_file_is_gapless_as_a_source() -> None:
    sound = synth.burst(50_001, at=20_000, rate=48000)

    once = make("f=aac", media.make("flac", sound, rate=48000))
    again = make("f=wav-riff", once.content)

    assert again.sound.shape == (1, 50_001)
    assert abs(measure.peak(again.sound) - 20_000) <= 1
