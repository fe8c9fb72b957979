"""Bodies of requests: as they come, whole, or as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from edge.web import problems

MOST_JSON_BYTES: Final = 1 << 16

# Who uploads over a bad line is silent for a while; who holds connections is for ever.
SILENCE_SECONDS: Final = 60.0

_Body = TypeVar("_Body")


def refuse_nul(request: Request) -> None:
    """
    Refuse a request whose path or query has a NUL in it, which no database and no file can have.

    Raises:
        Problem: It has.
    """
    scope = request.scope
    if b"%00" in scope.get("raw_path", b"") or b"%00" in scope.get("query_string", b""):
        raise problems.bad_request("The URL has a NUL character (%00) in it.")


async def pieces_of(request: Request) -> AsyncIterator[bytes]:
    """
    Yield a request's body as it comes.

    Raises:
        ClientDisconnect: The client has gone before its end.
        TimeoutError: It has said nothing for ``SILENCE_SECONDS``.
    """
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        yield piece


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """
    Yield a request's body as it comes.

    Raises:
        Problem: The client has gone, or fallen silent, before its end.
    """
    try:
        async for piece in pieces_of(request):
            yield piece
    except ClientDisconnect:
        raise problems.bad_request("The body ended before its end.") from None
    except TimeoutError:
        raise problems.too_slow(
            f"No byte of the body has come for {SILENCE_SECONDS:g} s."
        ) from None


async def whole_body_of(request: Request, *, most_bytes: int = MOST_JSON_BYTES) -> bytes:
    """
    Read a request's body.

    Raises:
        Problem: It is too long, or the client has gone before its end.
    """
    body = bytearray()
    async for piece in body_of(request):
        body += piece
        if len(body) > most_bytes:
            raise problems.too_large(f"The body is larger than {most_bytes} bytes.")
    return bytes(body)


async def json_of(request: Request, kind: type[_Body]) -> _Body:
    """
    Read a request's body as JSON of a kind.

    Raises:
        Problem: It is too long, or not what it should be.
    """
    return decoded(await whole_body_of(request), kind)


def decoded(text: str | bytes, kind: type[_Body]) -> _Body:
    """Read JSON; raises as ``json_of``."""
    nul = b"\\u0000" in text if isinstance(text, bytes) else "\\u0000" in text
    if nul:
        raise problems.bad_request("The body has a NUL character (\\u0000) in it.")
    try:
        return msgspec.json.decode(text, type=kind)
    except RecursionError:
        raise problems.bad_request("The body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as mistake:
        raise problems.bad_request(f"The body is not what it should be: {mistake}.") from mistake
