"""
The tree of an account's files, put together from origins by path prefix.

The longest prefix decides alone: a file missing from ``/ext`` is missing, even if the folder at
``/`` has an ``ext/`` of its own. Otherwise an origin's outage would change what a URL means.
"""

from collections.abc import Mapping

from cache.origins.paths import inside, segments
from cache.source import Origin, Reader, SourceMissing, SourceObject


class Mounts:
    """Sends each path to the origin that answers for it."""

    def __init__(self, origins: Mapping[str, Origin]) -> None:
        for mount in origins:
            if mount != "/" and segments(mount) is None:
                raise ValueError(f"{mount!r} is no mount: expected / or a path such as /ext")
        self._origins = dict(sorted(origins.items(), key=lambda item: len(item[0]), reverse=True))

    async def find(self, path: str, query: str = "") -> SourceObject | None:
        """
        Describe the file at the account's *path*, asking a web server with *query*.

        Raises:
            SourceUnreachable, SourceForbidden: Its origin cannot be asked.
        """
        for mount, origin in self._origins.items():
            relative = inside(mount, path)
            if relative is not None:
                return await origin.find(relative, query)
        return None

    def address(self, path: str) -> str | None:
        """Tell the URL of the file at the account's *path* at its origin, if it has one there."""
        for mount, origin in self._origins.items():
            relative = inside(mount, path)
            if relative is not None:
                return origin.address(relative)
        return None

    async def open(self, source: SourceObject) -> Reader:
        """
        Open *source* at the origin it came from.

        Raises:
            SourceMissing: Its mount no longer exists, or the origin lost it.

            SourceChanged, SourceUnreachable, SourceForbidden: See the origin.
        """
        origin = self._origins.get(source.mount)
        if origin is None:
            raise SourceMissing(source.path)
        return await origin.open(source)
