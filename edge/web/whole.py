"""
``playlist=full``: the playlists of a whole timeline at once, its segments made when asked for.

Lengths are certain before the first segment exists, and a segment depends on its place alone. So
the playlists follow from the plan, a player can seek anywhere, and a request for a segment that is
not there yet moves the encoder there.
"""

from __future__ import annotations

from cache.receipts import Receipt
from edge.fill.filler import Filler
from edge.fill.wanted import Wanted
from transforms.audio.timeline import Resolved
from transforms.manifests import hls, parts
from transforms.manifests.grid import GRID, Grid
from transforms.plan import Container, Segment


def is_of_this_grid(receipt: Receipt) -> bool:
    """Tell whether an artifact has the segments that it would be planned with now."""
    return receipt.extra.get("grid") == GRID


async def timeline(filler: Filler, wanted: Wanted) -> Timeline | None:
    """Plan an artifact's timeline; ``None`` if its length is only known once it is decoded."""
    resolved = await filler.resolve(wanted)
    return None if resolved.render.lengths is None else Timeline(resolved)


class Timeline:
    """The playlists of an artifact that need not exist."""

    def __init__(self, resolved: Resolved) -> None:
        self._render = resolved.render
        self._container = resolved.render.container or Container.TS
        self._grid = Grid(encoding.sample_rate_hz for encoding in resolved.render.encodings)

    def multivariant(self) -> str:
        """Write the multivariant playlist: all variants, in the order of the URL."""
        streams = [
            hls.Stream(variant=number, bitrate_bps=encoding.bitrate_bps or 0, segments=())
            for number, encoding in enumerate(self._render.encodings)
        ]
        return hls.multivariant_playlist(
            streams,
            container=self._container,
            target_seconds=self._grid.target_seconds,
            complete=False,
        )

    def media(self, variant: int) -> str:
        """Write a variant's media playlist, to its end."""
        return hls.media_playlist(
            self._segments(variant),
            container=self._container,
            target_seconds=self._grid.target_seconds,
            event=False,
            ended=True,
        )

    def _segments(self, variant: int) -> tuple[Segment, ...]:
        rate = self._render.encodings[variant].sample_rate_hz
        return parts.planned_segments(
            self._grid,
            self._render.samples(rate) or 0,
            variant=variant,
            sample_rate_hz=rate,
            container=self._container,
        )
