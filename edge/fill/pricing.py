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


def produced_by(plan: TransformPlan, duration: Fraction) -> tuple[Produced, ...]:
    """
    List the outputs that a plan is billed for.

    Seed, "HLS audio pricing": each variant, and 10 s more for each that may be real-time.
    """
    return tuple(
        Produced(
            duration_seconds=duration,
            real_time=variant.real_time in (RealTime.TRUE, RealTime.AUTO),
        )
        for variant in plan.variants
    )
