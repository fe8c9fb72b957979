"""
The engine: a plan, its sources and a sink in, verified artifact files out.

Whatever the format, it is the same sound that arrives at its writers (``sound``), and nothing is
reported that was not compared with the plan.
"""

from __future__ import annotations

from collections.abc import Sequence

from transforms.audio.cover import read_cover
from transforms.formats import FORMATS, Format
from transforms.plan import RenderedFile, RenderPlan, RenderReport
from transforms.render.segmented import render_segmented
from transforms.render.single import render_single
from transforms.render.warm import warm
from transforms.sinks import Sink
from transforms.sources import Source

__all__ = ["render", "warm"]


def render(
    plan: RenderPlan, sources: Sequence[Source], sink: Sink, *, threads: int = 1
) -> RenderReport:
    """
    Make the files of one artifact.

    Args:
        plan: What to make; every number settled.

        sources: The bytes of each clip, in the plan's order.

        sink: Where the files go; nothing is published here.

        threads: How many may encode at once, beside the one that decodes. What is made does not
            depend on it, except that MP3 is one stream with one and is joined of parts with more.

    Returns:
        What was made, after it was checked.

    Raises:
        UnsupportedMedia: A source cannot be decoded.
        OutputTooLarge: The sound is longer, or a file larger, than the plan allows.
        RenderFailed: The encoder failed, or a file is not what was planned.
    """
    spec = FORMATS[plan.format]
    if spec.of_file:
        return _render_cover(sources[0], sink)
    make = render_segmented if spec.segmented else render_single
    return make(plan, sources, sink, threads=threads)


def _render_cover(source: Source, sink: Sink) -> RenderReport:
    """Make the one picture that a file's cover becomes; it has no sound and costs nothing."""
    spec = FORMATS[Format.COVER]
    path = spec.artifact or ""
    content = read_cover(source)
    with sink.create(path) as file:
        file.write(content)
    made = RenderedFile(path=path, media_type=spec.media_type, size_bytes=len(content))
    return RenderReport(samples=0, sample_rate_hz=1, files=(made,), encoder="libav mjpeg")
