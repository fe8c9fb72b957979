"""Tags: one set of names, and only text that is safe to write anywhere."""

import io
import struct

import av
import pytest

from tests.support import media, synth
from tests.support.memory import MemorySource
from transforms.audio.open import open_track
from transforms.audio.tags import LONGEST_VALUE, legible, read_tags

TAGS = {"title": "Grüße 音", "artist": "A; B", "album": "C", "genre": "Jazz", "track": "3"}


def tags_of(content: bytes) -> dict[str, str]:
    with open_track(MemorySource(content), 1) as (container, stream):
        return read_tags(container, stream)


def raw_tags_of(content: bytes) -> dict[str, str]:
    """Read a file whose bytes that are not UTF-8 are kept as lone surrogates."""
    with av.open(io.BytesIO(content), metadata_errors="surrogateescape") as container:
        return read_tags(container, container.streams.audio[0])


def tagged(**tags: str) -> bytes:
    """FLAC takes any name."""
    names = {name.replace("__", "/").replace("_of_", " "): text for name, text in tags.items()}
    return media.make("flac", synth.noise(4800), rate=48000, tags=names)


def mp3() -> bytes:
    recipe = media.Recipe(
        container="mp3",
        codec="libmp3lame",
        bitrate_bps=64_000,
        container_options={"write_xing": "0", "id3v2_version": "0"},
    )
    return media.encode(recipe, synth.noise(48000), rate=48000)


def id3v1(title: bytes, artist: bytes, *, track: int = 0, genre: int = 8) -> bytes:
    """ID3v1.1: 128 bytes, fields filled up with zeros; genre 8 is Jazz."""
    fields = struct.pack(
        "<3s30s30s30s4s28sxBB", b"TAG", title, artist, b"", b"2001", b"", track, genre
    )
    assert len(fields) == 128
    return fields


def id3v2(version: int, *frames: tuple[bytes, int, bytes]) -> bytes:
    """ID3v2.3 or 2.4 with text frames: name, encoding and text."""
    body = b"".join(
        name + struct.pack(">IHB", len(text) + 1, 0, encoding) + text
        for name, encoding, text in frames
    )
    assert len(body) < 128
    return b"ID3" + bytes([version, 0, 0, 0, 0, 0, len(body)]) + body


@pytest.mark.parametrize(
    "kind",
    [
        *("mp3", "m4a", "flac", "opus", "vorbis", "mka-aac", "asf-wma", "wav-16", "avi-pcm"),
        *("tta", "wavpack", "flv-aac", "ogg-flac", "webm-opus", "m4a-fragmented"),
    ],
)
def test_every_container_names_tags_alike(kind: str) -> None:
    content = media.make(kind, synth.noise(48000, channels=2), rate=48000, tags=TAGS)

    found = tags_of(content)

    assert {name: found.get(name) for name in TAGS} == TAGS


def test_synonyms_controls_strangers_and_endless_texts_are_tidied() -> None:
    content = media.make(
        "flac",
        synth.noise(4800),
        rate=48000,
        tags={
            "TRACKNUMBER": "7",
            "ORGANIZATION": "Label",
            "title": " a\x01b\tc\nd ",
            "comment": "x" * (LONGEST_VALUE + 1),
            "composer": " ",
            "x-other": "y",
            "language": "und",
        },
    )

    assert tags_of(content) == {
        "title": "a b\tc\nd",
        "track": "7",
        "comment": "x" * LONGEST_VALUE,
        "publisher": "Label",
    }


@pytest.mark.parametrize("kind", ["mp3", "m4a", "flac", "opus", "mka-aac", "asf-wma", "wav-16"])
def test_a_track_of_so_many_stays_as_it_is(kind: str) -> None:
    content = media.make(kind, synth.noise(48000), rate=48000, tags={"track": "3/12"})

    assert tags_of(content)["track"] == "3/12"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"track": "3", "TRACKTOTAL": "12"}, {"track": "3/12"}),
        ({"TRACKNUMBER": "3", "TOTALTRACKS": "12"}, {"track": "3/12"}),
        ({"disc": "1", "DISCTOTAL": "2"}, {"disc": "1/2"}),
        ({"DISCNUMBER": "1", "TOTALDISCS": "2"}, {"disc": "1/2"}),
        ({"track": "3/12", "TRACKTOTAL": "13"}, {"track": "3/12"}),
        ({"TRACKTOTAL": "12"}, {}),
    ],
)
def test_a_total_that_is_stated_apart_is_joined(
    given: dict[str, str], told: dict[str, str]
) -> None:
    assert tags_of(tagged(**given)) == told


def test_a_tag_s_own_name_wins_over_its_synonyms() -> None:
    given = {
        **{"YEAR": "1999", "date": "2001-02-03", "LABEL": "Imprint", "publisher": "House"},
        **{"PERFORMER": "Band", "artist": "Singer"},
    }

    assert tags_of(tagged(**given)) == {
        "artist": "Singer",
        "date": "2001-02-03",
        "publisher": "House",
    }


def test_synonyms_are_understood() -> None:
    # Matroska names a tag's target before it, APE has blanks in its names.
    given = {
        **{"ALBUM__TITLE": "Album", "ALBUM__ARTIST": "Band", "TRACK__TITLE": "Song"},
        **{"LEAD_PERFORMER": "Singer", "DATE_RELEASED": "2001", "ALBUM__PART_NUMBER": "2"},
    }

    assert tags_of(tagged(**given)) == {
        "title": "Song",
        "artist": "Singer",
        "album": "Album",
        "album_artist": "Band",
        "date": "2001",
        "disc": "2",
    }
    assert tags_of(tagged(Album_of_Artist="Band")) == {"album_artist": "Band"}


def test_quicktime_s_keys_are_understood() -> None:
    recipe = media.Recipe(
        container="mov",
        codec="pcm_s16le",
        container_options={"movflags": "use_metadata_tags"},
    )
    content = media.encode(
        recipe,
        synth.noise(4800),
        rate=48000,
        tags={"com.apple.quicktime.title": "Song", "com.apple.quicktime.author": "Singer"},
    )

    assert tags_of(content) == {"title": "Song", "artist": "Singer"}


def test_id3v1_alone_is_read() -> None:
    assert tags_of(mp3() + id3v1(b"Song", b"Singer", track=7)) == {
        "title": "Song",
        "artist": "Singer",
        "date": "2001",
        "track": "7",
        "genre": "Jazz",
    }


def test_id3v2_wins_over_id3v1_where_both_say_something() -> None:
    content = id3v2(4, (b"TIT2", 3, b"A long title that ID3v1 cuts")) + mp3()

    found = tags_of(content + id3v1(b"A long title", b"Singer"))

    assert found["title"] == "A long title that ID3v1 cuts"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        (0, "Grüße".encode("latin-1")),
        (1, "Grüße".encode("utf-16")),
        (2, "Grüße".encode("utf-16-be")),
        (3, "Grüße".encode()),
    ],
)
def test_id3v2_says_how_its_texts_are_encoded(encoding: int, text: bytes) -> None:
    assert tags_of(id3v2(4, (b"TIT2", encoding, text)) + mp3()) == {"title": "Grüße"}


def test_id3v1_and_riff_and_wrong_comments_are_windows_1252() -> None:
    riff = media.make("wav-16", synth.noise(4800), rate=48000, tags={"title": "Gr__e"})
    comments = tagged(title="Gr__e")
    title = "Grüße".encode("latin-1")

    assert raw_tags_of(mp3() + id3v1(title, b"\x80 5"))["title"] == "Grüße"
    assert raw_tags_of(mp3() + id3v1(title, b"\x80 5"))["artist"] == "€ 5"
    assert raw_tags_of(riff.replace(b"Gr__e", title))["title"] == "Grüße"
    assert raw_tags_of(comments.replace(b"Gr__e", title))["title"] == "Grüße"


def test_what_is_not_utf_8_does_no_harm() -> None:
    found = tags_of(mp3() + id3v1("Grüße".encode("latin-1"), b"Singer"))

    assert found["artist"] == "Singer"
    found["title"].encode()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (b"plain", "plain"),
        ("音楽".encode(), "音楽"),
        (b"caf\xe9", "café"),
        (b"\x93so\x94", "“so”"),
        (b"\x81\x8d", "\x81\x8d"),
        # A field of 28 bytes, ID3v1.1's comment, cuts the tenth character in two.
        (("音" * 10).encode()[:28], "音" * 9),
        (b"\x00\x1b[2J\r\n", "[2J"),
    ],
)
def test_every_text_becomes_legible(written: bytes, told: str) -> None:
    assert legible(written.decode("utf-8", "surrogateescape")) == told
