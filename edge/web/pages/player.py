"""
The page behind ``f=html-aac``: a player for one transform, to share or to embed.

Nothing is made until somebody presses play: the page asks for the transform as a file then, and
plays it when it is there.
"""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from edge.web.pages.render import page
from transforms import canonical
from transforms.formats import Format
from transforms.planner import TransformUrl


def player_page(url: TransformUrl) -> Response:
    """Answer with the player of a transform, embeddable anywhere."""
    first = replace(url.plan.variants[0], real_time=None)
    file = replace(url.plan, format=Format.M4A, variants=(first,))
    return page(
        "player.html",
        embeddable=True,
        title=url.url.path.rpartition("/")[2],
        file_url=canonical.spell(file),
    )
