"""
The door of delivery: an ASGI answer that copies a file's bytes to its client.

Starlette's file response opens paths; these bytes may as well come from another host, so they
are asked for through a reader, and never faster than the client takes them.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from starlette.types import Receive, Scope, Send

from cache.source import Reader
from edge.web import problems
from edge.web.delivery.answer import Answer, Representation, decide
from edge.web.delivery.conditional import read_conditions
from edge.web.delivery.ranges import ByteRange
from edge.web.responses import READ_METHODS

# What one slow client holds in memory; below 64 KiB a call per chunk costs more than its bytes.
CHUNK_BYTES: Final = 128 * 1024


class BodyCutShort(Exception):
    """The source ended before its stated size; the connection must not look complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDelivery:
    """
    Answer a GET or HEAD with a file, a part of it, or the reason why not.

    An instance is an ASGI application and can be returned from any Starlette endpoint. The
    reader is opened only when bytes are to be sent, and is closed whatever happens then. The
    first bytes are read before the status is sent, so that a source which fails at once is
    still answered with its own problem.
    """

    representation: Representation
    open_reader: Callable[[], Awaitable[Reader]]

    kept_bytes: int = 0
    """What ``open_reader`` has in memory, if that is where its bytes are."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; raise what the reader raises."""
        method = scope["method"]
        if method not in ("GET", "HEAD"):
            refusal = problems.problem_response(problems.method_not_allowed(READ_METHODS))
            await refusal(scope, receive, send)
            return
        answer = decide(
            method,
            read_conditions(scope["headers"]),
            self.representation,
            boundary=new_boundary,
        )
        if method == "HEAD" or not answer.copies:
            await _send_literal(answer, send, with_body=method != "HEAD")
            return
        reader = await self.open_reader()
        try:
            await _send_copy(answer, reader, receive, send)
        finally:
            await reader.aclose()


def new_boundary() -> str:
    """Make a separator that is in no file."""
    return secrets.token_hex(16)


async def _send_literal(answer: Answer, send: Send, *, with_body: bool) -> None:
    await _send_head(answer, send)
    literal = b"".join(piece for piece in answer.body if isinstance(piece, bytes))
    await send({"type": "http.response.body", "body": literal if with_body else b""})


async def _send_copy(answer: Answer, reader: Reader, receive: Receive, send: Send) -> None:
    """Send the body portion by portion, each read only after the one before was taken."""
    portions = _portions(answer)
    chunk = await _load(next(portions), reader)
    await _send_head(answer, send)
    remaining_bytes = answer.length_bytes - len(chunk)
    await send({"type": "http.response.body", "body": chunk, "more_body": remaining_bytes > 0})
    if not remaining_bytes:
        return
    with _watching(receive) as client_left:
        for portion in portions:
            if client_left():
                return
            chunk = await _load(portion, reader)
            remaining_bytes -= len(chunk)
            more_body = remaining_bytes > 0
            await send({"type": "http.response.body", "body": chunk, "more_body": more_body})


async def _send_head(answer: Answer, send: Send) -> None:
    headers = as_fields(answer.headers)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})


def as_fields(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Spell headers as ASGI sends them."""
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
    ]


def _portions(answer: Answer) -> Iterator[bytes | ByteRange]:
    """List the body again, with no range longer than ``CHUNK_BYTES``."""
    for piece in answer.body:
        if isinstance(piece, bytes):
            yield piece
            continue
        for start in range(piece.start, piece.stop, CHUNK_BYTES):
            yield ByteRange(start=start, stop=min(start + CHUNK_BYTES, piece.stop))


async def _load(portion: bytes | ByteRange, reader: Reader) -> bytes:
    if isinstance(portion, bytes):
        return portion
    chunk = await reader.read_at(portion.start, portion.length)
    if len(chunk) != portion.length:
        raise BodyCutShort(f"{len(chunk)} of {portion.length} bytes came from {portion.start} on")
    return chunk


@contextmanager
def _watching(receive: Receive) -> Iterator[Callable[[], bool]]:
    """
    Notice when the client goes away.

    uvicorn swallows what is sent to a closed connection, so without this a client that leaves
    after the first second of a ten-hour file would have all of it read for nothing.
    """

    async def until_disconnect() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    watch = asyncio.create_task(until_disconnect())
    try:
        yield watch.done
    finally:
        watch.cancel()
