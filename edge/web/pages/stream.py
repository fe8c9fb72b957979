"""
Pages that play a stream by its URL, to be embedded anywhere: HLS by Video.js, DASH by dash.js.

Whoever asks for one has found out already what the stream is called and whether it is there;
``player`` is the page that finds that out by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from edge.web.pages.assets import PlayerAssets
from edge.web.pages.render import page
from transforms.formats import DASH_MEDIA_TYPE, HLS_MEDIA_TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """
    What a page plays and says; each URL is one of this edge, because pages may load no other.

    A ``problem`` is told instead of playing. ``seconds`` is the length, if it is known.
    """

    url: str
    title: str
    artist: str | None = None
    cover_url: str | None = None
    seconds: float | None = None
    problem: str | None = None


def hls_page(stream: Stream, assets: PlayerAssets | None, *, status: int = 200) -> Response:
    """Answer with the player of a multivariant or media playlist; *assets* are Video.js."""
    return _page(stream, assets, HLS_MEDIA_TYPE, status)


def dash_page(stream: Stream, assets: PlayerAssets | None, *, status: int = 200) -> Response:
    """Answer with the player of an MPD; *assets* are dash.js."""
    return _page(stream, assets, DASH_MEDIA_TYPE, status)


def _page(stream: Stream, assets: PlayerAssets | None, media_type: str, status: int) -> Response:
    return page(
        "player.html",
        status=status,
        embeddable=True,
        facts=stream,
        assets=assets,
        stream_url=stream.url,
        stream_type=media_type,
        file_url=None,
        cover_url=stream.cover_url,
    )
