"""
The answers that are made in memory: JSON, pages, preflights, and the headers all answers share.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec
from starlette.responses import Response

NO_STORE: Final = "no-store"

COMMON_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "X-Content-Type-Options": "nosniff",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": (
            "Accept-Ranges, Content-Length, Content-Range, Content-Disposition, ETag, "
            "Last-Modified, Location, Preference-Applied, Retry-After, Server-Timing"
        ),
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
)

# The fields of a request on which it depends what a client may see.
CREDENTIAL_FIELDS: Final = (
    "Authorization, Authorization-Token, Cookie, Stream-Public-Key, Stream-Secret-Key"
)

READ_METHODS: Final = ("GET", "HEAD", "OPTIONS")

_REQUEST_HEADERS: Final = (
    "Authorization, Authorization-Token, Cache-Control, Content-Range, Content-Type, If-Match, "
    "If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Prefer, Range, "
    "Stream-Public-Key, Stream-Secret-Key, X-Upload-Metadata"
)

# Chromium keeps a preflight for two hours at most, Firefox for a day.
_PREFLIGHT_SECONDS: Final = 86_400


def json_response(
    content: object,
    *,
    status: int = 200,
    cache_control: str = NO_STORE,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """
    Answer with compact UTF-8 JSON.

    Args:
        content: Anything msgspec encodes, dataclasses included.

        headers: Added to, or in place of, the common ones.
    """
    return Response(
        msgspec.json.encode(content),
        status_code=status,
        media_type="application/json",
        headers={**COMMON_HEADERS, "Cache-Control": cache_control, **(headers or {})},
    )


def new_nonce() -> str:
    """Make the value that lets one page's own scripts and styles run."""
    return secrets.token_urlsafe(16)


def html_response(
    markup: str,
    *,
    nonce: str,
    status: int = 200,
    cache_control: str = NO_STORE,
    embeddable: bool = False,
) -> Response:
    """
    Answer with a page whose scripts and styles run only if they carry *nonce*.

    Args:
        markup: The document, escaped already.

        nonce: From ``new_nonce``, for this answer only.

        embeddable: Let other sites show the page in a frame, as players are.
    """
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            f"style-src 'nonce-{nonce}'",
            "img-src 'self' data:",
            # Video.js brings its icons in its style sheet.
            "font-src 'self' data:",
            "connect-src 'self'",
            # Players feed the audio element through Media Source Extensions, from a worker.
            "media-src 'self' blob:",
            "worker-src 'self' blob:",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors *" if embeddable else "frame-ancestors 'none'",
        )
    )
    return Response(
        markup,
        status_code=status,
        media_type="text/html",
        headers={
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "same-origin",
            "Cache-Control": cache_control,
        },
    )


def preflight_response(methods: Sequence[str] = READ_METHODS) -> Response:
    """Answer a CORS preflight, or any other OPTIONS request, for a resource with *methods*."""
    allowed = ", ".join(methods)
    return Response(
        status_code=204,
        headers={
            **COMMON_HEADERS,
            "Allow": allowed,
            "Access-Control-Allow-Methods": allowed,
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
        },
    )
