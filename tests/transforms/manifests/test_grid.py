from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.manifests.grid import CRUMB_SECONDS, FRAME_SAMPLES, RAMP_SECONDS, Grid
from transforms.rates import AAC_SAMPLE_RATES_HZ

rates = st.lists(st.sampled_from(AAC_SAMPLE_RATES_HZ), min_size=1, max_size=10)


@given(rates, st.integers(0, 200))
def test_every_variant_begins_each_segment_with_a_whole_frame_near_the_grid(
    sample_rates_hz: list[int], segment: int
) -> None:
    grid = Grid(sample_rates_hz)

    for rate in sample_rates_hz:
        begin = Fraction(grid.first_frame(segment, rate) * FRAME_SAMPLES, rate)
        assert abs(begin - grid.start(segment)) <= Fraction(FRAME_SAMPLES, 2 * rate)


@pytest.mark.parametrize(
    "sample_rates_hz", [(48000,), (44100,), (48000, 24000), (48000, 44100), (96000, 32000, 8000)]
)
@given(segment=st.integers(0, 500))
def test_variants_are_cut_at_the_same_instants_to_the_sample(
    sample_rates_hz: tuple[int, ...], segment: int
) -> None:
    grid = Grid(sample_rates_hz)

    begins = {
        Fraction(grid.first_frame(segment, rate) * FRAME_SAMPLES, rate) for rate in sample_rates_hz
    }

    assert begins == {grid.start(segment)}


@given(rates, st.integers(0, 200))
def test_no_segment_passes_the_target_duration_even_with_a_crumb(
    sample_rates_hz: list[int], segment: int
) -> None:
    grid = Grid(sample_rates_hz)

    for rate in sample_rates_hz:
        frames = grid.first_frame(segment + 1, rate) - grid.first_frame(segment, rate)
        longest = Fraction(frames * FRAME_SAMPLES, rate) + CRUMB_SECONDS
        assert frames > 0
        assert round(longest) <= grid.target_seconds


def test_segments_are_short_at_first_and_last_the_target_later() -> None:
    grid = Grid([48000])
    lengths = [grid.start(n + 1) - grid.start(n) for n in range(8)]

    assert [round(length) for length in lengths[: len(RAMP_SECONDS)]] == list(RAMP_SECONDS)
    assert set(lengths[4:]) == {lengths[4]}
    assert grid.target_seconds == 6
