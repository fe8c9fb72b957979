"""WAV: headers byte for byte, samples bit for bit."""

import io
import struct

import numpy as np
import pytest

from tests.support import measure, media, synth
from tests.support.engine import make
from transforms.audio.timeline import LARGEST_RIFF_BYTES
from transforms.mux import wav
from transforms.plan import Encoding
from transforms.problems import OutputTooLarge


def encoding(depth: str = "16", *, channels: int = 2, rate: int = 48000) -> Encoding:
    return Encoding(
        bitrate_bps=None, average=False, sample_rate_hz=rate, channels=channels, bit_depth=depth
    )


class Sparse(io.BytesIO):
    """A file that counts what is written past its first bytes instead of keeping it."""

    KEPT = 4096

    def __init__(self) -> None:
        super().__init__()
        self.at = 0

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        if self.at < self.KEPT:
            super().seek(self.at)
            super().write(piece[: self.KEPT - self.at])
        self.at += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = 0) -> int:
        assert whence == 0
        self.at = offset
        return offset


class Huge:
    """A block that is long without being there: ``len`` of its bytes is all a writer asks."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, piece: slice) -> bytes:
        return bytes(range(*piece.indices(self.size)).__len__())


@pytest.mark.parametrize(
    ("depth", "channels", "fmt"),
    [
        ("16", 2, struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, 48000, 192000, 4, 16)),
        ("24", 1, struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 48000, 144000, 3, 24)),
        (
            "32f",
            2,
            struct.pack("<4sIHHIIHHH", b"fmt ", 18, 3, 2, 48000, 384000, 8, 32, 0)
            + struct.pack("<4sII", b"fact", 4, 5),
        ),
    ],
)
def test_a_riff_file_is_this_to_the_byte(depth: str, channels: int, fmt: bytes) -> None:
    file = io.BytesIO()

    wav.write_riff(
        file, encoding(depth, channels=channels), {}, [synth.silence(5, channels=channels)]
    )

    data = bytes(5 * channels * {"16": 2, "24": 3, "32f": 4}[depth])
    pad = bytes(len(data) % 2)
    body = b"WAVE" + fmt + struct.pack("<4sI", b"data", len(data)) + data + pad
    assert struct.pack("<4sI", b"RIFF", len(body)) + body == file.getvalue()


@pytest.mark.parametrize("depth", ["16", "32f"])
def test_an_rf64_file_is_this_to_the_byte(depth: str) -> None:
    file = io.BytesIO()
    width = {"16": 2, "32f": 4}[depth]

    wav.write_rf64(file, encoding(depth, channels=1), {}, [synth.silence(7)])

    fmt = struct.pack("<HHIIHH", 1, 1, 48000, 96000, 2, 16)
    if depth == "32f":
        fmt = struct.pack("<HHIIHHH", 3, 1, 48000, 192000, 4, 32, 0)
    chunks = struct.pack("<4sI", b"fmt ", len(fmt)) + fmt
    if depth == "32f":
        chunks += struct.pack("<4sII", b"fact", 4, 0xFFFFFFFF)
    chunks += struct.pack("<4sI", b"data", 0xFFFFFFFF) + bytes(7 * width)
    riff_bytes = 4 + 36 + len(chunks)
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, riff_bytes, 7 * width, 7, 0)
    assert struct.pack("<4sI4s", b"RF64", 0xFFFFFFFF, b"WAVE") + ds64 + chunks == file.getvalue()


def test_tags_become_an_info_list() -> None:
    file = io.BytesIO()

    wav.write_riff(file, encoding(channels=1), {"title": "Grün", "genre": "J", "disc": "1"}, [])

    title, genre = "Grün".encode() + b"\0", b"J\0"
    info = b"INFO" + struct.pack("<4sI", b"INAM", 6) + title
    info += struct.pack("<4sI", b"IGNR", 2) + genre
    assert struct.pack("<4sI", b"LIST", len(info)) + info in file.getvalue()


@pytest.mark.parametrize(("channels", "rate"), [(1, 44100), (2, 48000), (2, 192000)])
def test_sixteen_bits_at_the_same_rate_pass_bit_for_bit(channels: int, rate: int) -> None:
    sound = synth.on_grid(synth.noise(9001, channels=channels, amplitude=1.0))
    content = media.make("wav-16", sound, rate=rate)

    made = make(f"f=wav-riff&sr={rate / 1000:g}", content)

    samples = (sound * 32768).astype("<i2").T.tobytes()
    assert samples == made.content[-len(samples) :]
    assert samples in content


@pytest.mark.parametrize(
    ("kind", "depth", "bits"), [("wav-24", "24", 24), ("wav-32", "24", 24), ("flac", "24", 16)]
)
def test_more_bits_are_kept(kind: str, depth: str, bits: int) -> None:
    sound = synth.on_grid(synth.noise(5001, channels=2), bits)

    made = make(f"f=wav-riff&bd={depth}", media.make(kind, sound, rate=48000))

    assert np.array_equal(sound, made.sound)


def test_floating_point_is_kept_past_full_scale() -> None:
    sound = synth.noise(5001, channels=2, amplitude=3.0)

    made = make("f=wav-rf64&bd=32f", media.make("wav-float", sound, rate=48000))

    assert np.array_equal(sound, made.sound)


def test_floating_point_is_clipped_to_integers() -> None:
    sound = synth.noise(5001, amplitude=3.0)

    made = make("f=wav-riff", media.make("wav-float", sound, rate=48000))

    assert np.array_equal(synth.on_grid(sound), made.sound)


def test_rf64_sizes_pass_four_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    gigabyte = 1 << 30
    monkeypatch.setattr(wav, "_interleave", lambda *_: Huge(gigabyte))
    file = Sparse()

    wav.write_rf64(file, encoding(), {}, [synth.silence(1, channels=2)] * 5)

    assert struct.unpack_from("<4sI4s4sIQQQI", file.getvalue()) == (
        *(b"RF64", 0xFFFFFFFF, b"WAVE", b"ds64", 28),
        *(5 * gigabyte + 72, 5 * gigabyte, 5 * gigabyte // 4, 0),
    )


def test_riff_stops_before_four_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav, "_interleave", lambda *_: Huge(1 << 30))
    file = Sparse()

    with pytest.raises(OutputTooLarge) as refusal:
        wav.write_riff(file, encoding(), {}, [synth.silence(1, channels=2)] * 5)

    assert (refusal.value.code, refusal.value.details) == (
        "riff_too_large",
        {"parameter": "f", "value": "wav-riff", "expected": "wav-rf64"},
    )
    assert file.at <= LARGEST_RIFF_BYTES


def test_an_independent_decoder_agrees() -> None:
    sound = synth.on_grid(synth.noise(4801, channels=2))

    for query in ("f=wav-riff", "f=wav-rf64", "f=wav-riff&bd=24", "f=wav-rf64&bd=32f"):
        decoded, rate = measure.decode(make(query, media.make("flac", sound, rate=48000)).content)
        assert (rate, True) == (48000, np.array_equal(sound, decoded))
