"""
An account's files as sources of sound: those that are one file, and those that a playlist lists.

To whoever decodes, a stream in a thousand segments is one source, whose version changes with the
playlist and with each file that it names. Everywhere else a playlist is a file like any other.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote

from cache.origins.joined import JoinedReader, Piece
from cache.singleflight import SingleFlight
from cache.source import Reader, SourceChanged, SourceObject, read_whole
from edge.library.files import Files
from edge.library.playlists import MOST_BYTES, Folder, Stretch, bad, is_playlist, read

# Finding out the sizes of an hour's segments takes hundreds of requests, so for this long a stream
# is believed to be as it was found. Each segment is read in the version found, or not at all.
_BELIEVED_SECONDS = 60.0
_REMEMBERED_PIECES = 100_000
_FINDS_AT_ONCE = 16

# Where folders without a URL are, for references to resolve against; no other host is called so.
_NOWHERE = "http://folder.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream:
    source: SourceObject
    pieces: tuple[Piece, ...]
    found: float
    """When, in seconds of the clock."""


class Sounds:
    """The shelf that filling takes its sources from."""

    def __init__(self, files: Files, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._files = files
        self._clock = clock
        self._streams: OrderedDict[tuple[str, SourceObject], _Stream] = OrderedDict()
        self._flights: SingleFlight[_Stream] = SingleFlight()

    async def find(self, account: str, path: str) -> SourceObject | None:
        """
        Describe the source at *path*, or ``None`` if the account has none.

        Raises:
            UnsupportedMedia: It is a playlist that is not read here; ``bad_playlist``.
            SourceProblem: It cannot be read now.
        """
        source = await self._files.find(account, path)
        if source is None or not is_playlist(path):
            return source
        return (await self._stream(account, source)).source

    async def open(self, account: str, source: SourceObject) -> Reader:
        """Open the version that ``find`` described; raises as ``find`` and as the origin."""
        if not is_playlist(source.path):
            return await self._files.open(account, source)
        playlist = await self._files.find(account, source.path)
        if playlist is None:
            raise SourceChanged(source.path)
        stream = await self._stream(account, playlist)
        if stream.source != source:
            raise SourceChanged(source.path)
        return JoinedReader(stream.pieces, lambda piece: self._files.open(account, piece))

    async def _stream(self, account: str, playlist: SourceObject) -> _Stream:
        key = account, playlist
        known = self._streams.get(key)
        if known is not None and self._clock() - known.found < _BELIEVED_SECONDS:
            self._streams.move_to_end(key)
            return known

        async def follow() -> _Stream:
            stream = await self._follow(account, playlist)
            self._remember(key, stream)
            return stream

        return await self._flights.do(f"{account} {playlist}", follow)

    def _remember(self, key: tuple[str, SourceObject], stream: _Stream) -> None:
        self._streams[key] = stream
        self._streams.move_to_end(key)
        held = sum(len(each.pieces) for each in self._streams.values())
        while held > _REMEMBERED_PIECES and len(self._streams) > 1:
            held -= len(self._streams.popitem(last=False)[1].pieces)

    async def _follow(self, account: str, playlist: SourceObject) -> _Stream:
        parent = playlist.path.rpartition("/")[0] + "/"
        address = self._files.address(account, playlist.path)
        url = address.rpartition("/")[0] + "/" if address else _NOWHERE + quote(parent)
        folder = Folder(path=parent, url=url)
        media = playlist
        listed = await self._read(account, playlist, folder)
        if isinstance(listed, str):
            child = await self._files.find(account, listed)
            if child is None:
                raise bad(f"The playlist names {listed}, which does not exist.")
            media = child
            listed = await self._read(account, child, folder)
            if isinstance(listed, str):
                raise bad("The multivariant playlist leads to another multivariant playlist.")
        pieces = await self._find_all(account, listed)
        told = [(piece.source.version, piece.offset, piece.length) for piece in pieces]
        version = repr((playlist.version, media.version, told))
        described = replace(
            playlist,
            version=hashlib.sha256(version.encode()).hexdigest()[:32],
            size_bytes=sum(piece.length for piece in pieces),
        )
        return _Stream(source=described, pieces=pieces, found=self._clock())

    async def _read(
        self, account: str, playlist: SourceObject, folder: Folder
    ) -> str | tuple[Stretch, ...]:
        if playlist.size_bytes > MOST_BYTES:
            raise bad(f"The playlist is larger than {MOST_BYTES} bytes.")
        reader = await self._files.open(account, playlist)
        try:
            content = await read_whole(reader, MOST_BYTES)
        finally:
            await reader.aclose()
        text = content.decode("utf-8-sig", "replace")
        return await asyncio.to_thread(read, text, playlist.path, folder)

    async def _find_all(self, account: str, listed: tuple[Stretch, ...]) -> tuple[Piece, ...]:
        gate = asyncio.Semaphore(_FINDS_AT_ONCE)
        paths = tuple(dict.fromkeys(stretch.path for stretch in listed))
        found: dict[str, SourceObject] = {}

        async def find(path: str) -> None:
            async with gate:
                source = await self._files.find(account, path)
            if source is None:
                raise bad(f"The playlist names {path}, which does not exist.")
            found[path] = source

        try:
            async with asyncio.TaskGroup() as group:
                for path in paths:
                    group.create_task(find(path))
        except BaseExceptionGroup as problems:
            # The first failure cancels the others.
            raise problems.exceptions[0] from None
        return tuple(_piece(found[stretch.path], stretch) for stretch in listed)

    async def aclose(self) -> None:
        """Stop what is being looked up."""
        await self._flights.aclose()


def _piece(source: SourceObject, stretch: Stretch) -> Piece:
    length = source.size_bytes - stretch.offset if stretch.length is None else stretch.length
    if length < 0 or stretch.offset + length > source.size_bytes:
        raise bad(f"The playlist names bytes of {source.path} that lie past its end.")
    return Piece(source=source, offset=stretch.offset, length=length)
