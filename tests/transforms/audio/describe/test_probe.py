"""``f=meta``: whole documents, each field where it is hard, and real files beside MediaInfo."""

from __future__ import annotations

import io
from collections.abc import Mapping
from fractions import Fraction

import av
import pytest

from tests.support import media, synth
from tests.support.described import audio, general, muxed, tracks_of
from tests.support.memory import MemorySource
from transforms.audio import open as opening
from transforms.audio.describe import probe as probing
from transforms.audio.describe.languages import language_name
from transforms.audio.describe.probe import probe
from transforms.problems import UnsupportedMedia

RATE = 44_100
SECONDS = 3
AAC = media.RECIPES["m4a"]
RED = (200, 30, 30)

GUID_OF_PCM = "00000001-0000-0010-8000-00AA00389B71"
TAGS = {
    **{"title": "T", "artist": "A", "album": "B", "genre": "Jazz", "comment": "C"},
    **{"date": "2001-02-03", "copyright": "Cr"},
}

# Container, codec, the container's name for it, and whether packets are of one size.
KINDS = {
    "wav-u8": ("Wave", "PCM", "1", "CBR"),
    "wav-16": ("Wave", "PCM", "1", "CBR"),
    "wav-24": ("Wave", "PCM", GUID_OF_PCM, "CBR"),
    "wav-32": ("Wave", "PCM", GUID_OF_PCM, "CBR"),
    "wav-float": ("Wave", "PCM", "3", "CBR"),
    "rf64": ("Wave", "PCM", "1", "CBR"),
    "wav-alaw": ("Wave", "PCM", "6", "CBR"),
    "aiff": ("AIFF", "PCM", None, "CBR"),
    "flac": ("FLAC", "FLAC", None, "VBR"),
    "alac": ("MPEG-4", "ALAC", "alac", "VBR"),
    "mp3": ("MPEG Audio", "MPEG Audio", None, "CBR"),
    "mp3-bare": ("MPEG Audio", "MPEG Audio", None, "CBR"),
    "adts": ("ADTS", "AAC", "2", "VBR"),
    "m4a": ("MPEG-4", "AAC", "mp4a-40-2", "VBR"),
    "m4a-fragmented": ("MPEG-4", "AAC", "mp4a-40-2", "VBR"),
    "mov": ("MPEG-4", "PCM", "sowt", "CBR"),
    "vorbis": ("Ogg", "Vorbis", None, "VBR"),
    "opus": ("Ogg", "Opus", None, "VBR"),
    "ogg-flac": ("Ogg", "FLAC", None, "VBR"),
    "mka-opus": ("Matroska", "Opus", "A_OPUS", "VBR"),
    "mka-flac": ("Matroska", "FLAC", "A_FLAC", "VBR"),
    "mka-aac": ("Matroska", "AAC", "A_AAC-2", "VBR"),
    "mka-pcm": ("Matroska", "PCM", "A_PCM/INT/LIT", "CBR"),
    "mka-vorbis": ("Matroska", "Vorbis", "A_VORBIS", "VBR"),
    "webm-opus": ("WebM", "Opus", "A_OPUS", "VBR"),
    "ts-aac": ("MPEG-TS", "AAC", "15-2", "VBR"),
    "ts-mp2": ("MPEG-TS", "MPEG Audio", "3", "CBR"),
    "flv-aac": ("Flash Video", "AAC", "10-2", "VBR"),
    "flv-mp3": ("Flash Video", "MPEG Audio", "2", "CBR"),
    "avi-pcm": ("AVI", "PCM", "1", "CBR"),
    "avi-mp3": ("AVI", "MPEG Audio", "55", "CBR"),
    "asf-wma": ("Windows Media", "WMA", "161", "CBR"),
    "ac3": ("AC-3", "AC-3", None, "CBR"),
    "wavpack": ("WavPack", "WavPack", None, "VBR"),
    "tta": ("TTA", "TTA", None, "VBR"),
    "mp4-opus": ("MPEG-4", "Opus", "Opus", "VBR"),
    "3gp-amr": ("MPEG-4", "AMR", "samr", "CBR"),
}

# Sound of these lasts exactly as long as what was encoded; the others' ends cannot be told.
GAPLESS = (
    *("wav-16", "aiff", "flac", "alac", "mp3", "m4a", "mov", "opus", "ogg-flac", "mka-opus"),
    *("mka-pcm", "webm-opus", "mp4-opus", "avi-pcm"),
)


def rate_of(kind: str) -> int:
    return 8000 if "amr" in kind else 48_000 if "opus" in kind else RATE


def made(kind: str, *, tags: Mapping[str, str] | None = None) -> bytes:
    rate = rate_of(kind)
    sound = synth.speech(SECONDS * rate, rate=rate, channels=1 if "amr" in kind else 2)
    return media.make(kind, sound, rate=rate, tags=tags)


def mp3(*, kbps: int = 128, rate: int = RATE, channels: int = 2) -> bytes:
    """Frames and nothing else."""
    recipe = media.Recipe(
        container="mp3",
        codec="libmp3lame",
        bitrate_bps=kbps * 1000,
        container_options={"write_xing": "0", "id3v2_version": "0"},
    )
    return media.encode(
        recipe, synth.speech(SECONDS * rate, rate=rate, channels=channels), rate=rate
    )


# Whole documents


def test_a_document_is_complete() -> None:
    content = made("mp3", tags={**TAGS, "track": "3/12", "disc": "1/2", "album_artist": "AA"})

    assert probe(MemorySource(content)) == {
        "tracks": [
            {
                "album": "B",
                "album_artist": "AA",
                "artist": "A",
                "audioCount": 1,
                "comment": "C",
                "copyright": "Cr",
                "date": "2001-02-03",
                "disc": "1/2",
                "duration": 3.0,
                "fileSize": len(content),
                "format": "MPEG Audio",
                "genre": "Jazz",
                "hasCover": False,
                "overallBitRate": round(len(content) * 8 / 3),
                "title": "T",
                "track": "3/12",
                "type": "General",
                "videoCount": 0,
            },
            {
                "bitRate": 128_000,
                "bitRateMode": "CBR",
                "channels": 2,
                "codec": "MPEG Audio",
                "duration": 3.0,
                "frameCount": 116,
                "frameRate": 38.281,
                "samplingRate": 44_100,
                "type": "Audio",
            },
        ]
    }


def test_fields_are_in_the_order_of_their_names() -> None:
    assert all(list(track) == sorted(track) for track in tracks_of(made("m4a", tags=TAGS)))


@pytest.mark.parametrize("kind", KINDS)
def test_containers_and_codecs_have_mediainfo_s_names(kind: str) -> None:
    content = made(kind)

    track = audio(content)

    found = (general(content)["format"], track["codec"], track.get("codecId"), track["bitRateMode"])
    assert found == KINDS[kind]
    assert (track["channels"], track["samplingRate"]) == (1 if "amr" in kind else 2, rate_of(kind))


@pytest.mark.parametrize("kind", GAPLESS)
def test_a_duration_is_what_a_player_plays(kind: str) -> None:
    content = made(kind)

    for track in tracks_of(content):
        assert track["duration"] == SECONDS
        assert "durationEstimated" not in track


@pytest.mark.parametrize(
    ("kind", "frames", "rate"),
    [
        ("m4a", 131, 43.066),
        ("ts-mp2", 115, 38.281),
        ("ac3", 87, 28.711),
        ("opus", 151, 50),
        ("3gp-amr", 151, 50),
    ],
)
def test_frames_are_packets_priming_included(kind: str, frames: int, rate: float) -> None:
    track = audio(made(kind))

    assert (track["frameCount"], track["frameRate"]) == (frames, rate)


@pytest.mark.parametrize("kind", ["wav-16", "flac", "vorbis", "mov"])
def test_what_has_no_fixed_frames_counts_none(kind: str) -> None:
    assert not {"frameCount", "frameRate"} & audio(made(kind)).keys()


# Bit rates


@pytest.mark.parametrize(("kbps", "rate"), [(32, 44_100), (128, 44_100), (64, 24_000), (8, 8_000)])
def test_padding_slots_do_not_make_a_constant_rate_vary(kbps: int, rate: int) -> None:
    track = audio(mp3(kbps=kbps, rate=rate, channels=1))

    assert (track["bitRate"], track["bitRateMode"]) == (kbps * 1000, "CBR")


def test_two_bit_rates_in_frame_headers_vary() -> None:
    track = audio(mp3(kbps=128) + mp3(kbps=64))

    assert track["bitRateMode"] == "VBR"
    assert 90_000 < track["bitRate"] < 102_000


def test_neighbouring_bit_rates_vary_too() -> None:
    assert audio(mp3(kbps=40) + mp3(kbps=48))["bitRateMode"] == "VBR"


@pytest.mark.parametrize("missing", [1, 100, 300])
def test_a_last_frame_cut_short_does_not_make_a_constant_rate_vary(missing: int) -> None:
    assert audio(mp3()[:-missing])["bitRateMode"] == "CBR"


@pytest.mark.parametrize(("vbr", "mode"), [("off", "CBR"), ("on", "VBR")])
def test_the_mode_is_what_packets_show(vbr: str, mode: str) -> None:
    recipe = media.Recipe(
        container="ogg",
        codec="libopus",
        sample_format="flt",
        bitrate_bps=64_000,
        codec_options={"vbr": vbr},
    )
    content = media.encode(recipe, synth.speech(SECONDS * 48_000, rate=48_000), rate=48_000)

    assert audio(content)["bitRateMode"] == mode


def test_silence_does_not_make_a_lossless_coder_constant() -> None:
    content = media.make("flac", synth.silence(SECONDS * RATE), rate=RATE)

    assert audio(content)["bitRateMode"] == "VBR"


def test_windows_media_of_variable_rate_says_so() -> None:
    assert audio(made("asf-wma", tags={"IsVBR": "1"}))["bitRateMode"] == "VBR"


@pytest.mark.parametrize(
    ("kind", "bit_rate"),
    [
        ("wav-16", 1_411_200),
        ("wav-24", 2_116_800),
        ("avi-mp3", 128_000),
        ("flv-mp3", 128_000),
        ("ts-mp2", 192_000),
        ("ac3", 192_000),
        ("asf-wma", 128_000),
        ("3gp-amr", 12_800),
    ],
)
def test_a_constant_bit_rate_is_exact(kind: str, bit_rate: int) -> None:
    assert audio(made(kind))["bitRate"] == bit_rate


def test_priming_does_not_add_to_the_bit_rate() -> None:
    content = made("m4a")
    with av.open(io.BytesIO(content)) as container:
        sizes = [packet.size for packet in container.demux(audio=0) if packet.size]

    assert audio(content)["bitRate"] == round(sum(sizes) * 8 / Fraction(len(sizes) * 1024, RATE))


def test_an_empty_file_has_a_rate_and_no_length() -> None:
    content = media.wav_header(rate=8000, channels=2, data_bytes=0)

    assert tracks_of(content) == [
        {
            "audioCount": 1,
            "duration": 0.0,
            "fileSize": 44,
            "format": "Wave",
            "hasCover": False,
            "type": "General",
            "videoCount": 0,
        },
        {
            "bitRate": 256_000,
            "bitRateMode": "CBR",
            "channels": 2,
            "codec": "PCM",
            "codecId": "1",
            "duration": 0.0,
            "samplingRate": 8000,
            "type": "Audio",
        },
    ]


# Files that are too large to count, or not what they claim


def test_a_large_file_is_described_from_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    content = media.encode_video(synth.tone(96_000, rate=48_000), rate=48_000, codec="libx264")
    monkeypatch.setattr(probing, "COUNTED_UP_TO_BYTES", len(content) - 1)

    whole, sound, film = tracks_of(content)

    assert (whole["duration"], whole["durationEstimated"]) == (2.0, True)
    assert (sound["duration"], sound["durationEstimated"]) == (2.0, True)
    assert not {"frameCount", "bitRateMode"} & sound.keys()
    assert (film["frameCount"], film["frameRate"]) == (20, 10)
    assert "duration" not in film


def test_a_large_file_whose_header_is_exact_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "COUNTED_UP_TO_BYTES", 1)

    whole, sound = tracks_of(made("flac"))

    assert (whole["duration"], sound["duration"]) == (SECONDS, SECONDS)
    assert not [track for track in (whole, sound) if "durationEstimated" in track]


def test_a_boast_is_marked() -> None:
    whole, sound = tracks_of(media.boasting_mp3(5_000_000))

    assert whole["durationEstimated"] is sound["durationEstimated"] is True
    assert whole["duration"] < 3


def test_what_is_no_media_is_refused() -> None:
    with pytest.raises(UnsupportedMedia):
        probe(MemorySource(b"nothing of the kind" * 100))


def test_a_track_that_cannot_be_read_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = muxed("matroska", codecs=("flac", "aac"))
    monkeypatch.setattr(opening, "DECODERS", ("aac",))

    whole, unread, read = tracks_of(content)

    assert unread == {
        "error": "The audio track is in a codec that is not decoded here.",
        "type": "Audio",
    }
    assert (whole["audioCount"], read["codec"]) == (2, "AAC")
    assert whole["duration"] == read["duration"]


# Tracks


def test_aac_in_a_container_of_wave_formats_is_number_255() -> None:
    track = audio(media.encode_video(synth.tone(48_000, rate=48_000), rate=48_000, container="avi"))

    assert (track["codec"], track["codecId"]) == ("AAC", "FF-2")


def test_mp3_in_mp4_is_told_from_aac() -> None:
    assert audio(muxed("mp4", codecs=["libmp3lame"]))["codecId"] == "mp4a-6B"


def test_every_track_is_described_and_the_file_lasts_as_long_as_the_longest() -> None:
    whole, first, second = tracks_of(muxed("matroska", codecs=["pcm_s16le"] * 2))

    assert (whole["audioCount"], whole["duration"]) == (2, 2.0)
    assert (first["duration"], second["duration"]) == (1.0, 2.0)


@pytest.mark.parametrize("container", ["matroska", "mp4"])
@pytest.mark.parametrize(
    ("stated", "told"), [("ger", "de"), ("deu", "de"), ("eng", "en"), ("gsw", "gsw")]
)
def test_a_language_has_two_letters_where_there_are_two(
    container: str, stated: str, told: str
) -> None:
    content = muxed(container, track_tags={"language": stated})

    assert audio(content)["language"] == told


def test_an_undetermined_language_is_none() -> None:
    assert "language" not in audio(muxed("mp4", track_tags={"language": "und"}))


def test_a_track_has_the_title_that_its_container_gives_it() -> None:
    assert audio(muxed("matroska", track_tags={"title": "Commentary"}))["title"] == "Commentary"
    assert audio(muxed("mp4", track_tags={"handler_name": "Stereo"}))["title"] == "Stereo"


def test_neither_a_handler_nor_a_recording_is_a_track_s_title() -> None:
    assert "title" not in audio(made("m4a", tags=TAGS))
    assert "title" not in audio(made("opus", tags=TAGS))
    assert general(made("opus", tags=TAGS))["title"] == "T"


@pytest.mark.parametrize(
    ("code", "name"),
    [("ger", "de"), ("DEU", "de"), ("und", None), ("", None), ("qaa", "qaa"), ("en-GB", "en-GB")]
    + [(odd, None) for odd in ("\udcad\udc00", "<b>", "e", "x" * 400, "en_GB", "en\n")],
)
def test_a_language_is_a_code_or_nothing(code: str, name: str | None) -> None:
    assert language_name(code) == name
