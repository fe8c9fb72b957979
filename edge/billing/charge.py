"""
The price of one fill, from the seconds of audio that came out of it.

Money is counted in integers so that totals add up exactly: durations in milliseconds, multipliers
in thousandths, and their product, which needs no rounding, in microseconds of billed audio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

# Bytescale's audio price list: the least an output costs, and what a real-time variant adds.
LEAST_BILLED_MS = 10_000
REAL_TIME_EXTRA_MS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """One output file or one HLS variant, as long as it came out."""

    duration_seconds: Fraction
    real_time: bool = False

    @property
    def billed_ms(self) -> int:
        """The duration it is billed for, before the multiplier."""
        extra_ms = REAL_TIME_EXTRA_MS if self.real_time else 0
        return max(round(self.duration_seconds * 1000), LEAST_BILLED_MS) + extra_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one canonical key costs its account."""

    key: str
    account: str
    url: str
    duration_ms: int
    multiplier_thousandths: int

    @property
    def billed_us(self) -> int:
        """What is taken from the quota, in microseconds of audio."""
        return self.duration_ms * self.multiplier_thousandths


def charge_for(
    *,
    key: str,
    account: str,
    url: str,
    produced: Sequence[Produced],
    multiplier: Fraction | Decimal,
) -> Charge:
    """
    Price everything one fill *produced*.

    Args:
        multiplier: The codec's, 0.75 for instance; whole thousandths.

    Raises:
        ValueError: Nothing was produced, or the multiplier is not positive whole thousandths.
    """
    if not produced:
        raise ValueError("A fill that produced nothing has no price.")
    thousandths = Fraction(multiplier) * 1000
    if thousandths <= 0 or thousandths.denominator != 1:
        raise ValueError(f"The multiplier {multiplier} is not a positive number of thousandths.")
    return Charge(
        key=key,
        account=account,
        url=url,
        duration_ms=sum(output.billed_ms for output in produced),
        multiplier_thousandths=int(thousandths),
    )
