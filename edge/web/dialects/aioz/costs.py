"""
What qualities cost, before they are made: a price in USD, and whether the quota is enough.

The price is what whoever runs this edge has said a minute costs. What is counted here is seconds,
as everywhere, so ``is_enough`` asks for those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from edge.billing.charge import Produced
from transforms.formats import LOSSY_MULTIPLIER
from transforms.problems import BadParameter

LONGEST_SECONDS: Final = 1_000_000
_SECONDS: Final = re.compile(r"[0-9]{1,7}(\.[0-9]{1,9})?", re.ASCII)

# What is less than a millionth of a dollar is nothing.
_PLACES: Final = Decimal("0.000001")


def read_duration(text: str) -> Fraction:
    """Read seconds; raises ``BadParameter``."""
    if not _SECONDS.fullmatch(text) or Fraction(text) > LONGEST_SECONDS:
        raise BadParameter("duration", text, f"seconds from 0 to {LONGEST_SECONDS}")
    return Fraction(text)


def price_usd(
    qualities: Sequence[str], duration: Fraction, usd_a_minute: Mapping[str, Decimal]
) -> float:
    """Price some qualities of so many seconds; one without a price is free."""
    minute = sum((usd_a_minute.get(each, Decimal(0)) for each in qualities), Decimal(0))
    price = minute * duration.numerator / duration.denominator / 60
    return float(price.quantize(_PLACES))


def billed_seconds(qualities: Sequence[str], duration: Fraction) -> Fraction:
    """Tell what is taken from the quota when they are made: each is a variant in AAC."""
    billed_ms = Produced(duration_seconds=duration).billed_ms * len(qualities)
    return Fraction(billed_ms, 1000) * LOSSY_MULTIPLIER
