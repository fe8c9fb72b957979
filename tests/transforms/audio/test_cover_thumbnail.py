from __future__ import annotations

import pytest

from tests.support.media import encode_video, make
from tests.support.memory import MemorySource
from tests.support.pictures import FRONT, flac_with, mp3_with, picture, seen
from tests.support.synth import tone
from transforms.audio.cover_thumbnail import format_of, thumbnail
from transforms.audio.file_formats import FileFormat
from transforms.audio.icons import icon
from transforms.problems import UnsupportedMedia

RED = (200, 30, 40)
SOUND = tone(48_000, rate=48_000)


def test_a_cover_is_the_thumbnail() -> None:
    source = MemorySource(mp3_with((FRONT, picture("mjpeg", 900, 600, RED))))
    width, height, colour = seen(thumbnail(source))

    assert (width, height) == (640, 427)
    assert colour == pytest.approx(RED, abs=10)
    assert thumbnail(source, cover=False) == icon(FileFormat.MP3)


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        ("mp3", FileFormat.MP3),
        ("m4a", FileFormat.M4A),
        ("wav-24", FileFormat.WAV),
        ("flac", FileFormat.FLAC),
        ("opus", FileFormat.OGG),
        ("aiff", FileFormat.AIFF),
    ],
)
def test_without_one_it_is_the_icon_of_the_format(kind: str, of: FileFormat) -> None:
    source = MemorySource(make(kind, SOUND, rate=48_000))

    assert format_of(source) is of
    assert thumbnail(source) == icon(of)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg/>",
        b"\xff\xd8\xff\xe0" + bytes(100),
        picture("png", 64, 64, RED)[:60],
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    ],
)
def test_a_cover_that_cannot_be_used_is_as_good_as_none(content: bytes) -> None:
    assert thumbnail(MemorySource(mp3_with((FRONT, content)))) == icon(FileFormat.MP3)
    assert thumbnail(MemorySource(flac_with(content, 64, 64))) == icon(FileFormat.FLAC)


def test_a_film_has_the_icon_of_what_is_no_audio_file() -> None:
    film = MemorySource(encode_video(tone(16_000, rate=16_000), rate=16_000))

    assert format_of(film) is FileFormat.MP4
    assert thumbnail(film) == icon(FileFormat.OTHER)


def test_what_is_no_media_has_none() -> None:
    with pytest.raises(UnsupportedMedia):
        thumbnail(MemorySource(b"This is no sound. " * 100))
