"""
What a source is, who serves one, and what can go wrong with it.

Everything above this package asks three things of an origin: is the file there, which version of
it, and give me these bytes of exactly that version. The problems say which of them failed:

    SourceProblem
    ├── SourceMissing       there is no such file
    ├── SourceChanged       the file is there, the wanted version of it is not
    ├── SourceUnreachable   the origin did not answer properly; trying again later may help
    │   └── StoreAway       it is a bucket, in which this edge may keep things, too
    ├── SourceForbidden     asking is not allowed: address, port, scheme, redirects
    └── SourceTooLarge      the answer is longer than the caller's budget
"""

import hashlib
from dataclasses import dataclass
from typing import Protocol


class SourceProblem(Exception):
    """A source that could not be found or read; the text is fit to be shown to an operator."""


class SourceMissing(SourceProblem):
    """There is no such file."""


class SourceChanged(SourceProblem):
    """The version that was asked for is no longer there."""


class SourceUnreachable(SourceProblem):
    """The origin failed, timed out or contradicted itself; the same request may work later."""


class StoreAway(SourceUnreachable, OSError):
    """
    A bucket does not answer as it should.

    It is unreachable for those who read, and for those who write it is what a full disk is.
    """


class SourceForbidden(SourceProblem):
    """The request leads where this edge may not go; it never works later."""


class SourceTooLarge(SourceProblem):
    """The source is longer than the caller allowed."""


EVERYTHING = ("*",)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceObject:
    """One version of one file, as an origin described it."""

    path: str
    """The account's file path, decoded, such as ``/music/a b.mp3``."""

    mount: str
    """Prefix of the mount that answered: ``/`` or ``/ext``."""

    version: str
    """Changes when the bytes change; opaque, printable ASCII."""

    size_bytes: int

    modified_ms: int | None
    """Milliseconds since 1970, None when the origin does not say."""

    grants: tuple[str, ...] = EVERYTHING
    """What everybody may have of it: ``raw``, ``audio`` or a prefix before ``*``; () is private."""

    query: str = ""
    """What the origin is asked with, percent-encoded: whoever names a file may have to sign it."""

    def is_public_by(self, api: str) -> bool:
        """Tell whether everybody may have it by an API, such as ``raw``."""
        return any(
            api.startswith(grant[:-1]) if grant.endswith("*") else api == grant
            for grant in self.grants
        )

    @property
    def etag(self) -> str:
        """Return a strong entity tag for this version, quoted and ready for a header."""
        return f'"{hashlib.sha256(self.version.encode()).hexdigest()[:32]}"'


class Reader(Protocol):
    """Random access to the bytes of one version; whoever opened it closes it."""

    @property
    def size_bytes(self) -> int: ...

    async def read_at(self, offset: int, length: int) -> bytes:
        """
        Read *length* bytes from *offset*, fewer only where the source ends.

        Raises:
            SourceChanged: The bytes of this version can no longer be had.

            SourceUnreachable: The origin failed.
        """
        ...

    def fileno(self) -> int | None:
        """Return a descriptor that ``os.pread`` accepts, None when the bytes are elsewhere."""
        ...

    async def aclose(self) -> None:
        """Give back the descriptor or the connection; a second call does nothing."""
        ...


class Origin(Protocol):
    """A place where files live."""

    async def find(self, path: str, query: str = "") -> SourceObject | None:
        """
        Describe the file at *path*, which is relative to the mount and starts with a slash.

        Args:
            query: What to ask a web server with; elsewhere a file is the same whatever it says.

        Returns:
            None when there is no such file, or none that may be served.

        Raises:
            SourceUnreachable, SourceForbidden: Whether there is one cannot be known.
        """
        ...

    def address(self, path: str) -> str | None:
        """Tell the URL that the file at *path*, whether it is there or not, has at the origin."""
        ...

    async def open(self, source: SourceObject) -> Reader:
        """
        Open exactly the version that *source* names.

        Raises:
            SourceMissing, SourceChanged: It is gone.

            SourceUnreachable, SourceForbidden: It cannot be asked for.
        """
        ...


async def read_whole(reader: Reader, max_bytes: int) -> bytes:
    """
    Read all of *reader*, which is expected to be small.

    Raises:
        SourceTooLarge: It is longer than *max_bytes*.
    """
    if reader.size_bytes > max_bytes:
        raise SourceTooLarge(f"{reader.size_bytes} bytes, {max_bytes} allowed")
    return await reader.read_at(0, reader.size_bytes)
