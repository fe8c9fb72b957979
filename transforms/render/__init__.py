"""
The engine: a plan, its sources and a sink in, verified artifact files out.

Whatever the format, it is the same sound that arrives at its writers (``sound``), and nothing is
reported that was not compared with the plan.
"""

from __future__ import annotations

from collections.abc import Sequence

from transforms.formats import FORMATS
from transforms.plan import RenderPlan, RenderReport
from transforms.render.segmented import render_segmented
from transforms.render.single import render_single
from transforms.render.warm import warm
from transforms.sinks import Sink
from transforms.sources import Source

__all__ = ["render", "warm"]


def render(plan: RenderPlan, sources: Sequence[Source], sink: Sink) -> RenderReport:
    """
    Make the files of one artifact.

    Args:
        plan: What to make; every number settled.

        sources: The bytes of each clip, in the plan's order.

        sink: Where the files go; nothing is published here.

    Returns:
        What was made, after it was checked.

    Raises:
        UnsupportedMedia: A source cannot be decoded.
        OutputTooLarge: The sound is longer, or a file larger, than the plan allows.
        RenderFailed: The encoder failed, or a file is not what was planned.
    """
    make = render_segmented if FORMATS[plan.format].segmented else render_single
    return make(plan, sources, sink)
