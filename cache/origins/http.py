"""
A folder on somebody's web server as an origin.

A file is known by HEAD and read by ranges. What the origin said is believed for a while, then
asked again conditionally.
"""

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from cache.origins.beliefs import Beliefs
from cache.origins.fetch import Answer, Fetcher
from cache.origins.paths import inside, join, segments
from cache.origins.reader import ABSENT, HttpReader, RemoteVersion
from cache.origins.urls import admit
from cache.readahead import Leftovers
from cache.source import SourceChanged, SourceMissing, SourceObject, SourceUnreachable

# Some servers know no HEAD, and say so with either of these.
_NO_HEAD = frozenset((405, 501))
_TOTAL = re.compile(r"bytes (?:[0-9]+-[0-9]+|\*)/([0-9]{1,18})\Z")


class HttpFolder:
    """Serves the files below *base_url* under *mount*."""

    def __init__(
        self,
        base_url: str,
        mount: str,
        fetcher: Fetcher,
        ttl_seconds: float,
        *,
        missing_seconds: float = 5,
        stale_seconds: float = 3600,
        spool_bytes: int = 256 << 20,
        remembered: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Prepare the folder; nothing is asked before the first find.

        Args:
            ttl_seconds: How long a file is believed to be unchanged.

            missing_seconds: How long a file is believed to be missing.

            stale_seconds: How long past *ttl_seconds* an answer serves while the origin fails.

            spool_bytes: Longest file to download whole when the origin ignores ranges.

            remembered: Files kept in memory.

        Raises:
            SourceForbidden: *base_url* may not be fetched at all.

            ValueError: *base_url* has a query.
        """
        url = admit(base_url)
        if url.raw_query_string:
            raise ValueError(f"{base_url!r}: files cannot be below a query")
        self._base_url = str(url).rstrip("/")
        self._mount = mount
        self._fetcher = fetcher
        self._spool_bytes = spool_bytes
        self._leftovers = Leftovers(clock=clock)
        self._beliefs: Beliefs[RemoteVersion] = Beliefs(
            lambda url, known: _describe(fetcher, url, known),
            ttl_seconds=ttl_seconds,
            missing_seconds=missing_seconds,
            stale_seconds=stale_seconds,
            remembered=remembered,
            clock=clock,
        )

    async def find(self, path: str, query: str = "") -> SourceObject | None:
        """
        Describe the file at *path*, from memory while that is fresh.

        Args:
            query: What to ask for it with, percent-encoded; with another, it is another file.

        Raises:
            SourceUnreachable: The origin failed, and there is no answer left to go by.

            SourceForbidden: It leads where this edge may not go.
        """
        if segments(path) is None:
            return None
        version = await self._beliefs.version(self._asked_for(path, query))
        return None if version is None else self._described(path, query, version)

    def address(self, path: str) -> str:
        """Return the URL of the file at *path*, percent-encoded."""
        return self._base_url + quote(path, safe="/")

    async def open(self, source: SourceObject) -> HttpReader:
        """
        Prepare to read the version that *source* names; it is asked for again only if unknown.

        Raises:
            SourceMissing, SourceChanged: The origin has lost or replaced it.

            SourceUnreachable, SourceForbidden: It cannot be asked for.
        """
        path = inside(self._mount, source.path)
        if path is None or segments(path) is None:
            raise SourceMissing(source.path)
        url = self._asked_for(path, source.query)
        version = self._beliefs.believed(url)
        if version is None or version.name != source.version:
            version = await self._beliefs.asked(url)
        if version is None:
            raise SourceMissing(source.path)
        if version.name != source.version:
            raise SourceChanged(source.path)
        return HttpReader(
            self._fetcher,
            url,
            version,
            ahead=self._leftovers.ahead_of(f"{version.name} {url}", version.size_bytes),
            spool_bytes=self._spool_bytes,
            # Whoever asks next need not fail for as long as the old answer would be believed.
            on_gone=lambda: self._beliefs.forget(url),
        )

    def _asked_for(self, path: str, query: str) -> str:
        return f"{self.address(path)}?{query}" if query else self.address(path)

    def _described(self, path: str, query: str, version: RemoteVersion) -> SourceObject:
        return SourceObject(
            path=join(self._mount, path),
            mount=self._mount,
            version=version.name,
            size_bytes=version.size_bytes,
            modified_ms=_modified_ms(version.last_modified),
            query=query,
        )


async def _describe(
    fetcher: Fetcher, url: str, known: RemoteVersion | None
) -> RemoteVersion | None:
    """Ask for the version of the file at *url*, None when there is no such file."""
    conditions = _conditions(known)
    async with fetcher.request("HEAD", url, headers=conditions) as answer:
        if answer.status == 304 and known is not None:
            return known
        if answer.status == 200 and answer.size_bytes is not None:
            return _version_of(answer.headers, answer.size_bytes)
        if answer.status not in (200, *_NO_HEAD):
            _check_absent(answer)
            return None
    ranged = {**conditions, "Range": "bytes=0-0"}
    async with fetcher.request("GET", url, headers=ranged) as answer:
        if answer.status == 304 and known is not None:
            return known
        if answer.status not in (200, 206, 416):
            _check_absent(answer)
            return None
        size_bytes = answer.size_bytes if answer.status == 200 else _total(answer.headers)
        if size_bytes is None:
            raise SourceUnreachable(f"{answer.url_shown}: the origin does not say how long it is")
        return _version_of(answer.headers, size_bytes)


def _conditions(known: RemoteVersion | None) -> dict[str, str]:
    if known is None:
        return {}
    if known.etag is not None:
        return {"If-None-Match": known.etag}
    return {} if known.last_modified is None else {"If-Modified-Since": known.last_modified}


def _check_absent(answer: Answer) -> None:
    """Accept an answer that says there is no such file; raise when it leaves that open."""
    if answer.status not in ABSENT:
        raise SourceUnreachable(f"{answer.url_shown}: status {answer.status}")


def _version_of(headers: Mapping[str, str], size_bytes: int) -> RemoteVersion:
    return RemoteVersion(
        etag=headers.get("ETag"),
        last_modified=headers.get("Last-Modified"),
        size_bytes=size_bytes,
    )


def _total(headers: Mapping[str, str]) -> int | None:
    fields = _TOTAL.match(headers.get("Content-Range", ""))
    return None if fields is None else int(fields[1])


def _modified_ms(last_modified: str | None) -> int | None:
    if last_modified is None:
        return None
    try:
        moment = parsedate_to_datetime(last_modified)
    except (ValueError, TypeError):
        return None
    # A date in "-0000" has no zone; HTTP dates are in UTC (RFC 9110 section 5.6.7).
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
