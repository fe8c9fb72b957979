"""
Texts held in memory, delivered like files: validators, ranges, HEAD, and gzip where asked for.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cached_property

from starlette.datastructures import Headers
from starlette.types import Scope

from cache.source import Reader
from edge.web.delivery.answer import Representation
from edge.web.delivery.caching import CachePolicy
from edge.web.delivery.content import Content
from edge.web.delivery.files import FileDelivery

_QUALITY = re.compile(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*", re.ASCII | re.IGNORECASE)


class Text:
    """A text in up to two codings, each made when it is first asked for."""

    def __init__(self, text: str, *, media_type: str) -> None:
        self._plain = text.encode()
        self._media_type = media_type

    def delivery(self, scope: Scope, cache: CachePolicy) -> FileDelivery:
        """Answer a request with the text, compressed if the request's headers allow it."""
        packed = accepts_gzip(Headers(scope=scope).get("accept-encoding", ""))
        content = self._packed if packed else self._plain

        async def open_reader() -> Reader:
            return _TextReader(content)

        coding = {"Content-Encoding": "gzip"} if packed else {}
        return FileDelivery(
            representation=Representation(
                size_bytes=len(content),
                etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
                modified_ms=None,
                content=Content(media_type=self._media_type),
                cache=cache,
                extra_headers={"Vary": "Accept-Encoding", **coding},
            ),
            open_reader=open_reader,
            kept_bytes=len(self._plain) + (len(content) if packed else 0),
        )

    @cached_property
    def _packed(self) -> bytes:
        # Without a time in it, equal texts have equal entity tags.
        return gzip.compress(self._plain, mtime=0)


def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an ``Accept-Encoding`` field allows gzip (RFC 9110, 12.5.3)."""
    qualities: dict[str, float] = {}
    for offer in accept_encoding.split(","):
        coding, _, parameter = offer.partition(";")
        found = _QUALITY.fullmatch(parameter)
        qualities[coding.strip().lower()] = float(found[1]) if found else 1.0
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


class _TextReader:
    """A text as a reader of bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size_bytes(self) -> int:
        return len(self._content)

    async def read_at(self, offset: int, length: int) -> bytes:
        return self._content[offset : offset + length]

    def fileno(self) -> int | None:
        return None

    async def aclose(self) -> None:
        """Give nothing back: there is no descriptor."""
