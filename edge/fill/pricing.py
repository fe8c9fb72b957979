"""What a plan costs: the seed's rules, applied to a format's outputs."""

from __future__ import annotations

from fractions import Fraction

from edge.billing.charge import Produced, charge_for
from transforms.formats import FORMATS
from transforms.plan import RealTime, TransformPlan


def price_of(key: str, plan: TransformPlan, duration: Fraction) -> Fraction:
    """Price a plan of a known duration, in billed seconds; what is only drawn is free."""
    if not FORMATS[plan.format].multiplier:
        return Fraction(0)
    charge = charge_for(
        key=key,
        account=plan.account,
        url="",
        produced=produced_by(plan, duration),
        multiplier=FORMATS[plan.format].multiplier,
    )
    return Fraction(charge.billed_us, 1_000_000)


def produced_by(plan: TransformPlan, *durations: Fraction) -> tuple[Produced, ...]:
    """
    List the outputs that a plan is billed for.

    Seed, "HLS audio pricing": each variant, and 10 s more for each that may be real-time.

    Args:
        durations: The timeline's length in seconds, or that of each variant.
    """
    each = durations * len(plan.variants) if len(durations) == 1 else durations
    return tuple(
        Produced(
            duration_seconds=duration,
            real_time=variant.real_time in (RealTime.TRUE, RealTime.AUTO),
        )
        for variant, duration in zip(plan.variants, each, strict=True)
    )
