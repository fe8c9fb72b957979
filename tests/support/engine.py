"""A URL's parameters and some files in, an artifact out: the whole engine, as the edge runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.support import measure
from tests.support.memory import MemorySink, MemorySource
from tests.support.synth import Sound
from transforms.audio.survey import survey
from transforms.audio.timeline import Resolved, resolve
from transforms.grammar import split
from transforms.plan import Limits, RenderReport
from transforms.planner import TransformUrl, plan
from transforms.render import render
from transforms.sources import Source

ACCOUNT = "W142hJk"
LIMITS = Limits(duration_ms=24 * 3600 * 1000, file_bytes=1 << 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One artifact and what was said about it."""

    url: TransformUrl
    resolved: Resolved
    report: RenderReport
    content: bytes
    told: tuple[float, ...]

    @property
    def planned_samples(self) -> int:
        assert self.resolved.duration is not None
        return round(self.resolved.duration * self.resolved.render.encodings[0].sample_rate_hz)

    @property
    def sound(self) -> Sound:
        return measure.decode(self.content)[0]

    @property
    def rate(self) -> int:
        return self.report.sample_rate_hz


def read(query: str, path: str = "/a.bin") -> TransformUrl:
    """Understand ``/W142hJk/audio{path}?{query}``."""
    return plan(split(f"/{ACCOUNT}/audio{path}", query))


def make_stream(query: str, *files: bytes) -> tuple[Resolved, RenderReport, MemorySink]:
    """Render an HLS query against its primary file and its appended ones, in order."""
    sources = [MemorySource(content) for content in files]
    resolved = resolved_for(read(query), sources)
    sink = MemorySink()
    return resolved, render(resolved.render, sources, sink), sink


def resolved_for(url: TransformUrl, sources: Sequence[Source], limits: Limits = LIMITS) -> Resolved:
    """Settle a plan against sources that were counted."""
    facts = [
        survey(source, track=clip.track, exact=True)
        for source, clip in zip(sources, url.plan.clips, strict=True)
    ]
    return resolve(url.plan, facts, limits)


def make(query: str, *files: bytes, limits: Limits = LIMITS) -> Made:
    """Render a query against its primary file and its appended ones, in order."""
    url = read(query)
    sources = [MemorySource(content) for content in files]
    resolved = resolved_for(url, sources, limits)
    sink = MemorySink()
    report = render(resolved.render, sources, sink)
    (content,) = sink.files.values()
    return Made(url=url, resolved=resolved, report=report, content=content, told=tuple(sink.told))
