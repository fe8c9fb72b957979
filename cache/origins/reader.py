"""
Reading one version of a file behind HTTP, by ranges.

Whether the bytes still belong to that version is checked on every answer, since origins change
under a reader that lives for minutes. Origins that ignore ranges are read once into a temporary
file, up to a limit: decoders jump, and a new download for each jump would be worse.
"""

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import BinaryIO

from cache.origins.fetch import Answer, Fetcher
from cache.ranged import RangedReader
from cache.readahead import ReadAhead
from cache.source import SourceChanged, SourceMissing, SourceProblem, SourceUnreachable

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)\Z")

# An origin that forbids a file does not serve it, which is all that matters here.
ABSENT = frozenset((401, 403, 404, 410))


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteVersion:
    """How an HTTP origin tells one version of a file from another (RFC 9110 section 8.8)."""

    etag: str | None
    """As the origin spells it, quotes and ``W/`` included."""

    last_modified: str | None
    size_bytes: int

    @property
    def name(self) -> str:
        """
        Return a text that changes with the version.

        An origin that sends neither tag nor time is known by size alone: replacing a file by
        one of the same length goes unnoticed there.
        """
        telling = [self.etag] if self.strong_etag else [self.etag, self.last_modified]
        text = repr([*telling, self.size_bytes])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def strong_etag(self) -> str | None:
        """Return the tag if it promises the same bytes, None otherwise."""
        return self.etag if self.etag is not None and not self.etag.startswith("W/") else None

    def contradicted_by(self, headers: Mapping[str, str]) -> bool:
        """Tell whether an answer with these *headers* is about another version."""
        etag = headers.get("ETag")
        if self.etag is not None and etag is not None:
            return self.etag.removeprefix("W/") != etag.removeprefix("W/")
        last_modified = headers.get("Last-Modified")
        return None not in (self.last_modified, last_modified) and (
            self.last_modified != last_modified
        )


class HttpReader(RangedReader):
    """Random access to a file; raises what ``Fetcher`` does, too."""

    def __init__(
        self,
        fetcher: Fetcher,
        url: str,
        version: RemoteVersion,
        *,
        ahead: ReadAhead,
        spool_bytes: int,
        on_gone: Callable[[], object],
    ) -> None:
        """
        Prepare to read.

        Args:
            ahead: What of it is held already, and goes on being held.

            spool_bytes: Longest file to download whole, when the origin ignores ranges.

            on_gone: Called when the origin turns out to have lost or replaced the version.
        """
        super().__init__(ahead, on_gone=on_gone)
        self._fetcher = fetcher
        self._url = url
        self._version = version
        self._spool_bytes = spool_bytes
        self._limits = replace(fetcher.limits, max_bytes=version.size_bytes)
        self._spool: BinaryIO | None = None

    async def aclose(self) -> None:
        """Drop what is held in memory and on disk."""
        await super().aclose()
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.close()

    async def _piece(self, offset: int, end: int) -> bytes:
        if self._spool is None:
            piece = await super()._piece(offset, end)
        if self._spool is not None:
            return await asyncio.to_thread(os.pread, self._spool.fileno(), end - offset, offset)
        return piece

    async def _asked(self, offset: int, until: int) -> bytes:
        """Ask for a block; an origin that ignores ranges fills the spool, and none comes."""
        headers = {"Range": f"bytes={offset}-{until - 1}"}
        if self._version.strong_etag is not None:
            headers["If-Range"] = self._version.strong_etag
        async with self._fetcher.request(
            "GET", self._url, headers=headers, limits=self._limits
        ) as answer:
            match answer.status:
                case 206:
                    return await self._part(answer, offset, until)
                case 200:
                    return await self._whole(answer, offset, until)
                case _:
                    raise self._problem(answer.status)

    async def _part(self, answer: Answer, offset: int, end: int) -> bytes:
        fields = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
        if fields is None or int(fields[1]) != offset or not offset <= int(fields[2]) < end:
            raise SourceUnreachable(f"{answer.url_shown}: answered another range than asked")
        total = self.size_bytes if fields[3] == "*" else int(fields[3])
        if self._version.contradicted_by(answer.headers) or total != self.size_bytes:
            raise SourceChanged(answer.url_shown)
        return await _take(answer, int(fields[2]) + 1 - offset)

    async def _whole(self, answer: Answer, offset: int, end: int) -> bytes:
        size_bytes = self.size_bytes if answer.size_bytes is None else answer.size_bytes
        if self._version.contradicted_by(answer.headers) or size_bytes != self.size_bytes:
            raise SourceChanged(answer.url_shown)
        if self.size_bytes <= self._spool_bytes:
            self._spool = await self._spooled(answer)
            return b""
        if offset == 0:
            return await _take(answer, end)
        raise SourceUnreachable(
            f"{answer.url_shown}: the origin ignores ranges, and {self.size_bytes} bytes are more "
            f"than the {self._spool_bytes} that may be kept on disk"
        )

    async def _spooled(self, answer: Answer) -> BinaryIO:
        spool = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # The caller keeps it open.
        try:
            received = 0
            async with aclosing(answer.blocks()) as blocks:
                async for block in blocks:
                    await asyncio.to_thread(spool.write, block)
                    received += len(block)
            if received != self.size_bytes:
                raise SourceChanged(answer.url_shown)
        except BaseException:
            spool.close()
            raise
        return spool

    def _problem(self, status: int) -> SourceProblem:
        if status in ABSENT:
            return SourceMissing(self._url)
        # 412 and 416: the conditions or the range fit another version of the file.
        if status in (412, 416):
            return SourceChanged(self._url)
        return SourceUnreachable(f"{self._url}: status {status}")


async def _take(answer: Answer, length: int) -> bytes:
    """Read *length* bytes of the body, leaving the rest."""
    taken = bytearray()
    async with aclosing(answer.blocks()) as blocks:
        async for block in blocks:
            taken += block
            if len(taken) >= length:
                return bytes(taken[:length])
    raise SourceUnreachable(f"{answer.url_shown}: the body is shorter than its header says")
