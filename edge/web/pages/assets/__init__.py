"""
What the player pages load from here: Video.js and dash.js, as npm installed them at set-up.

No other host is asked for anything. Where Node was missing at set-up there is nothing, and the
pages play a file with the browser's own controls, if there is one.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from edge.web.delivery.caching import for_ever
from edge.web.delivery.text import Text
from edge.web.problems import not_found

_log = logging.getLogger(__name__)

_MODULES = Path(__file__).parent / "node_modules"
_MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerAssets:
    """
    A player's files, read once, by their names.

    *name* is what the player calls itself, *base* the path that its files are served below.
    """

    name: str
    base: str
    files: dict[str, Text]

    @property
    def script(self) -> str:
        """The path of the script."""
        return next(f"{self.base}/{name}" for name in self.files if name.endswith(".js"))

    @property
    def style(self) -> str | None:
        """The path of the style sheet, if the player has one."""
        return next((f"{self.base}/{name}" for name in self.files if name.endswith(".css")), None)

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


@cache
def find_player(package: Path = _MODULES / "video.js") -> PlayerAssets | None:
    """Read Video.js, which plays HLS, if it was installed; say so in the log if it was not."""
    return _found("Video.js", package, ("dist/video.min.js", "dist/video-js.min.css"))


@cache
def find_dash_player(package: Path = _MODULES / "dashjs") -> PlayerAssets | None:
    """Read dash.js, which plays DASH, if it was installed; say so in the log if it was not."""
    return _found("dash.js", package, ("dist/modern/umd/dash.mediaplayer.min.js",))


def _found(name: str, package: Path, paths: Sequence[str]) -> PlayerAssets | None:
    files = [package / path for path in paths]
    try:
        version = json.loads((package / "package.json").read_text())["version"]
        texts = {
            file.name: Text(file.read_text(), media_type=_MEDIA_TYPES[file.suffix])
            for file in files
        }
    except FileNotFoundError:
        _log.warning(
            "%s is not installed (npm was missing at set-up): its pages play a file with the "
            "browser's own controls, if there is one",
            name,
        )
        return None
    return PlayerAssets(name=name, base=f"/assets/{name.lower()}/{version}", files=texts)
