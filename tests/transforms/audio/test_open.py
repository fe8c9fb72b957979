"""Sources as files, and the doors that stay shut."""

import io

import pytest

from tests.support import media, synth
from tests.support.memory import MemorySource
from transforms.audio.open import SourceFile, open_container, open_track
from transforms.problems import UnsupportedMedia


def test_a_source_reads_like_a_file() -> None:
    content = bytes(range(100))
    file, model = SourceFile(MemorySource(content)), io.BytesIO(content)

    for act in (
        *(lambda f: f.read(10), lambda f: f.seek(-5, io.SEEK_END), lambda f: f.read(10)),
        *(lambda f: f.read(1), lambda f: f.seek(3), lambda f: f.seek(4, io.SEEK_CUR)),
        *(lambda f: f.tell(), lambda f: f.read(), lambda f: f.seek(1000), lambda f: f.read(5)),
        *(lambda f: f.tell(), lambda f: f.readable(), lambda f: f.seekable()),
    ):
        assert act(model) == act(file)


def test_a_file_has_no_name_that_libav_could_open() -> None:
    assert not hasattr(SourceFile(MemorySource(b"")), "name")


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1/a.ts\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
        b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    ],
)
def test_containers_that_lead_elsewhere_are_not_opened(content: bytes) -> None:
    with pytest.raises(UnsupportedMedia), open_container(MemorySource(content)):
        raise AssertionError


@pytest.mark.parametrize(
    ("rate", "channels", "claim"),
    [
        (1, 1, "1 Hz"),
        (3999, 1, "3999 Hz"),
        (384001, 1, "384001 Hz"),
        (48000, 64, "64 channels"),
        (536870911, 1, "536870911 Hz"),
        (48000, 17, "17 channels"),
    ],
)
def test_claims_outside_what_sound_has_are_refused(rate: int, channels: int, claim: str) -> None:
    content = media.wav_header(rate=rate, channels=channels, data_bytes=1280) + bytes(1280)

    with pytest.raises(UnsupportedMedia, match=claim), open_track(MemorySource(content), 1):
        raise AssertionError


@pytest.mark.parametrize(("rate", "channels"), [(4000, 1), (384_000, 16)])
def test_the_limits_themselves_are_read(rate: int, channels: int) -> None:
    content = media.wav_header(rate=rate, channels=channels, data_bytes=1280) + bytes(1280)

    with open_track(MemorySource(content), 1) as (_, stream):
        found = (stream.codec_context.sample_rate, stream.codec_context.channels)

    assert found == (rate, channels)


def test_a_codec_that_is_not_listed_is_not_decoded() -> None:
    recipe = media.Recipe(container="wav", codec="g723_1", sample_format="s16", bitrate_bps=6300)
    content = media.encode(recipe, synth.noise(8000), rate=8000)

    with pytest.raises(UnsupportedMedia), open_track(MemorySource(content), 1):
        raise AssertionError
