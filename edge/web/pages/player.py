"""
The page behind ``f=html-aac``: a player for one transform, to share or to embed.

Nothing is made until somebody presses play: the page asks for the real-time stream then. Where
Video.js is missing it asks for the same sound as a file, and plays that.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from starlette.responses import Response

from edge.fill.filler import Filler
from edge.fill.wanted import Wanted
from edge.sandbox.problems import DeadlineExceeded, MediaProblem, WorkerDied, ZygoteLost
from edge.web.children import Children
from edge.web.pages.assets import PlayerAssets
from edge.web.pages.render import page
from edge.web.refusals import answer_to
from transforms import canonical
from transforms.formats import HLS_MEDIA_TYPE, Format
from transforms.plan import Clip, Playlist, TransformPlan

# Tags are whatever somebody typed; a title is a line.
_LONGEST_TITLE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What the page says about the file."""

    title: str
    artist: str | None = None
    has_cover: bool = False
    seconds: float | None = None
    problem: str | None = None


async def player_page(
    filler: Filler,
    wanted: Wanted,
    assets: PlayerAssets | None,
    children: Children | None = None,
) -> Response:
    """
    Answer with the player of a transform, embeddable anywhere; *children* sign what it loads.

    A file that nothing can be made of is told on the page too, with the status of a refusal.

    Raises:
        TransformProblem: The plan does not fit its sources.
        SourceProblem: A source cannot be read now.
        ZygoteLost: Whether the file can be played cannot be known now.
    """
    plan = wanted.url.plan
    status = 200
    try:
        facts = await _facts(filler, wanted)
    except ZygoteLost:
        raise
    except (MediaProblem, WorkerDied, DeadlineExceeded) as refusal:
        problem = answer_to(refusal)
        status = problem.status
        facts = _Facts(title=_name(plan), problem=problem.message)
    stream = replace(plan, format=Format.HLS_AAC_RT)
    first = replace(plan.variants[0], real_time=None)
    file = replace(plan, format=Format.M4A, variants=(first,), container=None)
    cover = TransformPlan(
        account=plan.account,
        format=Format.COVER,
        clips=(Clip(path=plan.clips[0].path),),
        version=plan.version,
    )
    signed = str if children is None else children.path
    whole = "&playlist=full" if wanted.url.playlist is Playlist.FULL else ""
    return page(
        "player.html",
        status=status,
        embeddable=True,
        facts=facts,
        assets=assets,
        stream_url=signed(canonical.spell(stream) + whole),
        stream_type=HLS_MEDIA_TYPE,
        file_url=signed(canonical.spell(file)),
        cover_url=signed(canonical.spell(cover)) if facts.has_cover else None,
    )


async def _facts(filler: Filler, wanted: Wanted) -> _Facts:
    document = msgspec.json.decode(await filler.metadata(wanted), type=dict[str, Any])
    general: Mapping[str, Any] = document["tracks"][0]
    duration = (await filler.resolve(wanted)).duration
    return _Facts(
        title=_line(general.get("title")) or _name(wanted.url.plan),
        artist=_line(general.get("artist") or general.get("album_artist")),
        has_cover=bool(general.get("hasCover")),
        seconds=None if duration is None else round(float(duration), 3),
    )


def _name(plan: TransformPlan) -> str:
    name = plan.clips[0].path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _line(text: object) -> str | None:
    """Make one line of a tag: no control or formatting characters, and not too long."""
    if not isinstance(text, str):
        return None
    kept = "".join(c if unicodedata.category(c) not in ("Cc", "Cf") else " " for c in text)
    line = " ".join(kept.split())
    return line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1] + "…"
