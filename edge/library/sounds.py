"""
An account's files as sources of sound: those that are one file, and those that a playlist lists.

To whoever decodes, a stream in a thousand segments is one source, whose version changes with the
playlist and with each file that it names. Everywhere else a playlist is a file like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from cache.origins.joined import JoinedReader, Piece
from cache.singleflight import SingleFlight
from cache.source import Reader, SourceChanged, SourceObject, read_whole
from edge.library.access import Locating, Seen, Viewer
from edge.library.files import Files
from edge.library.playlists import MOST_BYTES, Folder, Place, Stretch, is_playlist, read
from edge.library.tags import bad
from transforms.problems import UnsupportedMedia

# Finding out the sizes of an hour's segments takes hundreds of requests, so for this long a stream
# is believed to be as it was found. Each segment is read in the version found, or not at all.
_BELIEVED_SECONDS = 60.0
_REMEMBERED_PIECES = 100_000
# So long a stream is believed to lack what it lacked, as a folder of a web server is.
_MISSED_SECONDS = 5.0
_REMEMBERED_REFUSALS = 1_000
_FINDS_AT_ONCE = 16

# By what sounds are asked for.
_API = "audio"

# Where folders without a URL are, for references to resolve against; no other host is called so.
_NOWHERE = "http://folder.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream:
    source: SourceObject
    listed: tuple[SourceObject, ...]
    """The files that the playlist leads to, which are not all seen by whoever sees it."""

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
        self._refusals = _Refusals(clock)
        # While one is read, whoever asks for something else is answered between its steps.
        self._reading = asyncio.Semaphore(1)

    async def find(self, account: str, path: str) -> SourceObject | None:
        """
        Describe the source at *path*, or ``None`` if the account has none.

        Raises:
            UnsupportedMedia: It is a playlist that is not read here; ``bad_playlist``.
            SourceProblem: It cannot be read now.
        """
        return await self._find(self._files, account, path)

    def seen_by(self, viewer: Viewer) -> SeenSounds:
        """Return the shelf as *viewer* sees it."""
        return SeenSounds(self, Seen(files=self._files, viewer=viewer, api=_API))

    async def open(self, account: str, source: SourceObject) -> Reader:
        """Open the version that ``find`` described; raises as ``find`` and as the origin."""
        if not is_playlist(source.path):
            return await self._files.open(account, source)
        playlist = await self._files.find(account, source.path)
        if playlist is None:
            raise SourceChanged(source.path)
        stream = await self._stream(self._files, account, playlist)
        if stream.source != source:
            raise SourceChanged(source.path)
        return JoinedReader(stream.pieces, lambda piece: self._files.open(account, piece))

    async def _find(self, files: Locating, account: str, path: str) -> SourceObject | None:
        source = await files.find(account, path)
        if source is None or not is_playlist(path):
            return source
        return (await self._stream(files, account, source)).source

    async def _stream(self, files: Locating, account: str, playlist: SourceObject) -> _Stream:
        key = account, playlist
        known = self._streams.get(key)
        if known is not None and self._clock() - known.found < _BELIEVED_SECONDS:
            self._streams.move_to_end(key)
            hidden = (each for each in known.listed if not _shows(files, account, each))
            if (first := next(hidden, None)) is not None:
                raise _missing(first.path)
            return known

        # What others may see must not answer for this one, nor what this one may not for others.
        asked = f"{account} {playlist} {files!r}"
        self._refusals.repeat(asked)

        async def follow() -> _Stream:
            with self._refusals.noted(asked, _MISSED_SECONDS):
                stream = await self._follow(files, account, playlist)
            self._remember(key, stream)
            return stream

        return await self._flights.do(asked, follow)

    def _remember(self, key: tuple[str, SourceObject], stream: _Stream) -> None:
        self._streams[key] = stream
        self._streams.move_to_end(key)
        held = sum(len(each.pieces) for each in self._streams.values())
        while held > _REMEMBERED_PIECES and len(self._streams) > 1:
            held -= len(self._streams.popitem(last=False)[1].pieces)

    async def _follow(self, files: Locating, account: str, playlist: SourceObject) -> _Stream:
        parent = playlist.path.rpartition("/")[0] + "/"
        address = self._files.address(account, playlist.path)
        url = address.rpartition("/")[0] + "/" if address else _NOWHERE + quote(parent)
        folder = Folder(path=parent, url=url)
        media = playlist
        listed = await self._read(account, playlist, folder)
        if isinstance(listed, Place):
            child = await files.find(account, listed.path, listed.query)
            if child is None:
                raise _missing(listed.path)
            media = child
            listed = await self._read(account, child, folder)
            if isinstance(listed, Place):
                raise bad("The multivariant playlist leads to another multivariant playlist.")
        pieces = await self._find_all(files, account, listed)
        leads_to = (media, *dict.fromkeys(piece.source for piece in pieces))
        public = all(file.is_public_by(_API) for file in leads_to)
        told = [(piece.source.version, piece.offset, piece.length) for piece in pieces]
        apart = [number for number, piece in enumerate(pieces) if number and piece.apart]
        version = repr((playlist.version, media.version, told, *apart))
        described = replace(
            playlist,
            version=hashlib.sha256(version.encode()).hexdigest()[:32],
            size_bytes=sum(piece.length for piece in pieces),
            grants=playlist.grants if public else (),
        )
        return _Stream(source=described, listed=leads_to, pieces=pieces, found=self._clock())

    async def _read(
        self, account: str, playlist: SourceObject, folder: Folder
    ) -> Place | tuple[Stretch, ...]:
        """Read a playlist, or refuse it as this version of it was refused before."""
        if playlist.size_bytes > MOST_BYTES:
            raise bad(f"The playlist is larger than {MOST_BYTES} bytes.")
        version = f"{account} {playlist}"
        self._refusals.repeat(version)
        reader = await self._files.open(account, playlist)
        try:
            content = await read_whole(reader, MOST_BYTES)
        finally:
            await reader.aclose()
        with self._refusals.noted(version, math.inf):
            async with self._reading:
                return await asyncio.to_thread(read, content, playlist.path, folder)

    async def _find_all(
        self, files: Locating, account: str, listed: tuple[Stretch, ...]
    ) -> tuple[Piece, ...]:
        gate = asyncio.Semaphore(_FINDS_AT_ONCE)
        named: dict[str, dict[Place, None]] = {}
        for stretch in listed:
            named.setdefault(stretch.place.path, {})[stretch.place] = None
        found: dict[Place, SourceObject] = {}

        async def find(place: Place) -> SourceObject:
            async with gate:
                source = await files.find(account, place.path, place.query)
            if source is None:
                raise _missing(place.path)
            found[place] = source
            return source

        async def find_all(first: Place, *others: Place) -> None:
            source = await find(first)
            for other in others:
                # Where nobody is asked with a query, the file is the same with any.
                if source.query == first.query:
                    group.create_task(find(other))
                else:
                    found[other] = source

        try:
            async with asyncio.TaskGroup() as group:
                for places in named.values():
                    # The first is one with a query, if there is any, to see what becomes of it.
                    group.create_task(find_all(*sorted(places, key=lambda each: not each.query)))
        except BaseExceptionGroup as problems:
            # The first failure cancels the others.
            raise problems.exceptions[0] from None
        return tuple(_piece(found[stretch.place], stretch) for stretch in listed)

    async def aclose(self) -> None:
        """Stop what is being looked up."""
        await self._flights.aclose()


class _Refusals:
    """What was said of playlists that are not read, so that nobody has it found out again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def repeat(self, asked: str) -> None:
        """Refuse what was refused, as long as that holds."""
        until, message = self._said.get(asked, (0.0, ""))
        if self._clock() < until:
            self._said.move_to_end(asked)
            raise bad(message)

    @contextlib.contextmanager
    def noted(self, asked: str, seconds: float) -> Iterator[None]:
        """Note a refusal, which then holds for so long."""
        try:
            yield
        except UnsupportedMedia as problem:
            self._said[asked] = self._clock() + seconds, problem.message
            if len(self._said) > _REMEMBERED_REFUSALS:
                self._said.popitem(last=False)
            raise


class SeenSounds:
    """The shelf as one viewer sees it."""

    def __init__(self, sounds: Sounds, seen: Seen) -> None:
        self._sounds = sounds
        self._seen = seen

    async def find(self, account: str, path: str) -> SourceObject | None:
        """Describe the source at *path*, if the viewer may see it; raises as ``Sounds.find``."""
        return await self._sounds._find(self._seen, account, path)


def _shows(files: Locating, account: str, file: SourceObject) -> bool:
    return not isinstance(files, Seen) or files.shows(account, file)


def _missing(path: str) -> UnsupportedMedia:
    return bad(f"The playlist names {path}, which does not exist.")


def _piece(source: SourceObject, stretch: Stretch) -> Piece:
    length = source.size_bytes - stretch.offset if stretch.length is None else stretch.length
    if length < 0 or stretch.offset + length > source.size_bytes:
        raise bad(f"The playlist names bytes of {source.path} that lie past its end.")
    return Piece(source=source, offset=stretch.offset, length=length, apart=stretch.apart)
