"""How long tracks are, without decoding them: every count against a decode by PyAV itself."""

import struct

import pytest

from tests.support import measure, media, synth
from tests.support.engine import make
from tests.support.memory import MemorySource
from transforms.audio.decode import decode
from transforms.audio.lengths.claims import stated_gapless
from transforms.audio.open import open_container
from transforms.audio.survey import survey
from transforms.plan import SourceFacts

INEXACT = ("asf-wma", "mka-vorbis")


def rate_of(kind: str) -> int:
    return 8000 if "amr" in kind else 48000 if "opus" in kind else 44100


def made(kind: str, *, seconds: float = 1.3) -> bytes:
    rate = rate_of(kind)
    channels = 1 if "amr" in kind else 2
    return media.make(
        kind, synth.speech(int(seconds * rate) + 17, rate=rate, channels=channels), rate=rate
    )


def with_xing_frames(content: bytes, frames: int) -> bytes:
    at = max(content.find(b"Xing"), content.find(b"Info"))
    return content[: at + 8] + struct.pack(">I", frames) + content[at + 12 :]


@pytest.mark.parametrize("kind", media.RECIPES)
def test_an_exact_count_is_what_decoding_gives(kind: str) -> None:
    source = MemorySource(made(kind))

    facts = survey(source, exact=True)

    decoded = sum(frame.samples for frame in decode(source))
    assert facts.exact == (kind not in INEXACT)
    assert facts.samples == decoded or not facts.exact


@pytest.mark.parametrize("kind", media.RECIPES)
def test_a_header_that_is_called_exact_is(kind: str) -> None:
    content = made(kind)

    facts = survey(MemorySource(content))

    assert facts.samples == measure.decode(content)[0].shape[1] or not facts.exact


@pytest.mark.parametrize(
    ("kind", "container", "codec", "frame"),
    [
        ("wav-24", "wav", "pcm_s24le", None),
        ("flac", "flac", "flac", None),
        ("mp3", "mp3", "mp3float", 1152),
        ("m4a", "mov,mp4,m4a,3gp,3g2,mj2", "aac", 1024),
        ("opus", "ogg", "opus", 960),
        ("vorbis", "ogg", "vorbis", None),
        ("ac3", "ac3", "ac3", 1536),
        ("3gp-amr", "mov,mp4,m4a,3gp,3g2,mj2", "amrnb", 160),
    ],
)
def test_facts_are_complete(kind: str, container: str, codec: str, frame: int | None) -> None:
    source = MemorySource(made(kind))

    assert survey(source, exact=True) == SourceFacts(
        container=container,
        codec=codec,
        sample_rate_hz=rate_of(kind),
        channels=1 if "amr" in kind else 2,
        frame_samples=frame,
        samples=sum(piece.samples for piece in decode(source)),
        exact=True,
    )


def test_low_rate_mp3_has_short_frames() -> None:
    content = media.make("mp3", synth.noise(22050), rate=22050)

    assert survey(MemorySource(content)).frame_samples == 576


@pytest.mark.parametrize("frames", [5_000_000, 1_000])
def test_a_xing_header_that_claims_more_than_the_bytes_can_hold_is_not_believed(
    frames: int,
) -> None:
    content = with_xing_frames(made("mp3"), frames)

    claimed = survey(MemorySource(content))
    counted = survey(MemorySource(content), exact=True)

    assert (claimed.exact, counted.exact) == (False, True)
    assert counted.samples == sum(frame.samples for frame in decode(MemorySource(content)))


def test_a_xing_header_that_claims_next_to_nothing_is_not_believed() -> None:
    assert not survey(MemorySource(with_xing_frames(made("mp3"), 2))).exact


@pytest.mark.parametrize("kept", [0.995, 0.5])
def test_a_truncated_mp3_is_counted(kept: float) -> None:
    content = made("mp3", seconds=5)
    source = MemorySource(content[: int(len(content) * kept)])

    assert not survey(source).exact
    assert survey(source, exact=True).samples == sum(frame.samples for frame in decode(source))


@pytest.mark.parametrize("claim", [0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 2040, 2001])
def test_a_wav_size_past_the_end_is_capped_at_what_is_there(claim: int) -> None:
    samples = bytes(range(250)) * 8
    source = MemorySource(media.wav_header(rate=44100, channels=1, data_bytes=claim) + samples)

    assert survey(source, exact=True).samples == 1000
    assert sum(frame.samples for frame in decode(source)) == 1000


@pytest.mark.parametrize("kind", ["wav-16", "wav-24", "rf64", "aiff"])
@pytest.mark.parametrize("missing", [1, 3, 100, 20_000])
def test_pcm_cut_short_is_counted_from_where_it_begins(kind: str, missing: int) -> None:
    content = media.make(kind, synth.noise(48000), rate=48000, tags={"title": "x" * 200})
    source = MemorySource(content[:-missing])

    assert survey(source).samples == sum(frame.samples for frame in decode(source))


def test_the_itunes_tag_of_an_adts_file_is_read() -> None:
    artifact = make("f=aac", made("wav-16")).content
    with open_container(MemorySource(artifact)) as container:
        stated = stated_gapless(container)
    facts = survey(MemorySource(artifact), exact=True)

    samples = round(synth_length() * 48000 / 44100)
    assert (stated, facts.samples, facts.exact) == ((1024, samples), samples, True)


def synth_length() -> int:
    return int(1.3 * 44100) + 17


def test_opus_packets_of_every_length_are_counted() -> None:
    for duration in ("2.5", "5", "10", "20", "40", "60", "120"):
        recipe = media.Recipe(
            container="matroska",
            codec="libopus",
            sample_format="flt",
            bitrate_bps=64_000,
            codec_options={"frame_duration": duration},
        )
        content = media.encode(recipe, synth.noise(48000 + 123), rate=48000)

        assert survey(MemorySource(content), exact=True).samples == 48000 + 123
