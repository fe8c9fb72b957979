"""A folder of files, and the hits of it under a clock that tests set."""

from __future__ import annotations

import os
from pathlib import Path

from cache.origins.folder import Folder
from cache.origins.mounts import Mounts
from cache.source import Reader, SourceObject
from edge.library.files import Files
from edge.web.delivery.answer import Representation
from edge.web.delivery.caching import for_ever
from edge.web.delivery.content import content_of
from edge.web.delivery.files import FileDelivery
from edge.web.hits.gate import Gate, Terms
from edge.web.hits.ground import Ground
from edge.web.hits.hit import Lent, Ready
from edge.web.hits.store import (
    Hits,
)
from tests.support.ears import Ears

ACCOUNT = "W142hJk"


EVERYBODY = Terms(expires_ms=None)


class Clock:
    """Seconds and milliseconds, set by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def now_ms(self) -> int:
        return int(self.seconds * 1000)


class Shelf:
    """A folder of files and the hits of it."""

    def __init__(self, root: Path, *, local: bool = True, **limits: int) -> None:
        self.root = root
        self.clock = Clock()
        self.hearing = Ears()
        self.files = Files({ACCOUNT: Mounts({"/": Folder(root, "/")})})
        self.hits = Hits(
            files=self.files,
            folders={(ACCOUNT, "/"): root} if local else {},
            gate=Gate(self.clock),
            hearing=self.hearing,
            most_bytes=limits.pop("most_bytes", 64 << 20),
            clock=self.clock,
            **limits,
        )
        self.opened = 0

    async def note(self, name: str, since: int | None = None) -> SourceObject:
        """Do what the long way does for a raw file."""
        since = self.hits.moment if since is None else since
        source = await self.files.find(ACCOUNT, f"/{name}")
        assert source is not None

        async def open_reader() -> Reader:
            self.opened += 1
            return await self.files.open(ACCOUNT, source)

        delivery = FileDelivery(
            representation=Representation(
                size_bytes=source.size_bytes,
                etag=source.etag,
                modified_ms=source.modified_ms,
                content=content_of(source.path),
                cache=for_ever(shared=True),
            ),
            open_reader=open_reader,
        )
        ground = Ground(account=ACCOUNT, sources=(source,), terms=EVERYBODY)
        self.hits.note(target(name), delivery, ground, since=since)
        return source

    async def find(self, name: str) -> Ready | Lent | None:
        return await self.hits.find("GET", target(name), [])

    async def make(self, name: str, size_bytes: int) -> bytes:
        content = os.urandom(size_bytes)
        (self.root / name).write_bytes(content)
        await self.note(name)
        return content

    async def lent(self, name: str) -> Reader:
        found = await self.find(name)
        assert isinstance(found, Lent)
        return found.reader


def target(name: str) -> bytes:
    return f"/{ACCOUNT}/raw/{name}".encode()
