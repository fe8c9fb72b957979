"""How a node is: ``/healthz`` for people and load balancers, ``/metrics`` for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.node import Node
from edge.records.problems import RecordsAway
from edge.web.responses import json_response

# Whoever asks does not wait for long either.
_PATIENCE_SECONDS = 1.0

# Prometheus' text format.
_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Metric:
    name: str
    kind: str
    meaning: str


_JOBS = _Metric("audio_edge_jobs", "gauge", "Jobs of all nodes by state.")
_AWAY = _Metric("audio_edge_records_away", "gauge", "Whether the database cannot be reached.")
_SLOTS = _Metric("audio_edge_slots", "gauge", "Jobs that this node makes at once, streams apart.")
_SLOTS_FREE = _Metric("audio_edge_slots_free", "gauge", "How many more it could begin.")
_BYTES = _Metric("audio_edge_artifact_bytes", "gauge", "What the artifacts take that it knows of.")


class Health:
    """Tells how an open node is, until it is about to end."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.draining = False
        """Whether load balancers should send nobody else here."""

    def routes(self) -> list[Route]:
        """Return the routes that tell it."""
        return [Route("/healthz", self._healthz), Route("/metrics", self._metrics)]

    async def told(self) -> dict[str, object]:
        """
        Say how the node is: its workers' sandbox, its queue, its store.

        Without its database it is ``degraded``: it still answers what it has.
        """
        node = self._node
        counts = await self._jobs()
        walls = node.workshop.sandbox.walls
        status = "ok" if walls is not None else "starting"
        if counts is None:
            status = "degraded"
        return {
            "status": "draining" if self.draining else status,
            "sandbox": None if walls is None else {"level": walls.level, **asdict(walls)},
            "records": "away" if counts is None else "ok",
            "jobs": counts,
            "artifactBytes": node.artifacts.total_bytes,
        }

    async def _jobs(self) -> dict[str, int] | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                counts = await self._node.records.jobs.counts()
        except (RecordsAway, TimeoutError):
            return None
        return {state.value: count for state, count in counts.items()}

    async def _healthz(self, _: Request) -> Response:
        return json_response(await self.told(), status=503 if self.draining else 200)

    async def _metrics(self, _: Request) -> Response:
        text = "".join(f"{line}\n" for line in self._exposed(await self._jobs()))
        return Response(text, headers={"Content-Type": _MEDIA_TYPE, "Cache-Control": "no-store"})

    def _exposed(self, counts: dict[str, int] | None) -> Iterator[str]:
        slots = self._node.runner.slots
        if counts is not None:
            yield from _headed(_JOBS)
            for state, count in counts.items():
                yield f'{_JOBS.name}{{state="{state}"}} {count}'
        for metric, value in (
            (_AWAY, int(counts is None)),
            (_SLOTS, slots.count),
            (_SLOTS_FREE, max(0, slots.count - slots.taken)),
            (_BYTES, self._node.artifacts.total_bytes),
        ):
            yield from _headed(metric)
            yield f"{metric.name} {value}"


def _headed(metric: _Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.meaning}"
    yield f"# TYPE {metric.name} {metric.kind}"
