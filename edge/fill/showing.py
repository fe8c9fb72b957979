"""
Which variants are shown while they are made: the rules of ``rt`` (seed, ``rt=<flag>``).

``true``: always. ``auto``: if it is made faster than it plays. ``false``: never, unless no
variant is ``true`` or ``auto``, or none of these is fast enough: then the fastest is, alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from transforms.plan import RealTime

# The multivariant playlist waits for the first segment of 1 s; a media playlist waits for more.
FIRST_SECONDS = 0.9

# After this a variant of which there is less is known to be slower than its playback; before, it
# may only have begun slowly.
PATIENCE_SECONDS = 3.5


def shown_variants(
    modes: Sequence[RealTime | None], made_seconds: Sequence[float], *, elapsed_seconds: float
) -> tuple[int, ...] | None:
    """
    Decide which variants the first multivariant playlist lists.

    Args:
        modes: ``rt`` of each variant.

        made_seconds: How much of each exists.

        elapsed_seconds: Since the work began.

    Returns:
        Their numbers in the order of the URL, or None while that is too early to say.
    """
    ready = [seconds >= FIRST_SECONDS for seconds in made_seconds]
    fast = [seconds >= elapsed_seconds for seconds in made_seconds]
    early = elapsed_seconds < PATIENCE_SECONDS
    chosen: list[int] = []
    for number, mode in enumerate(modes):
        match mode:
            case RealTime.TRUE if not ready[number]:
                return None
            case RealTime.AUTO if early and not (ready[number] and fast[number]):
                return None
            case RealTime.TRUE:
                chosen.append(number)
            case RealTime.AUTO if ready[number] and fast[number]:
                chosen.append(number)
    if chosen:
        return tuple(chosen)
    fastest = max(range(len(modes)), key=lambda number: made_seconds[number])
    return (fastest,) if ready[fastest] else None
