"""The rules of ``rt``, one by one: which variants a first multivariant playlist lists, and when."""

from __future__ import annotations

import pytest

from edge.fill.showing import FIRST_SECONDS, PATIENCE_SECONDS, shown_variants
from transforms.plan import RealTime

TRUE, AUTO, FALSE = RealTime.TRUE, RealTime.AUTO, RealTime.FALSE
ENOUGH = FIRST_SECONDS
SOME = FIRST_SECONDS / 2
LATE = PATIENCE_SECONDS + 1


@pytest.mark.parametrize(
    ("modes", "made", "elapsed", "shown"),
    [
        # Everybody waits for the first segments of true and auto.
        ([AUTO], [0], 0.1, None),
        ([AUTO], [ENOUGH], 0.1, (0,)),
        ([AUTO, AUTO], [ENOUGH, SOME], 0.1, None),
        ([TRUE, AUTO], [SOME, ENOUGH], 0.1, None),
        ([AUTO, AUTO], [ENOUGH, ENOUGH], 0.1, (0, 1)),
        # False is never waited for and never listed beside others.
        ([AUTO, FALSE], [ENOUGH, 0], 0.1, (0,)),
        ([FALSE, TRUE], [100, ENOUGH], 0.1, (1,)),
        # Auto that is slower than its playback is left out; true never is.
        ([AUTO, AUTO], [50, 2], LATE, (0,)),
        ([TRUE, AUTO], [SOME, 50], 60, None),
        ([TRUE, AUTO], [ENOUGH, 50], 60, (0,)),
        ([AUTO, AUTO], [ENOUGH, LATE + 1], LATE, (1,)),
        # But not before that is known.
        ([AUTO, AUTO], [50, 2], LATE - 2, None),
        ([AUTO], [ENOUGH], ENOUGH + 0.1, None),
        # If that leaves none, the fastest alone, once there is something of it.
        ([FALSE, FALSE], [0, SOME], 0.1, None),
        ([FALSE, FALSE], [ENOUGH, ENOUGH + 1], 0.1, (1,)),
        ([AUTO, AUTO], [SOME, SOME], 10, None),
        ([AUTO, AUTO], [ENOUGH, ENOUGH + 1], 10, (1,)),
        ([FALSE, AUTO], [20, SOME], 30, (0,)),
    ],
)
def test_which_variants_are_shown(
    modes: list[RealTime], made: list[float], elapsed: float, shown: tuple[int, ...] | None
) -> None:
    assert shown_variants(modes, made, elapsed_seconds=elapsed) == shown
