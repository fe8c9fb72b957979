"""MP3 in parts by several threads: as good, as long and as well described as in one."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np
import pytest

from tests.support import synth
from tests.support.measure import decode, snr_db
from tests.support.synth import Sound
from transforms.audio import lame_parts, layer3
from transforms.audio.lame_tag import crc16
from transforms.mux import mp3
from transforms.plan import Encoding

RATE = 44_100


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lame_parts, "_PART_FRAMES", 128)


def encoding(kbps: int, *, rate: int = RATE, channels: int = 2) -> Encoding:
    return Encoding(
        bitrate_bps=kbps * 1000,
        average=False,
        sample_rate_hz=rate,
        channels=channels,
        bit_depth=None,
    )


def written(sound: Sound, chosen: Encoding, *, threads: int) -> bytes:
    file = io.BytesIO()
    blocks = [sound[:, first : first + 30_000] for first in range(0, sound.shape[1], 30_000)]
    mp3.write(file, chosen, {}, blocks, threads=threads)
    return file.getvalue()


@dataclass(frozen=True)
class Tag:
    frames: int
    size: int
    delays: bytes
    music_bytes: int
    music_crc: int
    own_crc: int
    at: int


def tag_of(content: bytes) -> Tag:
    at = content.index(b"Info")
    frames, size = struct.unpack_from(">II", content, at + 8)
    music_bytes, music_crc, own_crc = struct.unpack_from(">IHH", content, at + 148)
    return Tag(frames, size, content[at + 141 : at + 144], music_bytes, music_crc, own_crc, at)


def voices(seconds: int, *, rate: int = RATE, channels: int = 2) -> Sound:
    """Speech with pauses, for which an encoder saves up bits."""
    return synth.speech(seconds * rate, rate=rate, channels=channels)


@pytest.mark.parametrize(
    ("kbps", "rate", "channels"),
    [
        *[(64, 44_100, 2), (128, 44_100, 2), (320, 44_100, 2), (96, 48_000, 1)],
        *[(64, 22_050, 2), (112, 32_000, 2)],
    ],
)
def test_parts_are_as_good_as_one(kbps: int, rate: int, channels: int) -> None:
    chosen = encoding(kbps, rate=rate, channels=channels)
    sound = voices(20, rate=rate, channels=channels)

    one, many = (written(sound, chosen, threads=threads) for threads in (1, 3))

    assert len(one) == len(many)
    (heard, _), (joined, _) = decode(one), decode(many)
    assert heard.shape == joined.shape == sound.shape
    assert snr_db(sound, joined) == pytest.approx(snr_db(sound, heard), abs=0.3)
    first, second = tag_of(one), tag_of(many)
    assert (first.frames, first.size, first.delays, first.music_bytes) == (
        second.frames,
        second.size,
        second.delays,
        second.music_bytes,
    )


def test_the_number_of_threads_changes_nothing() -> None:
    sound = voices(20)

    assert written(sound, encoding(128), threads=2) == written(sound, encoding(128), threads=5)


def test_no_frame_is_much_noisier_than_its_like_in_one() -> None:
    sound = voices(24)
    one, many = (
        np.square(decode(written(sound, encoding(128), threads=threads))[0] - sound)
        for threads in (1, 2)
    )
    frames = sound.shape[1] // 1152
    noise = [
        10 * np.log10(part[:, : frames * 1152].reshape(2, frames, 1152).sum(axis=(0, 2)) + 1e-6)
        for part in (one, many)
    ]

    # Both have their better and worse moments, as the reservoir is filled differently.
    assert abs(float((noise[1] - noise[0]).mean())) < 0.2
    assert (noise[1] - noise[0]).max() < 12


@pytest.mark.parametrize("refused", [range(2, 4), range(3, 40), range(2, 1000)])
def test_where_no_place_is_found_the_part_before_goes_on(
    monkeypatch: pytest.MonkeyPatch, refused: range
) -> None:
    find = lame_parts._place
    asked: list[int] = []

    def seldom(*arguments: object) -> int | None:
        asked.append(1)
        return None if len(asked) in refused else find(*arguments)  # type: ignore[arg-type]

    sound = voices(20)
    one = written(sound, encoding(128), threads=1)
    monkeypatch.setattr(lame_parts, "_place", seldom)
    many = written(sound, encoding(128), threads=2)

    assert len(asked) > refused.start
    assert len(many) == len(one)
    assert snr_db(sound, decode(many)[0]) == pytest.approx(snr_db(sound, decode(one)[0]), abs=0.3)


def test_without_any_place_parts_are_what_one_encoder_makes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = voices(10)
    one = written(sound, encoding(128), threads=1)
    monkeypatch.setattr(lame_parts, "_place", lambda *_: None)
    many = written(sound, encoding(128), threads=2)

    first = layer3.frames(one)[0].end
    assert many[first:] == one[first:]


@pytest.mark.parametrize("samples", [1, 500, 128 * 1152, 196 * 1152, 199 * 1152 + 1, 250_000])
def test_any_length_is_exact(samples: int) -> None:
    sound = synth.noise(samples, channels=1)

    many = written(sound, encoding(64, channels=1), threads=2)

    assert decode(many)[0].shape == sound.shape
    assert len(many) == len(written(sound, encoding(64, channels=1), threads=1))


@pytest.mark.parametrize("threads", [1, 2])
def test_checksums_are_right(threads: int) -> None:
    content = written(voices(15), encoding(96), threads=threads)
    tag = tag_of(content)
    audio = content[layer3.frames(content)[0].end :]

    assert tag.music_crc == crc16(audio)
    assert tag.own_crc == crc16(content[: tag.at + 154])


def test_the_checksum_is_that_of_the_polynomial() -> None:
    # CRC-16/ARC of the catalogue of parametrised CRC algorithms.
    assert crc16(b"123456789") == 0xBB3D
    long = bytes(range(256)) * 40 + b"rest"
    assert crc16(long[700:], crc16(long[:700])) == crc16(long)
