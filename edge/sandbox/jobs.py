"""What a worker can be asked to do, as a table, so that tests can put their own jobs into it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from transforms.audio.tempo import Tempo
from transforms.plan import RenderPlan, RenderReport, SourceFacts
from transforms.sinks import Sink
from transforms.sources import Source

# The real ones, by name because importing them imports PyAV.
ENGINE = "edge.sandbox.engine:ENGINE"


class Survey(Protocol):
    """The shape of ``transforms.audio.survey.survey``."""

    def __call__(self, source: Source, *, track: int, exact: bool) -> SourceFacts: ...


class Picture(Protocol):
    """The shape of ``transforms.audio.cover_thumbnail.thumbnail``."""

    def __call__(self, source: Source, *, cover: bool) -> bytes: ...


class FindTempo(Protocol):
    """The shape of ``transforms.audio.tempo_beats.tempo_of``."""

    def __call__(self, source: Source, *, track: int) -> Tempo | None: ...


class Render(Protocol):
    """The shape of ``transforms.render.render``."""

    def __call__(
        self, plan: RenderPlan, sources: Sequence[Source], sink: Sink, *, threads: int
    ) -> RenderReport: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """What can be asked for, and what the zygote does once so that each of them starts warm."""

    warm: Callable[[], None]
    survey: Survey
    probe: Callable[[Source], dict[str, object]]
    picture: Picture
    tempo: FindTempo
    render: Render


def load(reference: str) -> Jobs:
    """
    Import the table that *reference*, ``module:attribute``, names.

    Raises:
        TypeError: There is something else.
    """
    module, _, attribute = reference.partition(":")
    table = getattr(importlib.import_module(module), attribute)
    if not isinstance(table, Jobs):
        raise TypeError(f"{reference} is no table of jobs")
    return table
