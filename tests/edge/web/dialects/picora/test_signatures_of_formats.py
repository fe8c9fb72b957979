"""What a file is, told by its first bytes, however they are cut."""

from __future__ import annotations

import pytest

from edge.web.dialects.picora.formats import Signature, format_named
from tests.support.media import make
from tests.support.pictures import FRONT, mp3_with, picture
from tests.support.synth import tone
from transforms.audio.file_formats import FileFormat

RATE = 44_100


def seen(content: bytes, *, cut: int = 1 << 20) -> FileFormat | None:
    signature = Signature()
    for begin in range(0, len(content), cut):
        signature.see(content[begin : begin + cut])
    return signature.format


def tagged(content: bytes, tag_bytes: int, *, footer: bool = False) -> bytes:
    """Put an ID3v2.4 tag in front, padding and nothing else."""
    size = bytes(tag_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    head = b"ID3\x04\x00" + (b"\x10" if footer else b"\0") + size
    end = b"3DI\x04\x00\x10" + size if footer else b""
    return head + bytes(tag_bytes) + end + content


@pytest.mark.parametrize("cut", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("mp3", FileFormat.MP3),
        ("mp3-bare", FileFormat.MP3),
        ("m4a", FileFormat.M4A),
        ("m4a-fragmented", FileFormat.M4A),
        ("adts", FileFormat.AAC),
        ("flac", FileFormat.FLAC),
        ("wav-24", FileFormat.WAV),
        ("rf64", FileFormat.WAV),
        ("vorbis", FileFormat.OGG),
        ("opus", FileFormat.OGG),
    ],
)
def test_each_format_is_known_by_its_beginning(kind: str, expected: FileFormat, cut: int) -> None:
    # Opus knows only some rates.
    rate = 48_000 if kind == "opus" else RATE

    sound = tone(rate // 4, rate=rate, channels=2)

    assert seen(make(kind, sound, rate=rate), cut=cut) is expected


@pytest.mark.parametrize("cut", [1, 1000, 1 << 20])
@pytest.mark.parametrize("kind", ["adts", "flac"])
def test_a_tag_in_front_is_passed_over(kind: str, cut: int) -> None:
    content = make(kind, tone(RATE // 4, rate=RATE), rate=RATE)
    expected = seen(content)

    assert seen(tagged(content, 300_000), cut=cut) is expected
    assert seen(tagged(tagged(content, 9), 700, footer=True), cut=cut) is expected


def test_what_stands_behind_a_tag_and_is_not_known_is_taken_for_mp3() -> None:
    cover = picture("png", 300, 300, (200, 30, 40))

    assert seen(mp3_with((FRONT, cover), mime="image/png"), cut=100) is FileFormat.MP3
    assert seen(tagged(b"", 5)) is FileFormat.MP3
    assert seen(tagged(b"?" * 100, 5)) is FileFormat.MP3


@pytest.mark.parametrize(
    "content",
    [b"", b"I", b"RIFF", b"%PDF-1.7 and so on", b"RIFF\0\0\0\0AVI LIST", b"\x1aE\xdf\xa3"],
)
def test_what_is_none_of_them_has_no_format(content: bytes) -> None:
    assert seen(content) is None
    assert seen(content, cut=1) is None


def test_a_name_promises_a_format() -> None:
    assert format_named("a.b.MP3") is FileFormat.MP3
    assert format_named("a.opus") is FileFormat.OGG
    assert format_named("mp3") is FileFormat.MP3
    assert format_named("a.exe") is None
    assert format_named(None) is None
