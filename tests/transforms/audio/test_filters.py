"""Sound made to fit: kinds joined, gain and fades, blocks cut anew, samples quantised."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import pytest
from av.audio.frame import AudioFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import measure, synth
from tests.support.synth import Sound
from transforms.audio.filters import Block, Conformer, rechunk, shape, to_integers
from transforms.plan import Shaping
from transforms.problems import UnsupportedMedia

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def frames(sound: Sound, rate: int, *, size: int = 1000) -> Iterator[AudioFrame]:
    for first in range(0, sound.shape[1], size):
        piece = np.ascontiguousarray(sound[:, first : first + size])
        frame = AudioFrame.from_ndarray(piece, "fltp", LAYOUTS[sound.shape[0]])
        frame.sample_rate = rate
        yield frame


def conformed(*clips: tuple[Sound, int], rate: int, channels: int, kind: str = "fltp") -> Block:
    conformer = Conformer(sample_rate_hz=rate, channels=channels, sample_format=kind)
    given_frames = (frame for sound, its_rate in clips for frame in frames(sound, its_rate))
    made = np.concatenate(list(conformer.conform(given_frames)), axis=1)
    assert conformer.made_samples == made.shape[1]
    return made


def split_up(sound: Sound, sizes: Sequence[int]) -> Iterator[Sound]:
    at = 0
    for size in sizes:
        yield sound[:, at : at + size]
        at += size
    yield sound[:, at:]


def test_sound_of_the_right_kind_passes_untouched() -> None:
    sound = synth.noise(12_345, channels=2)

    assert np.array_equal(sound, conformed((sound, 48000), rate=48000, channels=2))


def test_mono_keeps_its_level_in_stereo() -> None:
    sound = synth.noise(5000)

    assert np.array_equal(
        np.repeat(sound, 2, axis=0), conformed((sound, 48000), rate=48000, channels=2)
    )


def test_stereo_that_is_mono_keeps_its_level_in_mono() -> None:
    sound = synth.tone(5000, rate=48000, channels=2)

    assert measure.snr_db(sound[:1], conformed((sound, 48000), rate=48000, channels=1)) > 120


def test_full_scale_surround_fits_into_stereo_and_keeps_its_balance() -> None:
    # ITU-R BS.775: L + 0.707 C + 0.707 Ls, scaled so that all at full scale do not clip.
    loud = np.ones((6, 4800), np.float32)
    left_only = loud * np.array([[1], [0], [0], [0], [0], [0]], np.float32)

    made = conformed((loud, 48000), rate=48000, channels=2)
    left = conformed((left_only, 48000), rate=48000, channels=2)

    share = 1 / (1 + 2 * 2**-0.5)
    assert np.allclose(1, made, atol=1e-6)
    assert np.allclose([[share], [0]], left, atol=1e-6)


@pytest.mark.parametrize("rates", [(44100, 48000), (48000, 44100), (22050, 48000), (8000, 96000)])
def test_a_tone_goes_on_through_a_change_of_rate(rates: tuple[int, int]) -> None:
    clips = [(synth.tone(rate, rate=rate), rate) for rate in rates]

    made = conformed(*clips, rate=48000, channels=1)

    # At a change only the past or the future is known: what may be wrong is one source sample.
    slope = 2 * np.pi * 440 / min(rates)
    assert made.shape == (1, 96_000)
    assert measure.tone_residue(made, rate=48000, skip=200) < slope
    assert not np.any(made[:, 47_990:47_999] == 0)


def test_clips_of_one_kind_join_as_if_never_cut() -> None:
    sound = synth.noise(30_000, channels=2)
    clips = [(piece, 44100) for piece in split_up(sound, [1, 2, 7777, 255])]

    whole = conformed((sound, 44100), rate=48000, channels=2)

    assert np.array_equal(whole, conformed(*clips, rate=48000, channels=2))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 700),
            st.sampled_from([8000, 11025, 44100, 48000, 96000]),
            st.sampled_from([1, 2, 6]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_lengths_add_up_however_mixed_the_clips(clips: list[tuple[int, int, int]]) -> None:
    sounds = [(synth.noise(n, channels=channels), rate) for n, rate, channels in clips]
    seconds = sum(n * 1_411_200_000 // rate for n, rate, _ in clips)
    expected = round(Fraction(seconds * 48000, 1_411_200_000))
    if not expected:
        return

    assert conformed(*sounds, rate=48000, channels=2).shape == (2, expected)


@pytest.mark.parametrize("samples", [1, 2, 16, 100, 255, 256, 300])
def test_a_short_clip_of_unsigned_samples_ends_without_a_bang(samples: int) -> None:
    quiet = AudioFrame.from_ndarray(np.full((1, samples), 0x80, np.uint8), "u8", "mono")
    quiet.sample_rate = 8000
    conformer = Conformer(sample_rate_hz=48000, channels=1, sample_format="fltp")

    made = np.concatenate(list(conformer.conform([quiet])), axis=1)

    assert np.array_equal(np.zeros((1, 6 * samples), np.float32), made)


@pytest.mark.parametrize(
    ("kind", "dtype"), [("fltp", "f4"), ("flt", "f4"), ("s16", "i2"), ("s32", "i4")]
)
def test_blocks_are_of_the_kind_asked_for(kind: str, dtype: str) -> None:
    made = conformed((synth.noise(100), 44100), rate=48000, channels=2, kind=kind)

    assert (np.dtype(dtype), (2, 109)) == (made.dtype, made.shape)


def test_a_layout_that_cannot_be_mixed_is_refused() -> None:
    frame = AudioFrame("fltp", "9 channels", 100)
    frame.sample_rate = 48000
    conformer = Conformer(sample_rate_hz=48000, channels=2, sample_format="fltp")

    with pytest.raises(UnsupportedMedia):
        list(conformer.conform([frame]))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 900), max_size=12),
    st.sampled_from([0, 350, -600]),
    st.integers(0, 600),
    st.integers(0, 600),
)
def test_gain_and_fades_are_what_the_formula_says_in_whatever_blocks(
    sizes: list[int], gain: int, fade_in: int, fade_out: int
) -> None:
    sound = synth.noise(sum(sizes) + 5, channels=2)
    shaping = Shaping(gain_centibels=gain, fade_in_ms=fade_in, fade_out_ms=fade_out)

    made = np.concatenate(list(shape(split_up(sound, sizes), shaping, 1000)), axis=1)

    at = np.arange(sound.shape[1])
    rising = np.minimum(1, at / max(fade_in, 1)) if fade_in else 1
    falling = np.minimum(1, (sound.shape[1] - at) / max(fade_out, 1))
    expected = sound * 10 ** (gain / 2000) * rising * falling
    assert np.allclose(expected, made, atol=1e-6)


def test_a_fade_out_holds_back_no_more_than_it_needs() -> None:
    taken = 0

    def blocks() -> Iterator[Sound]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield synth.silence(1000)

    given_back = 0
    for block in shape(blocks(), Shaping(fade_out_ms=5000), 1000):
        given_back += block.shape[1]
        assert taken * 1000 - given_back <= 7000
    assert given_back == 100_000


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 30))
def test_rechunking_loses_nothing(sizes: list[int], size: int) -> None:
    sound = synth.noise(sum(sizes) + 1)

    made = list(rechunk(split_up(sound, sizes), size))

    assert np.array_equal(sound, np.concatenate(made, axis=1))
    assert all(block.shape[1] == size for block in made[:-1])
    assert 1 <= made[-1].shape[1] <= size


@pytest.mark.parametrize(("bits", "full"), [(16, 32768), (24, 8388608)])
def test_quantising_rounds_and_clips_and_survives_nonsense(bits: int, full: int) -> None:
    half = 0.5 / full
    given_samples = [0, half * 1.1, -half * 1.1, 1, -1, 2, -2, np.inf, -np.inf, np.nan]
    block = np.array([given_samples], np.float32)

    expected = [0, 1, -1, full - 1, -full, full - 1, -full, full - 1, -full, 0]
    assert np.array_equal([expected], to_integers(block, bits))


def test_an_empty_timeline_makes_no_blocks() -> None:
    conformer = Conformer(sample_rate_hz=48000, channels=2, sample_format="fltp")

    assert list(conformer.conform([])) == []
    assert list(rechunk([], 10)) == []
    assert list(shape([], Shaping(fade_out_ms=10), 1000)) == []
