from __future__ import annotations

import struct

import numpy as np
import pytest
from av.video.frame import VideoFrame

from edge.sandbox import wire
from tests.support.media import make
from tests.support.memory import MemorySource
from tests.support.pictures import BACK, FRONT, flac_with, mp3_with, picture, seen
from tests.support.synth import tone
from transforms.audio.cover import read_cover, to_jpeg
from transforms.problems import UnsupportedMedia

RED, BLUE = (200, 30, 40), (20, 40, 200)


def cover(content: bytes) -> bytes:
    return read_cover(MemorySource(content))


@pytest.mark.parametrize("kind", ["mjpeg", "png", "bmp", "gif", "libwebp"])
def test_a_picture_of_any_kind_becomes_a_jpeg(kind: str) -> None:
    width, height, colour = seen(cover(mp3_with((FRONT, picture(kind, 300, 200, RED)))))

    assert (width, height) == (300, 200)
    assert colour == pytest.approx(RED, abs=30)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("extended", [False, True])
def test_webp_of_any_kind_is_read(lossless: bool, extended: bool) -> None:
    content = picture("libwebp", 301, 203, BLUE, lossless=lossless)
    if extended:
        content = webp_on_a_canvas(content, 301, 203)
    width, height, colour = seen(cover(mp3_with((FRONT, content), mime="image/webp")))

    assert (width, height) == (301, 203)
    assert colour == pytest.approx(BLUE, abs=20)


def webp_on_a_canvas(content: bytes, width: int, height: int) -> bytes:
    """Put a VP8X chunk (RFC 9649, 2.7) in front of a simple WebP's picture."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = b"VP8X" + struct.pack("<I", 10) + bytes(4) + sides + content[12:]
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_that_contradicts_its_canvas_is_measured_by_the_larger(lossless: bool) -> None:
    picture_alone = picture("libwebp", 9_000, 40, BLUE, lossless=lossless)

    for content in (picture_alone, webp_on_a_canvas(picture_alone, 4, 4)):
        with pytest.raises(UnsupportedMedia, match="it claims 9000 by 40 pixels"):
            cover(mp3_with((FRONT, content), mime="image/webp"))


def test_a_decoder_that_finds_more_than_the_header_had_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Two frame headers: what is looked at is the first, what libavcodec goes by is the last.
    monkeypatch.setattr("transforms.audio.cover._MOST_PIXELS", 100_000)
    large = picture("mjpeg", 400, 400, BLUE)
    small = picture("mjpeg", 8, 8, BLUE)
    frame = small.index(b"\xff\xc0")
    header = small[frame : frame + 2 + int.from_bytes(small[frame + 2 : frame + 4], "big")]

    with pytest.raises(UnsupportedMedia) as refusal:
        cover(mp3_with((FRONT, large[:2] + header + large[2:])))

    assert refusal.value.code == "bad_cover"


def test_noise_makes_the_largest_jpeg_and_that_still_passes_the_sandbox() -> None:
    planes = np.random.default_rng(1).choice(np.array([0, 255], np.uint8), (960, 640))

    assert len(to_jpeg(VideoFrame.from_ndarray(planes, "yuvj420p"))) < wire.MAX_PICTURE_BYTES


@pytest.mark.parametrize(
    ("sides", "made"),
    [
        ((640, 640), (640, 640)),
        ((1280, 720), (640, 360)),
        ((300, 3000), (64, 640)),
        ((1, 1), (1, 1)),
    ],
)
def test_it_is_made_smaller_never_larger(sides: tuple[int, int], made: tuple[int, int]) -> None:
    assert seen(cover(mp3_with((FRONT, picture("png", *sides, BLUE)))))[:2] == made


def test_the_front_goes_before_the_others() -> None:
    back = (BACK, picture("mjpeg", 64, 64, BLUE))
    front = (FRONT, picture("mjpeg", 64, 64, RED))

    assert seen(cover(mp3_with(back, front)))[2] == pytest.approx(RED, abs=10)
    assert seen(cover(mp3_with(back)))[2] == pytest.approx(BLUE, abs=10)


def test_flac_has_covers_too() -> None:
    assert seen(cover(flac_with(picture("png", 90, 60, BLUE), 90, 60)))[:2] == (90, 60)


def test_a_file_without_one_says_so() -> None:
    with pytest.raises(UnsupportedMedia) as refusal:
        cover(make("mp3", tone(44_100, rate=44_100), rate=44_100))

    assert refusal.value.code == "no_cover"


def png_claiming(width: int, height: int) -> bytes:
    content = picture("png", 8, 8, RED)
    return content[:16] + struct.pack(">II", width, height) + content[24:]


@pytest.mark.parametrize(
    "content",
    [
        b"<svg onload=alert(1)>",
        b"GIF8",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0" + b"\x00" * 100,
        b"\xff\xd8\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x00\x00\x00\x00WEBPVP8 \x00\x00",
        b"RIFF\x04\x00\x00\x00WEBP",
        picture("libwebp", 64, 64, RED)[:40],
        picture("png", 64, 64, RED)[:60],
        png_claiming(60_000, 60_000),
        png_claiming(8_000, 7_999),
        png_claiming(0, 5),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(UnsupportedMedia) as refusal:
        cover(mp3_with((FRONT, content)))

    assert refusal.value.code in ("bad_cover", "no_cover")


def test_what_comes_with_the_picture_is_left_behind() -> None:
    content = picture("mjpeg", 32, 32, RED)
    noted = content[:2] + b"\xff\xfe\x00\x10<script>alert(" + content[2:]

    assert b"<script>" not in cover(mp3_with((FRONT, noted)))
