from __future__ import annotations

import msgspec
import pytest

from edge.library.media.facts import Facts, facts_of
from tests.support.inputs import INPUTS
from tests.support.media import make
from tests.support.memory import MemorySource
from tests.support.pictures import FRONT, mp3_with, picture
from tests.support.synth import tone
from transforms.audio.describe.probe import probe
from transforms.audio.file_formats import FileFormat

TAGS = {"title": "Aube", "artist": "Émile", "album": "Matin"}


def described(content: bytes) -> Facts:
    return facts_of(msgspec.json.encode(probe(MemorySource(content))))


def document(*tracks: dict[str, object]) -> bytes:
    return msgspec.json.encode({"tracks": tracks})


def test_a_tagged_file_with_a_cover_is_told_whole() -> None:
    content = make("mp3", tone(44_100, rate=44_100), rate=44_100, tags=TAGS)

    assert described(content) == Facts(
        title="Aube",
        artist="Émile",
        album="Matin",
        duration_seconds=1.0,
        bitrate_bps=128_000,
        format=FileFormat.MP3,
        has_cover=False,
    )
    assert described(mp3_with((FRONT, picture("mjpeg", 8, 8, (1, 2, 3))))).has_cover


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("mp3", "mp3"),
        ("adts", "aac"),
        ("m4a", "m4a"),
        ("alac", "m4a"),
        ("wav-16", "wav"),
        ("wav-float", "wav"),
        ("rf64", "wav"),
        ("aiff", "aiff"),
        ("flac", "flac"),
        ("vorbis", "ogg"),
        ("opus", "ogg"),
        ("ogg-flac", "ogg"),
        ("mka-opus", "mka"),
    ],
)
def test_a_format_is_what_the_file_holds(kind: str, named: str) -> None:
    facts = described(make(kind, tone(48_000, rate=48_000, channels=2), rate=48_000))

    assert facts.format == named
    assert facts.duration_seconds == pytest.approx(1.0, abs=0.1)
    assert facts.bitrate_bps is not None
    assert facts.bitrate_bps > 8_000
    assert (facts.title, facts.artist, facts.album, facts.has_cover) == (None, None, None, False)


def test_every_kind_of_file_that_people_have_has_a_name() -> None:
    nameless = {
        name
        for name, kind in INPUTS.items()
        if described(kind.encode(tone(kind.rate, rate=kind.rate, channels=kind.channels))).format
        is FileFormat.OTHER
    }

    assert nameless == set()


@pytest.mark.parametrize(
    ("container", "codec", "named"),
    [
        ("MPEG-4", "AAC", "mp4"),
        ("MPEG-4", "AMR", "3gp"),
        ("Matroska", "Opus", "mkv"),
        ("WebM", "Vorbis", "webm"),
        ("Windows Media", "WMA", "wmv"),
        ("MPEG-TS", "AAC", "ts"),
        ("mod", "PCM", "other"),
    ],
)
def test_what_holds_a_film_is_named_for_it(container: str, codec: str, named: str) -> None:
    general: dict[str, object] = {
        **{"type": "General", "format": container, "videoCount": 1, "overallBitRate": 900_000},
    }
    facts = facts_of(document(general, {"type": "Audio", "codec": codec}))

    assert facts.format == named
    assert facts.bitrate_bps is None


def test_what_is_unknown_is_none() -> None:
    empty: dict[str, object] = {"type": "General", "format": "Wave", "duration": 0.0, "title": ""}
    broken: dict[str, object] = {
        "type": "Audio",
        "error": "It is not decoded here.",
    }
    unknown = Facts(
        title=None,
        artist=None,
        album=None,
        duration_seconds=None,
        bitrate_bps=None,
        format=FileFormat.WAV,
        has_cover=False,
    )

    assert facts_of(document(empty, broken)) == unknown


def test_the_whole_file_answers_for_a_track_that_does_not_say() -> None:
    general: dict[str, object] = {
        **{"type": "General", "format": "Ogg", "duration": 12.5, "overallBitRate": 96_000},
    }
    facts = facts_of(document(general, {"type": "Audio", "codec": "Speex"}))

    assert (facts.duration_seconds, facts.bitrate_bps) == (12.5, 96_000)


@pytest.mark.parametrize(
    ("claimed", "general", "told"),
    [
        *((19_327_352_823_000.0, 12.5, 12.5), (19_327_352_823_000.0, None, None)),
        *((-3.0, None, None), (1e300, None, None), (3_155_760_000.0, 1.0, 3_155_760_000.0)),
    ],
)
def test_a_length_that_cannot_be_true_is_unknown(
    claimed: float, general: float | None, told: float | None
) -> None:
    whole: dict[str, object] = {"type": "General", "format": "MPEG-4", "duration": general}
    facts = facts_of(document(whole, {"type": "Audio", "codec": "AAC", "duration": claimed}))

    assert facts.duration_seconds == told


def test_a_bitrate_that_cannot_be_true_is_unknown() -> None:
    general: dict[str, object] = {"type": "General", "format": "Wave", "overallBitRate": -1}
    facts = facts_of(document(general, {"type": "Audio", "codec": "PCM", "bitRate": 1 << 70}))

    assert facts.bitrate_bps is None


@pytest.mark.parametrize("text", [b"", b"{}", b'{"tracks": []}', b'{"tracks": [{"type": 1}]}'])
def test_what_is_no_description_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        facts_of(text)
