"""
The HTTP of tus 1.0.0, resumable uploads (https://tus.io/protocols/resumable-upload).

What clients say in headers becomes nouns here, what they are answered becomes responses; where
the bytes go is the door's matter. Served beside the core: creation, creation-with-upload,
termination, expiration and checksum. There are Python packages that serve tus, each with a
framework's routes and files of its own; neither fits a store that is not a folder.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from edge.web import problems
from edge.web.bodies import pieces_of
from edge.web.problems import Problem
from edge.web.responses import COMMON_HEADERS, NO_STORE, preflight_response

VERSION: Final = "1.0.0"
EXTENSIONS: Final = (
    "creation",
    "creation-with-upload",
    "termination",
    "expiration",
    "checksum",
)
CHECKSUM_ALGORITHMS: Final = ("sha1", "sha256", "md5")

METHODS: Final = ("POST", "HEAD", "PATCH", "DELETE", "OPTIONS")

_BODY_TYPE: Final = "application/offset+octet-stream"
_MOST_DIGITS: Final = 18
# "The key MUST NOT contain spaces and commas and MUST NOT be empty."
_METADATA: Final = re.compile(r"([!-+\--~]+)(?: +([A-Za-z0-9+/=]*))?")
_SHOWN_HEADERS: Final = (
    "Tus-Resumable, Tus-Version, Tus-Max-Size, Tus-Extension, Tus-Checksum-Algorithm, "
    "Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires, X-Audio-Id"
)
_ASKED_HEADERS: Final = (
    "Tus-Resumable, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Checksum, "
    "X-HTTP-Method-Override"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """What the bytes of one request have to hash to."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """
    An upload that is wished for.

    ``metadata_header`` is what HEAD has to tell again; ``has_body`` whether bytes follow at once.
    """

    size_bytes: int
    metadata: Mapping[str, str]
    metadata_header: str | None
    has_body: bool
    checksum: Checksum | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """Bytes that follow those that are there."""

    offset: int
    checksum: Checksum | None


def method_of(request: Request) -> str:
    """Tell the method; behind proxies that let few pass, a header names the one that is meant."""
    return request.headers.get("x-http-method-override", request.method).upper()


async def spoken(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """
    Answer a request in this protocol's version, refusals included.

    Raises:
        Problem: As *answer* does; or the client speaks another version (412).
    """
    try:
        if request.headers.get("tus-resumable") != VERSION:
            raise Problem(
                412,
                "unsupported_version",
                f"This speaks tus {VERSION}; say so with the header Tus-Resumable: {VERSION}.",
                headers={"Tus-Version": VERSION},
            )
        response = await answer(request)
    except Problem as problem:
        raise _marked(problem) from problem
    response.headers.update(_headers())
    return response


def creation_of(request: Request, *, most_bytes: int) -> Creation:
    """
    Read the request that begins an upload.

    Raises:
        Problem: It does not say how long the file is, or that it is too long (413).
    """
    headers = request.headers
    if "upload-defer-length" in headers or "upload-length" not in headers:
        raise problems.bad_request("Upload-Length has to say how many bytes the file has.")
    if "upload-concat" in headers:
        raise problems.bad_request("Upload-Concat is of an extension that is not served here.")
    size_bytes = _number(headers["upload-length"], "Upload-Length")
    if size_bytes > most_bytes:
        raise problems.too_large(
            f"A file has up to {most_bytes} bytes.", mostBytes=most_bytes, sizeBytes=size_bytes
        )
    header = headers.get("upload-metadata")
    has_body = _has_body(request)
    if has_body:
        _check_type(request)
    return Creation(
        size_bytes=size_bytes,
        metadata=_metadata(header) if header else {},
        metadata_header=header or None,
        has_body=has_body,
        checksum=_checksum(headers.get("upload-checksum")),
    )


def continuation_of(request: Request, *, offset: int, size_bytes: int) -> Continuation:
    """
    Read the request that goes on with an upload which has *offset* of *size_bytes*.

    Raises:
        Problem: It goes on elsewhere (409), past the end (413), or is of another type (415).
    """
    _check_type(request)
    headers = request.headers
    if "upload-offset" not in headers:
        raise problems.bad_request("Upload-Offset has to say where the bytes belong.")
    if (given := _number(headers["upload-offset"], "Upload-Offset")) != offset:
        raise problems.conflict(
            f"The upload has {offset} bytes, so it goes on there and not at {given}.",
            offset=offset,
        )
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > size_bytes - offset:
        raise problems.too_large(
            f"The upload misses {size_bytes - offset} bytes, and {length} were sent.",
            mostBytes=size_bytes - offset,
        )
    return Continuation(offset=offset, checksum=_checksum(headers.get("upload-checksum")))


async def bytes_of(request: Request, checksum: Checksum | None) -> AsyncGenerator[bytes, None]:
    """
    Yield a body as it comes; if the client goes away or falls silent, what came before counts.

    Raises:
        Problem: With a *checksum*: the body is not what it says (460), or not all of it (400).
    """
    hashed = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
    try:
        async for piece in pieces_of(request):
            if hashed is not None:
                hashed.update(piece)
            if piece:
                yield piece
    except (ClientDisconnect, TimeoutError):
        if checksum is None:
            return
        raise problems.bad_request("The body ended before its end.") from None
    if checksum is not None and hashed is not None and hashed.digest() != checksum.digest:
        raise Problem(460, "checksum_mismatch", "The bytes are not those that were hashed.")


def options_response(*, most_bytes: int) -> Response:
    """Tell what is served here, to a client of the protocol as to a browser's preflight."""
    response = preflight_response(METHODS)
    response.headers.update(_headers())
    asked = response.headers["Access-Control-Allow-Headers"]
    response.headers.update(
        {
            "Access-Control-Allow-Headers": f"{asked}, {_ASKED_HEADERS}",
            "Tus-Version": VERSION,
            "Tus-Max-Size": str(most_bytes),
            "Tus-Extension": ",".join(EXTENSIONS),
            "Tus-Checksum-Algorithm": ",".join(CHECKSUM_ALGORITHMS),
        }
    )
    return response


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """
    How far an upload is.

    It is given up at ``expires_ms``, since the Unix epoch, unless it is complete; ``made`` is the
    id of what it has become then.
    """

    offset: int
    expires_ms: int | None = None
    made: str | None = None


def created_response(location: str, standing: Standing) -> Response:
    """Say where an upload goes on, and how much of it came along."""
    return _response(201, {"Location": location, **_told(standing)})


def progress_response(
    standing: Standing, *, size_bytes: int, metadata_header: str | None
) -> Response:
    """Tell how much of an upload is there."""
    headers = {} if metadata_header is None else {"Upload-Metadata": metadata_header}
    return _response(200, {"Upload-Length": str(size_bytes), **_told(standing), **headers})


def continued_response(standing: Standing) -> Response:
    """Say how much is there now."""
    return _response(204, _told(standing))


def terminated_response() -> Response:
    """Say that an upload is forgotten."""
    return _response(204, {})


def _response(status: int, headers: Mapping[str, str]) -> Response:
    common = {**COMMON_HEADERS, "Cache-Control": NO_STORE}
    return Response(status_code=status, headers={**common, **headers})


def _told(standing: Standing) -> dict[str, str]:
    headers = {"Upload-Offset": str(standing.offset)}
    if standing.made is not None:
        headers["X-Audio-Id"] = standing.made
    elif standing.expires_ms is not None:
        headers["Upload-Expires"] = formatdate(standing.expires_ms / 1000, usegmt=True)
    return headers


def _headers() -> dict[str, str]:
    shown = COMMON_HEADERS["Access-Control-Expose-Headers"]
    return {
        "Tus-Resumable": VERSION,
        "Access-Control-Expose-Headers": f"{shown}, {_SHOWN_HEADERS}",
    }


def _marked(problem: Problem) -> Problem:
    return Problem(
        problem.status,
        problem.code,
        problem.message,
        details=problem.details,
        headers={**problem.headers, **_headers()},
    )


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get(
        "content-length", "0"
    ) not in ("", "0")


def _check_type(request: Request) -> None:
    kind = request.headers.get("content-type")
    if kind != _BODY_TYPE:
        raise Problem(
            415,
            "unsupported_type",
            f"The bytes of an upload are sent with Content-Type: {_BODY_TYPE}.",
            details={"contentType": kind},
        )


def _number(text: str, header: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise problems.bad_request(f"{header} is a number of bytes, and not {text[:40]!r}.")
    return int(text)


def _metadata(header: str) -> dict[str, str]:
    metadata: dict[str, str] = {}
    for pair in header.split(","):
        found = _METADATA.fullmatch(pair.strip(" "))
        if found is None:
            raise problems.bad_request(
                f"Upload-Metadata is pairs of a key and its value in Base64, not {pair[:80]!r}."
            )
        key, encoded = found[1], found[2] or ""
        if key in metadata:
            raise problems.bad_request(f"Upload-Metadata has the key {key!r} twice.")
        try:
            metadata[key] = b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as mistake:
            raise problems.bad_request(
                f"Upload-Metadata: the value of {key!r} is not UTF-8 in Base64."
            ) from mistake
    return metadata


def _checksum(header: str | None) -> Checksum | None:
    if header is None:
        return None
    algorithm, _, encoded = header.partition(" ")
    if algorithm not in CHECKSUM_ALGORITHMS:
        raise problems.bad_request(
            f"Upload-Checksum can be {', '.join(CHECKSUM_ALGORITHMS)}, not {algorithm[:40]!r}."
        )
    try:
        return Checksum(algorithm=algorithm, digest=b64decode(encoded, validate=True))
    except binascii.Error as mistake:
        raise problems.bad_request("Upload-Checksum is not Base64.") from mistake
