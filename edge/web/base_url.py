"""
The base of the URLs that clients are told.

The configured one, always; only an installation that has none falls back to what the client
called it, and then only if that looks like a host. ``X-Forwarded-*`` is never believed: whoever
runs a proxy can say who they are in the settings.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import Scope

_HOST = re.compile(
    r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,252}))(:[0-9]{1,5})?", re.ASCII
)


class BaseUrl:
    """Knows where this edge is, as its clients see it."""

    def __init__(self, configured: str | None) -> None:
        self._configured = configured.rstrip("/") if configured else None

    def of(self, scope: Scope) -> str:
        """Return scheme and host for the answer to a request, without a slash at the end."""
        if self._configured is not None:
            return self._configured
        host = Headers(scope=scope).get("host", "")
        if not _HOST.fullmatch(host):
            address, port = scope.get("server") or ("localhost", None)
            host = f"{address}:{port}" if port else address
        return f"{scope['scheme']}://{host}"
