"""The engine from end to end: lengths, places, joins and refusals, measured in samples."""

from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from tests.support import measure, media, synth
from tests.support.engine import LIMITS, make, read
from tests.support.memory import MemorySink, MemorySource
from tests.support.synth import Sound
from transforms import render as engine
from transforms.audio.survey import survey
from transforms.audio.timeline import resolve
from transforms.formats import SINGLE_FILES, Format
from transforms.plan import Limits, RenderedFile, RenderPlan
from transforms.problems import OutputTooLarge, RenderFailed, TransformProblem, UnsupportedMedia

EXACT = "f=wav-riff&bd=32f"


def wav(sound: Sound, rate: int) -> bytes:
    return media.make("wav-float", sound, rate=rate)


@cache
def voice(kind: str, samples: int, rate: int, channels: int = 2) -> bytes:
    return media.make(kind, synth.speech(samples, rate=rate, channels=channels), rate=rate)


@cache
def click(kind: str) -> bytes:
    sound = synth.burst(30_000, at=21_000, rate=44100, channels=2)
    return media.make(kind, sound, rate=44100)


@cache
def whole(kind: str, rate: int, sr: str) -> Sound:
    return make(f"{EXACT}&sr={sr}", voice(kind, 2 * rate + 77, rate)).sound


@cache
def uncut(output: str) -> bytes:
    return make(f"f={output}", wav(synth.tone(3 * 44100, rate=44100), 44100)).content


@pytest.mark.parametrize("kind", media.RECIPES)
@pytest.mark.parametrize("query", ["f=wav-riff", "f=mp3&sr=44.1", "f=aac", "f=opus&br=64"])
def test_every_source_gives_as_much_as_planned_in_every_format(kind: str, query: str) -> None:
    rate = 8000 if "amr" in kind else 48000 if "opus" in kind else 44100
    channels = 1 if "amr" in kind else 2

    made = make(query, voice(kind, rate + 333, rate, channels))

    again = survey(MemorySource(made.content), exact=True)
    seconds = Fraction(made.report.samples, made.rate)
    assert seconds == again.duration
    if made.resolved.exact:
        assert made.planned_samples == made.report.samples
    assert (made.report.encoder != "", made.told[-1]) == (True, 1.0)


@pytest.mark.parametrize("kind", [*media.LOSSLESS, "mp3", "mp3-vbr", "vorbis"])
@pytest.mark.parametrize("sr", ["44.1", "48", "8", "96"])
def test_an_impulse_appears_where_it_was(kind: str, sr: str) -> None:
    made = make(f"{EXACT}&sr={sr}", click(kind))

    expected = round(21_000 * made.rate / 44100)
    lossy = kind not in media.LOSSLESS
    assert abs(expected - measure.peak(made.sound)) <= int(lossy or made.rate != 44100)


@pytest.mark.parametrize("output", ["mp3&br=256", "m4a&br=256", "opus&br=256", "aac&br=256"])
def test_a_lossy_output_keeps_its_impulse_within_a_sample(output: str) -> None:
    source = wav(synth.burst(48_000, at=20_000, rate=44100, channels=2), 44100)

    made = make(f"{EXACT}&sr=48", make(f"f={output}&sr=48", source).content)

    assert abs(round(20_000 * 48000 / 44100) - measure.peak(made.sound)) <= 1


@pytest.mark.parametrize("kind", ["wav-16", "flac", "mp3", "mp3-vbr", "m4a", "adts", "opus"])
@pytest.mark.parametrize("at", ["0.5s", "1.01", "1.000021s"])
def test_two_pieces_joined_are_the_whole(kind: str, at: str) -> None:
    rate = 48000 if kind == "opus" else 44100
    source = voice(kind, 2 * rate + 77, rate)

    for sr in (f"{rate / 1000:g}", "32"):
        joined = make(f"{EXACT}&sr={sr}&te={at}&append=/a&ts={at}", source, source).sound

        assert np.array_equal(whole(kind, rate, sr), joined)


def test_joined_sixteen_bit_pieces_are_bit_exact() -> None:
    sound = synth.on_grid(synth.noise(100_001, channels=2))
    source = media.make("flac", sound, rate=44100)
    query = "f=wav-riff&sr=44.1&te=0.7s&append=/a&ts=0.7s&te=1.9s&append=/a&ts=1.9s"

    assert np.array_equal(sound, make(query, source, source, source).sound)


@pytest.mark.parametrize("output", ["mp3&br=256", "m4a&br=256", "opus&br=256", "flac", "wav-riff"])
@pytest.mark.parametrize(
    "query", ["te=1s&append=/a&ts=1s", "te=1s&rp=2", "rp=2&te=3s&tm=after-repeat"]
)
def test_a_tone_cut_and_rejoined_is_the_same_tone(output: str, query: str) -> None:
    source = wav(synth.tone(2 * 44100, rate=44100), 44100)

    made = make(f"f={output}&{query}", *[source] * (1 + query.count("append")))

    # What a lossy coder does to any tone is allowed for; a join must not add to it.
    residues = [
        measure.tone_residue(make(f"{EXACT}&sr=48", one).sound, rate=48000, skip=2000)
        for one in (uncut(output), made.content)
    ]
    assert residues[1] < 1.1 * residues[0] + 0.0005


@pytest.mark.parametrize("clip", [("flac", 44100), ("alac", 48000), ("mp3", 44100), ("m4a", 48000)])
@pytest.mark.parametrize("other", [("wav-24", 48000), ("flac", 44100), ("opus", 48000)])
def test_a_tone_goes_on_across_formats_and_rates(
    clip: tuple[str, int], other: tuple[str, int]
) -> None:
    # One second of 440 Hz is whole periods, so the second clip takes up where the first ends.
    sources = [
        media.make(kind, synth.tone(rate, rate=rate), rate=rate) for kind, rate in (clip, other)
    ]

    made = make(f"{EXACT}&append=/b", *sources)

    lossless = all(kind in media.LOSSLESS for kind, _ in (clip, other))
    assert made.sound.shape == (1, 96_000)
    assert measure.tone_residue(made.sound, rate=48000, skip=2400) < (0.01 if lossless else 0.12)


def test_mono_and_stereo_join_at_one_level() -> None:
    mono = wav(synth.tone(44100, rate=44100), 44100)
    stereo = wav(synth.tone(44100, rate=44100, channels=2), 44100)

    made = make(f"{EXACT}&sr=44.1&append=/b", mono, stereo).sound

    assert made.shape == (2, 88_200)
    assert max(measure.tone_residue(made[c : c + 1], rate=44100) for c in (0, 1)) < 1e-5


def test_very_different_rates_join_in_order() -> None:
    low = wav(synth.tone(8001, rate=8000), 8000)
    high = wav(synth.tone(96_001, rate=96_000, hz=1000), 96_000)

    made = make(f"{EXACT}&append=/b&append=/a", low, high, low)

    assert (
        made.planned_samples
        == made.report.samples
        == round(48000 * (16_002 / 8000 + 96_001 / 96_000))
    )
    assert measure.tone_residue(made.sound[:, 200:47_800], rate=48000) < 1e-3
    assert measure.tone_residue(made.sound[:, 48_200:95_800], rate=48000, hz=1000) < 1e-3


def test_surround_becomes_stereo_without_clipping() -> None:
    loud = synth.tone(48_000, rate=48000, amplitude=1.0, channels=6)

    made = make("f=wav-riff", media.make("flac", loud, rate=48000)).sound

    assert made.shape == (2, 48_000)
    assert measure.tone_residue(made, rate=48000) < 1e-3
    assert abs(float(np.max(made)) - 1) < 1e-3


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_the_shortest_clips_are_as_long_as_planned(rate: int) -> None:
    for samples in (1, 2, 3, 7, 16, 31, 100, 127, 255, 256, 257, 300):
        made = make(EXACT, wav(synth.noise(samples), rate))

        expected = round(samples * 48000 / rate)
        assert (expected, (1, expected)) == (made.report.samples, made.sound.shape)


def test_twenty_plays_are_twenty_times_the_clip() -> None:
    sound = synth.on_grid(synth.noise(777, channels=2))

    made = make("f=wav-riff&rp=20", wav(sound, 48000))

    assert np.array_equal(np.tile(sound, 20), made.sound)


def test_gain_and_fades_shape_the_whole_timeline() -> None:
    ones = wav(np.full((1, 24_000), 0.25, np.float32), 48000)

    made = make(f"{EXACT}&gain=6.02&fi=0.25&fo=0.5&rp=2", ones).sound

    at = np.arange(48_000)
    expected = 0.25 * 10 ** (6.02 / 20) * np.minimum(1, at / 12_000)
    expected *= np.minimum(1, (48_000 - at) / 24_000)
    assert np.allclose(expected, made[0], atol=1e-6)


def test_a_report_is_whole() -> None:
    made = make("f=mp3&sr=44.1", wav(synth.noise(44_100), 44100))

    assert made.report.files == (
        RenderedFile(path="/audio.mp3", media_type="audio/mpeg", size_bytes=len(made.content)),
    )
    assert (made.report.samples, made.report.duration) == (44_100, 1)
    assert list(made.told) == sorted(made.told)
    assert 0 < made.told[0] < made.told[-1] == 1.0


def test_a_second_track_is_rendered() -> None:
    recipe = media.Recipe(container="matroska", codec="pcm_s16le")
    one, other = synth.on_grid(synth.noise(3000)), synth.on_grid(synth.noise(2000, seed=8))
    source = media.encode(recipe, one, other, rate=48000)

    assert np.array_equal(other, make("f=wav-riff&track=2", source).sound)


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska"])
def test_the_sound_of_a_film_is_rendered(container: str) -> None:
    film = media.encode_video(synth.tone(48_000, rate=48000), rate=48000, container=container)

    made = make("f=mp3", film)

    assert made.planned_samples == made.report.samples == made.sound.shape[1]


@pytest.mark.parametrize(
    ("query", "files", "code"),
    [
        ("f=mp3", [b""], "unsupported_media"),
        ("f=mp3", [b"\xff"], "unsupported_media"),
        ("f=mp3", [b"<!doctype html><p>Not found"], "unsupported_media"),
        ("f=mp3", [media.pictures_only()], "no_audio"),
        ("f=mp3&track=2", [wav(synth.noise(9), 48000)], "no_such_track"),
        ("f=mp3&append=/b", [wav(synth.noise(9), 48000), b"x"], "unsupported_media"),
        ("f=mp3&ts=1", [wav(synth.noise(9), 48000)], "bad_parameter"),
        ("f=wav-riff", [wav(synth.noise(1), 96_000)], "no_audio"),
    ],
)
def test_a_refusal_has_its_code(query: str, files: list[bytes], code: str) -> None:
    with pytest.raises(TransformProblem) as refusal:
        make(query, *files)

    assert code == refusal.value.code


@pytest.mark.parametrize("output", SINGLE_FILES)
def test_a_file_cut_short_is_rendered_as_far_as_it_goes(output: Format) -> None:
    source = media.make("mp3", synth.noise(4 * 44100, channels=2), rate=44100)

    made = make(f"f={output}", source[: len(source) // 2])

    assert 1.9 < made.report.duration < 2.1
    assert made.planned_samples == made.report.samples


def test_more_sound_than_was_claimed_stops_at_the_limit() -> None:
    source = MemorySource(media.make("adts", synth.noise(3 * 48000), rate=48000))
    claimed = survey(source, exact=True)
    limits = Limits(duration_ms=4000, file_bytes=1 << 30)
    plan = resolve(read("f=wav-riff").plan, [claimed], limits).render

    with pytest.raises(OutputTooLarge):
        engine.render(
            RenderPlan(
                format=plan.format,
                spans=plan.spans * 2,
                tracks=plan.tracks,
                encodings=plan.encodings,
                shaping=plan.shaping,
                limits=limits,
                expected_ms=None,
            ),
            [source],
            MemorySink(),
        )


def test_a_start_past_the_end_that_only_decoding_shows_is_told() -> None:
    source = MemorySource(media.make("asf-wma", synth.noise(44100), rate=44100))
    plan = resolve(read("f=mp3&ts=2").plan, [survey(source, exact=True)], LIMITS).render

    with pytest.raises(RenderFailed) as failure:
        engine.render(plan, [source], MemorySink())

    assert failure.value.code == "start_past_end"


def test_a_full_disk_is_not_a_success() -> None:
    class Full(MemorySink):
        def create(self, path: str) -> object:  # type: ignore[override]
            file = super().create(path)
            file.write = lambda piece: (_ for _ in ()).throw(OSError(28, "full"))  # type: ignore
            return file

    source = MemorySource(wav(synth.noise(48000), 48000))
    for output in SINGLE_FILES:
        plan = resolve(read(f"f={output}").plan, [survey(source)], LIMITS).render
        with pytest.raises((OSError, RenderFailed)):
            engine.render(plan, [source], Full())


def test_a_source_that_fails_half_way_is_not_a_success() -> None:
    class Failing(MemorySource):
        def read_at(self, offset: int, length: int) -> bytes:
            if self.read_bytes > 300_000:
                raise OSError(5, "gone")
            return super().read_at(offset, length)

    content = wav(synth.noise(10 * 48000), 48000)
    plan = resolve(read("f=mp3").plan, [survey(MemorySource(content))], LIMITS).render

    with pytest.raises((OSError, RenderFailed, UnsupportedMedia)):
        engine.render(plan, [Failing(content)], MemorySink())


def test_warming_needs_nothing() -> None:
    engine.warm()
