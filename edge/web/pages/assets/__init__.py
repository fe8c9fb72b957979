"""
What the player page loads from here: Video.js, as npm installed it beside this file at set-up.

No other host is asked for anything. Where Node was missing at set-up there is nothing, and the
page plays a file with the browser's own controls.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from edge.web.delivery.caching import for_ever
from edge.web.delivery.text import Text
from edge.web.problems import not_found

_log = logging.getLogger(__name__)

_PACKAGE = Path(__file__).parent / "node_modules" / "video.js"
_FILES = {
    "video.min.js": "text/javascript; charset=utf-8",
    "video-js.min.css": "text/css; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerAssets:
    """Video.js, read once: *base* is the path that its files are served below."""

    base: str
    files: dict[str, Text]

    @property
    def script(self) -> str:
        """The path of the script."""
        return f"{self.base}/video.min.js"

    @property
    def style(self) -> str:
        """The path of the style sheet."""
        return f"{self.base}/video-js.min.css"

    def route(self) -> Route:
        """Serve the files; their path has the version in it, so they never change."""

        async def answer(request: Request) -> Response:
            text = self.files.get(request.path_params["name"])
            if text is None:
                raise not_found("There is no such file of the player.")
            return _Delivered(text)

        return Route(self.base + "/{name}", answer)


class _Delivered(Response):
    """A delivery as what a route returns."""

    def __init__(self, text: Text) -> None:
        super().__init__()
        self._text = text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._text.delivery(scope, for_ever(shared=True))(scope, receive, send)


def find_player(package: Path = _PACKAGE) -> PlayerAssets | None:
    """Read Video.js if it was installed; say so in the log if it was not."""
    try:
        version = json.loads((package / "package.json").read_text())["version"]
        files = {
            name: Text((package / "dist" / name).read_text(), media_type=media_type)
            for name, media_type in _FILES.items()
        }
    except FileNotFoundError:
        _log.warning(
            "Video.js is not installed (npm was missing at set-up): the player page plays a file "
            "with the browser's own controls"
        )
        return None
    return PlayerAssets(base=f"/assets/video.js/{version}", files=files)
