"""
AIOZ's shapes of media: what is known of them as JSON, in the order of its document.

    {"status": "success", "data": {…}}, or {"status": "fail", "message": "…"}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypedDict

from edge.library.media.qualities import Progress

# Any as everywhere in this module: the answers are nested JSON, which only the client reads.
Body = dict[str, Any]


class Pair(TypedDict):
    """A pair of key and value."""

    key: str
    value: str


def data_body(data: object) -> Body:
    """Put what was asked for into the envelope."""
    return {"status": "success", "data": data}


def created_body(data: object) -> Body:
    """The same for what was just created, where the document has the status last."""
    return {"data": data, "status": "success"}


def done_body(message: str) -> Body:
    """Say that something was done."""
    return {"status": "success", "message": message}


def failed_body(message: str) -> Body:
    """Say why something was not done."""
    return {"status": "fail", "message": message}


def list_body(found: Sequence[Progress], total: int, base_url: str) -> Body:
    """List media under the name that the document has, and under their own."""
    listed = [media_body(each, base_url) for each in found]
    return data_body({"videos": listed, "total": total, "media": listed})


def media_body(progress: Progress, base_url: str) -> Body:
    """Tell all of media, as when they are created and listed."""
    return _media(progress, base_url)


def detail_body(progress: Progress, base_url: str) -> Body:
    """Tell all of media but ``is_mp4`` and ``mp4_url``, which the document leaves out here."""
    body = _media(progress, base_url)
    del body["is_mp4"]
    del body["assets"]["mp4_url"]
    return body


def _media(progress: Progress, base_url: str) -> Body:
    media = progress.media
    file = media.file
    public = bool(file and file.grants) if media.public is None else media.public
    return {
        "id": media.id,
        "user_id": media.account,
        "type": "audio",
        "title": media.name,
        "description": media.description,
        "metadata": [_pair(*each) for each in media.metadata.items()] or None,
        "tags": list(media.tags) or None,
        "qualities": [
            {"name": quality.name, "status": status.value, "type": quality.protocol}
            for quality, status in zip(media.qualities, progress.qualities, strict=True)
        ],
        "captions": None,
        "chapters": None,
        "player_theme": None,
        "duration": media.duration_seconds or 0.0,
        "size": file.size_bytes if file else 0,
        "is_mp4": False,
        "is_public": public,
        "status": progress.status.value,
        "created_at": _moment(media.created_ms),
        "updated_at": _moment(media.updated_ms),
        "assets": _assets(media.id, base_url),
        "player_theme_id": media.player_theme or "",
    }


def _assets(media_id: str, base_url: str) -> dict[str, str]:
    media = f"{base_url}/api/media/{media_id}"
    hls, dash = (f"{base_url}/vod/{protocol}/{media_id}" for protocol in ("hls", "dash"))
    return {
        "source_url": f"{media}/source",
        "thumbnail_url": f"{media}/thumbnail?resolution=original",
        "hls_url": f"{media}/m3u8",
        "hls_iframe": _iframe(hls),
        "hls_player_url": hls,
        "dash_url": f"{media}/manifest",
        "dash_iframe": _iframe(dash),
        "dash_player_url": dash,
        "mp4_url": f"{media}/mp4",
    }


def _iframe(url: str) -> str:
    return (
        f'<iframe src="{url}" width="100%" height="100%" frameborder="0" scrolling="no" '
        'allowfullscreen="true"></iframe>'
    )


def _pair(key: str, value: object) -> Pair:
    """Other doors let values be any JSON."""
    return {"key": key, "value": value if isinstance(value, str) else json.dumps(value)}


def _moment(milliseconds: int) -> str:
    """Spell a moment as RFC 3339 has it."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
