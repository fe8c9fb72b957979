"""Decoding, exact to the sample, from wherever one starts."""

import numpy as np
import pytest
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from tests.support import measure, media, synth
from tests.support.memory import MemorySource
from transforms.audio.decode import decode
from transforms.audio.frames import cut
from transforms.problems import RenderFailed, UnsupportedMedia

RATE = 44100
DEEP = ("wav-16", "wav-24", "rf64", "aiff", "mov", "flac", "alac", "mp3", "mp3-vbr", "mp3-bare")
SOUGHT = (*DEEP, "m4a", "m4a-fragmented")
SEEKLESS = ("vorbis", "opus", "adts", "mka-flac", "ts-aac", "flv-mp3", "avi-mp3", "avi-pcm")


def samples(source: MemorySource, start: int = 0, end: int | None = None) -> NDArray[np.generic]:
    pieces = []
    for frame in decode(source, start=start, end=end):
        piece = frame.to_ndarray()
        if not frame.format.is_planar:
            piece = piece.reshape(-1, frame.layout.nb_channels).T
        pieces.append(piece)
    return np.concatenate(pieces, axis=1)


@pytest.mark.parametrize("kind", [*SOUGHT, *SEEKLESS])
def test_a_late_start_gives_the_very_samples_of_decoding_from_the_beginning(kind: str) -> None:
    rate = 48000 if kind == "opus" else RATE
    sound = synth.on_grid(synth.speech(rate * 27 + 123, rate=rate, channels=2))
    content = media.make(kind, sound, rate=rate)
    whole = samples(MemorySource(content))

    for start in (20 * rate - 1, 20 * rate, 21 * rate + 777, 26 * rate + 12345):
        sought = samples(MemorySource(content), start, start + 30_000)
        assert np.array_equal(whole[:, start : start + 30_000], sought), start
    last = whole.shape[1] - 1
    assert np.array_equal(whole[:, last:], samples(MemorySource(content), last))


@pytest.mark.parametrize("kind", ["wav-16", "flac", "m4a"])
def test_a_late_start_does_not_read_what_lies_before(kind: str) -> None:
    content = media.make(kind, synth.noise(RATE * 60), rate=RATE)
    source = MemorySource(content)

    samples(source, 55 * RATE)

    assert source.read_bytes < len(content) // 3


@pytest.mark.parametrize("kind", media.LOSSLESS)
def test_a_lossless_source_gives_its_own_samples(kind: str) -> None:
    sound = synth.on_grid(synth.noise(5001, channels=2))
    content = media.make(kind, sound, rate=RATE)

    decoded = samples(MemorySource(content))

    full = {"i": 2.0 ** (8 * decoded.dtype.itemsize - 1), "f": 1.0}[decoded.dtype.kind]
    assert np.array_equal(sound, (decoded / full).astype(np.float32))


@pytest.mark.parametrize(
    "kind", ["mp3", "mp3-vbr", "m4a", "opus", "vorbis", "mka-opus", "mka-aac", "webm-opus"]
)
def test_an_encoders_priming_is_dropped(kind: str) -> None:
    rate = 48000 if "opus" in kind else RATE
    content = media.make(kind, synth.burst(rate, at=12_345, rate=rate, channels=2), rate=rate)

    found = measure.peak(samples(MemorySource(content)).astype(np.float32))

    assert abs(found - 12_345) <= 1


@pytest.mark.parametrize("kind", ["wav-16", "mp3", "m4a", "opus"])
@pytest.mark.parametrize(("start", "end"), [(0, 1), (1, 2), (1000, 3333), (9999, 20_000)])
def test_exactly_the_samples_asked_for_come(kind: str, start: int, end: int) -> None:
    content = media.make(kind, synth.noise(24_000), rate=48000)

    assert samples(MemorySource(content), start, end).shape == (1, end - start)


def test_an_end_past_the_end_changes_nothing() -> None:
    content = media.make("wav-16", synth.noise(1000), rate=RATE)

    assert samples(MemorySource(content), 10, 10**9).shape == (1, 990)


@pytest.mark.parametrize("start", [1000, 30 * RATE])
def test_a_start_past_the_end_says_how_long_the_track_is(start: int) -> None:
    content = media.make("wav-16", synth.noise(1000), rate=RATE)

    with pytest.raises(RenderFailed) as failure:
        samples(MemorySource(content), start)

    assert (failure.value.code, failure.value.details) == ("start_past_end", {"parameter": "ts"})
    assert failure.value.message == f"The track ends before its start at {start / RATE:.3f} s."


def test_a_second_track_is_another_sound() -> None:
    one, other = synth.on_grid(synth.noise(3000)), synth.on_grid(synth.noise(2000, seed=8))
    recipe = media.Recipe(container="matroska", codec="pcm_s16le")
    source = MemorySource(media.encode(recipe, one, other, rate=RATE))

    lengths = [sum(frame.samples for frame in decode(source, track=t)) for t in (1, 2)]

    assert lengths == [3000, 2000]
    with pytest.raises(UnsupportedMedia) as failure:
        list(decode(source, track=3))
    assert (failure.value.code, failure.value.details) == (
        "no_such_track",
        {"parameter": "track", "value": 3, "tracks": 2},
    )


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska"])
def test_the_sound_of_a_film_is_decoded(container: str) -> None:
    content = media.encode_video(
        synth.burst(RATE, at=20_000, rate=RATE), rate=RATE, container=container
    )

    assert abs(measure.peak(samples(MemorySource(content)).astype(np.float32)) - 20_000) <= 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "unsupported_media"),
        (b"\x00", "unsupported_media"),
        (b"<!doctype html><title>no</title>" * 50, "unsupported_media"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt ", "unsupported_media"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "unsupported_media"),
        (media.pictures_only(), "no_audio"),
        (media.wav_header(rate=1, channels=1, data_bytes=8) + bytes(8), "unsupported_media"),
        (media.wav_header(rate=536_870_911, channels=1, data_bytes=8) + bytes(8),) * 1
        + ("unsupported_media",),
        (media.wav_header(rate=48000, channels=64, data_bytes=128) + bytes(128),) * 1
        + ("unsupported_media",),
        (media.wav_header(rate=48000, channels=17, data_bytes=34) + bytes(34), "unsupported_media"),
        (media.wav_header(rate=48000, channels=1, data_bytes=0), "no_audio"),
    ],
)
def test_what_cannot_be_decoded_is_refused_with_its_reason(content: bytes, code: str) -> None:
    with pytest.raises(UnsupportedMedia) as refusal:
        list(decode(MemorySource(content)))

    assert (code, bool(refusal.value.message)) == (refusal.value.code, True)


@pytest.mark.parametrize("kind", ["wav-16", "flac", "mp3", "adts", "opus", "vorbis", "mka-opus"])
def test_a_file_cut_short_gives_what_is_there(kind: str) -> None:
    content = media.make(kind, synth.noise(4 * 48000, channels=2), rate=48000)
    half = MemorySource(content[: len(content) // 2])

    there = sum(frame.samples for frame in decode(half))

    assert 0.9 * 48000 < there < 2.8 * 48000


def test_damaged_packets_are_passed_over() -> None:
    content = bytearray(media.make("mp3", synth.speech(3 * RATE, rate=RATE), rate=RATE))
    content[20_000:20_400] = bytes(400)

    there = sum(frame.samples for frame in decode(MemorySource(bytes(content))))

    assert abs(there - 3 * RATE) < 5 * 1152


@pytest.mark.parametrize("layout", ["fltp", "flt", "s16", "s16p"])
def test_a_frame_is_cut_in_any_format(layout: str) -> None:
    dtype = np.float32 if layout.startswith("f") else np.int16
    planar = np.arange(20).reshape(2, 10).astype(dtype)
    given = planar if layout.endswith("p") else planar.T.reshape(1, -1)
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(given), layout, "stereo")
    frame.sample_rate = RATE

    short = cut(frame, 3, 7)

    got = short.to_ndarray()
    got = got if layout.endswith("p") else got.reshape(-1, 2).T
    assert np.array_equal(planar[:, 3:7], got)
    assert (short.sample_rate, short.samples) == (RATE, 4)
    assert cut(frame, 0, 10) is frame
