"""
AIOZ's upload of a part: a form with the part's bytes, its number and its MD5.

Which bytes of the file they are stands in ``Content-Range``; without it they are all of them.
Parts may come in any order, several at once and more than once, counted from 0 or from 1.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from edge.library.media.media import Media
from edge.library.paths import PathWish
from edge.library.playlists import is_playlist
from edge.library.storage import Received
from edge.library.uploads.intake import Intake, Wish
from edge.library.uploads.upload import Upload
from edge.web import problems
from edge.web.delivery.content import MEDIA_TYPES
from edge.web.forms.form import FilePart, form_of
from edge.web.forms.parser import Limits

MOST_PARTS: Final = 10_000

_RANGE: Final = re.compile(
    r"\s*bytes\s+(?P<first>\d{1,15})-(?P<last>\d{1,15})/(?P<size>\d{1,15})\s*",
    re.ASCII | re.IGNORECASE,
)
_MD5: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SOUNDS: Final = ("audio/", "video/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which bytes of a file a part has, as announced."""

    begin_bytes: int
    length_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Brought:
    """What came in the form; ``md5`` is of the bytes that came."""

    received: Received
    md5: str
    filename: str
    content_type: str | None


async def take_part(
    request: Request, media: Media, intake: Intake, *, most_file_bytes: int
) -> None:
    """
    Take a part of the file of media that have none yet.

    Raises:
        Problem: The form, the range, the number or the hash is wrong, or the file is there.
        StorageFull, BodyTooLong, WrongPart: As ``Intake`` says.
    """
    span = span_of(request.headers.get("content-range"), most_file_bytes=most_file_bytes)
    upload = await intake.rows.of_media(media.id)
    if media.file is not None or (upload is not None and upload.done):
        raise problems.conflict(
            "The upload of this media is complete, and its file cannot be changed; create another."
        )
    if span is not None:
        await intake.quota.check(media.account, 0 if upload else span.size_bytes)
    limits = Limits(most_file_bytes=span.length_bytes if span else most_file_bytes)
    texts: dict[str, str] = {}
    brought: _Brought | None = None
    async with AsyncExitStack() as stack:
        async for part in form_of(request, limits):
            if not isinstance(part, FilePart):
                texts[part.name] = part.value
                continue
            if part.name != "file":
                raise problems.bad_parameter(
                    part.name, f"The file has to be in the field 'file', not in {part.name!r}."
                )
            digest = hashlib.md5(usedforsecurity=False)
            receiving = intake.receiving(_hashed(part, digest), most_bytes=limits.most_file_bytes)
            received = await stack.enter_async_context(receiving)
            brought = _Brought(
                received=received,
                md5=digest.hexdigest(),
                filename=part.filename or "",
                content_type=part.content_type,
            )
        if brought is None:
            raise problems.bad_parameter("file", "The form has no file in a field 'file'.")
        number = _number(texts)
        _check_hash(texts, brought.md5)
        size = brought.received.size_bytes
        span = span or Span(begin_bytes=0, length_bytes=size, size_bytes=size)
        if size != span.length_bytes:
            raise problems.bad_parameter(
                "Content-Range",
                f"Content-Range tells of {span.length_bytes} bytes; {size} came in 'file'.",
            )
        upload = upload or await _begin(intake, media, span, brought)
        if upload.size_bytes != span.size_bytes:
            raise problems.conflict(
                f"The file was announced with {upload.size_bytes} bytes, and now with "
                f"{span.size_bytes}: every part but a whole file needs a Content-Range, with the "
                "size of the file at its end."
            )
        await intake.keep(upload, number, span.begin_bytes, brought.received)


def span_of(header: str | None, *, most_file_bytes: int) -> Span | None:
    """
    Read a ``Content-Range``; None if there is none.

    Raises:
        Problem: It is malformed, contradicts itself, or tells of a file that is too large.
    """
    if header is None:
        return None
    found = _RANGE.fullmatch(header)
    first, last, size = map(int, found.groups()) if found else (0, -1, 0)
    if not found or not first <= last < size:
        raise problems.bad_parameter(
            "Content-Range",
            f"Content-Range cannot be {header[:80]!r}: expected first and last byte and the size "
            "of the file, such as bytes 0-49999999/100000000.",
        )
    if size > most_file_bytes:
        raise problems.too_large(f"A file has at most {most_file_bytes} bytes; this has {size}.")
    return Span(begin_bytes=first, length_bytes=last - first + 1, size_bytes=size)


def path_of(media_id: str, filename: str) -> str:
    """Choose where the file of media is: by their id, with the extension of a kind of media."""
    extension = filename.rpartition(".")[2].lower()
    path = f"/media/{media_id}.{extension}"
    # What calls itself a playlist would be read as one, and lead to other files.
    kept = extension in MEDIA_TYPES and not is_playlist(path)
    return path if kept else path.rpartition(".")[0]


async def _begin(intake: Intake, media: Media, span: Span, brought: _Brought) -> Upload:
    told = brought.content_type or ""
    return await intake.begin(
        media.account,
        Wish(
            path=PathWish(whole=path_of(media.id, brought.filename)),
            size_bytes=span.size_bytes,
            # Clients that cut a file call its pieces anything.
            mime=told if told.startswith(_SOUNDS) else None,
            original_name=brought.filename[-255:] or None,
            media=media.id,
            overwrites=False,
        ),
        in_pieces=True,
    )


def _number(texts: dict[str, str]) -> int:
    text = texts.get("index", "").strip()
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > MOST_PARTS:
        raise problems.bad_parameter(
            "index",
            f"The field index cannot be {text[:80]!r}: expected the number of the part, from 0 to "
            f"{MOST_PARTS}.",
        )
    return int(text)


def _check_hash(texts: dict[str, str], md5: str) -> None:
    text = texts.get("hash", "").strip().lower()
    if not _MD5.fullmatch(text):
        raise problems.bad_parameter(
            "hash",
            f"The field hash cannot be {text[:80]!r}: expected the MD5 of the part's bytes, 32 "
            "hexadecimal digits.",
        )
    if text != md5:
        raise problems.bad_parameter(
            "hash", f"The part that came has the MD5 {md5}, and not {text}: send it again."
        )


async def _hashed(pieces: AsyncIterable[bytes], digest: hashlib._Hash) -> AsyncIterator[bytes]:
    async for piece in pieces:
        digest.update(piece)
        yield piece
