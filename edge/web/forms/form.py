"""
A request's form as a door reads it: field after field, in the order they were sent.

    async for part in form_of(request, Limits(most_file_bytes=…)):
        match part:
            case TextField():
                texts[part.name] = part.value
            case FilePart():
                async with storage.receiving(part, …) as received:
                    …

Nothing is read from the connection that is not asked for, so a client sends as fast as its file
is taken. A file that is not taken, or not to its end, is passed over by asking for the next part.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

from starlette.requests import ClientDisconnect, Request

from edge.web.bodies import pieces_of
from edge.web.forms.heads import Head
from edge.web.forms.mistakes import unsupported
from edge.web.forms.parser import (
    Event,
    FileBegan,
    FileBytes,
    FileEnded,
    FormParser,
    Limits,
    TextField,
    boundary_of,
    too_long,
)
from edge.web.problems import Problem


class FilePart:
    """A file that is on its way; iterating it takes its bytes, once, as they come."""

    def __init__(self, head: Head, take: Callable[[FilePart], Awaitable[bytes | None]]) -> None:
        self.name = head.name
        self.filename = head.filename
        self.content_type = head.content_type
        self._take = take

    def __aiter__(self) -> FilePart:
        return self

    async def __anext__(self) -> bytes:
        """
        Wait for some more bytes.

        Raises:
            Problem: The form turns out to be malformed or too long.
            RuntimeError: The form has been read on, so these bytes are gone.
        """
        content = await self._take(self)
        if content is None:
            raise StopAsyncIteration
        return content


Part: TypeAlias = TextField | FilePart


class Form:
    """A form that is on its way; iterating it gives its parts, once, in their order."""

    def __init__(self, pieces: AsyncIterator[bytes], parser: FormParser) -> None:
        self._pieces = pieces
        self._parser = parser
        self._events: deque[Event] = deque()
        self._failure: Problem | None = None
        self._open: FilePart | None = None
        self._taken: FilePart | None = None

    def __aiter__(self) -> Form:
        return self

    async def __anext__(self) -> Part:
        """
        Wait for the next part; raises as ``FilePart``.

        A text comes whole, a file as soon as its head is there.
        """
        while (event := await self._event()) is not None:
            match event:
                case TextField():
                    return event
                case FileBegan():
                    self._open = FilePart(event.head, self._take)
                    return self._open
                case FileBytes() | FileEnded():
                    self._open = None
        raise StopAsyncIteration

    async def texts(self) -> tuple[TextField, ...]:
        """Read all that is left, passing over files."""
        return tuple([part async for part in self if isinstance(part, TextField)])

    async def _take(self, part: FilePart) -> bytes | None:
        if part is self._taken:
            return None
        if part is not self._open:
            raise RuntimeError(f"the form was read on before its file {part.name!r} was taken")
        match await self._event():
            case FileBytes(content=content):
                return content
            case _:
                self._open, self._taken = None, part
                return None

    async def _event(self) -> Event | None:
        """Wait for the next event, None after the last; what went wrong once stays wrong."""
        while not self._events:
            if self._failure is not None:
                raise self._failure
            if self._parser.ended:
                return None
            try:
                piece = await anext(self._pieces, None)
                if piece is None:
                    self._parser.end()
                else:
                    # What came before a mistake stays, and is told before it.
                    self._events.extend(self._parser.events(piece))
            except Problem as problem:
                self._failure = problem
        return self._events.popleft()


def form_of(request: Request, limits: Limits) -> Form:
    """
    Begin to read a request's body as a form.

    Raises:
        Problem: It is no form (415), has no boundary (400), or is announced as too long (413).
    """
    headers = request.headers
    boundary = boundary_of(headers.get("content-type"))
    if (encoding := headers.get("content-encoding", "identity").strip().lower()) != "identity":
        raise unsupported(f"The body is compressed as {encoding!r}; send it as it is.")
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.most_body_bytes:
        raise too_long(limits)
    return Form(_pieces(request), FormParser(boundary, limits))


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """Yield the body until it ends or the client is gone; which it was, the form's end tells."""
    try:
        async for piece in pieces_of(request):
            yield piece
    except (ClientDisconnect, TimeoutError):
        return
