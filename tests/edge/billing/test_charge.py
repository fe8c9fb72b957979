from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from edge.billing.charge import Charge, Produced, charge_for

LOSSY = Decimal("0.75")
LOSSLESS = Fraction(23, 20)


def _charge(multiplier: Decimal | Fraction, *produced: Produced) -> Charge:
    return charge_for(
        key="k", account="W142hJk", url="/a.mp3?f=aac", produced=produced, multiplier=multiplier
    )


def _file(seconds: int | str, *, real_time: bool = False) -> Produced:
    return Produced(duration_seconds=Fraction(seconds), real_time=real_time)


def test_sixty_seconds_of_aac_consume_45() -> None:
    assert _charge(LOSSY, _file(60)) == Charge(
        key="k",
        account="W142hJk",
        url="/a.mp3?f=aac",
        duration_ms=60_000,
        multiplier_thousandths=750,
    )
    assert _charge(LOSSY, _file(60)).billed_us == 45_000_000


def test_the_hls_example_is_200_seconds_and_consumes_150() -> None:
    charge = _charge(LOSSY, _file(60, real_time=True), _file(60, real_time=True), _file(60))

    assert (charge.duration_ms, charge.billed_us) == (200_000, 150_000_000)


def test_lossless_costs_more() -> None:
    assert _charge(LOSSLESS, _file(60)).billed_us == 69_000_000


def test_every_output_costs_ten_seconds_at_least() -> None:
    charge = _charge(LOSSY, _file("1/2"), _file("9.999"), _file("10.001"))

    assert charge.duration_ms == 10_000 + 10_000 + 10_001


def test_the_real_time_extra_comes_on_top_of_the_least() -> None:
    assert _charge(LOSSY, _file(2, real_time=True)).duration_ms == 20_000


def test_durations_round_to_the_nearest_millisecond() -> None:
    # 1 000 001 samples at 44.1 kHz are 22 675.759… ms.
    assert _charge(LOSSY, _file("1000001/44100")).duration_ms == 22_676


@pytest.mark.parametrize("multiplier", [Fraction(1, 3), Decimal("0.0005"), Fraction(0), -LOSSY])
def test_a_multiplier_is_a_positive_number_of_thousandths(multiplier: Decimal | Fraction) -> None:
    with pytest.raises(ValueError, match="multiplier"):
        _charge(multiplier, _file(60))


def test_nothing_has_no_price() -> None:
    with pytest.raises(ValueError, match="produced nothing"):
        _charge(LOSSY)
