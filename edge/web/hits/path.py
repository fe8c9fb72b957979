"""
The hit path: an ASGI application in front of all others, which gives what is kept and still holds.

It is plain ASGI and asks nothing of the server. A server that asks it first (``at_once``) saves
itself a task and a scope for each answer from memory, which is most of what such an answer costs:
uvicorn alone takes 30 microseconds of a core for one, nginx 7.
"""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cache.source import Reader
from edge.records.problems import RecordsAway
from edge.web.delivery.files import FileDelivery
from edge.web.hits.hit import Fields, Lent, Ready
from edge.web.hits.store import Hits
from edge.web.hits.timings import ALLOW_ORIGIN, NAME, Timings, begin
from edge.web.problems import CatchAll
from transforms import grammar

_METHODS = ("GET", "HEAD")
# A database that says nothing holds nobody up for longer who could be answered without it.
_PATIENCE_SECONDS = 2.0
_BEGUN = "edge.hits.begun"


class HitPath:
    """Answers hits, and passes everything else on."""

    def __init__(self, inner: ASGIApp, hits: Hits) -> None:
        """Prepare; what *inner*, which leads the long way, raises is answered here."""
        self._inner = inner
        self._hits = hits
        self._long_way = CatchAll(self._go)
        # Somebody has to hold what is left on its way.
        self._left: set[asyncio.Future[None]] = set()

    def at_once(self, method: bytes, target: bytes, fields: Fields) -> Ready | None:
        """
        Answer a request whose head is all there is of it, if nothing needs to be waited for.

        Args:
            target: As it came in the request line.

            fields: Those of the request, names in lower case.

        Returns:
            None if the request has to be made in the ordinary way.
        """
        if method == b"GET":
            return self._hits.at_once("GET", target, fields)
        return self._hits.at_once("HEAD", target, fields) if method == b"HEAD" else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what is kept, or let the long way find the answer."""
        if scope["type"] != "http" or not is_account_path(scope):
            await self._long_way(scope, receive, send)
            return
        timings = begin(scope, "hit")
        method = scope["method"]
        found = None
        if method in _METHODS:
            found = await self._hits.find(method, target_of(scope), scope["headers"])
        match found:
            case Ready():
                await _send(found, timings, send)
            case Lent():
                await _send_lent(found, scope, receive, timings.sending(send))
            case None:
                timings.enter("plan")
                await self._long_way(scope, receive, timings.sending(send))

    async def _go(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go the long way; where it is barred by the records being away, a hit will do."""
        doubted = None
        if scope["type"] == "http" and scope["method"] in _METHODS:
            doubted = self._hits.doubted(target_of(scope), scope["headers"])
        scope[_BEGUN] = self._hits.moment
        try:
            if doubted is None:
                await self._inner(scope, receive, send)
            elif await self._outrun(scope, receive, send):
                return
        except RecordsAway:
            # Now that it is known, what was not to be believed any longer will do.
            found = await self._kept(scope)
            if found is None:
                raise
            await _give(found, scope, receive, send)
        except Exception:
            self._hits.drop(doubted)
            raise
        else:
            # It has not come to the same answer.
            if doubted is not None and doubted.doubted:
                self._hits.drop(doubted)

    async def _outrun(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Go the long way, and tell whether it took so long that a hit was given instead."""
        answering = asyncio.Event()

        async def send_noting(message: Message) -> None:
            answering.set()
            await send(message)

        going = asyncio.ensure_future(self._inner(scope, receive, send_noting))
        try:
            await asyncio.wait({going}, timeout=_PATIENCE_SECONDS)
            found = None if going.done() or answering.is_set() else await self._kept(scope)
            if found is not None and not going.done() and not answering.is_set():
                # It says nothing any more. Nobody waits for its end: a database that is silent
                # is so for that, too.
                self._leave(going)
                await _give(found, scope, receive, send)
                return True
            if isinstance(found, Lent):
                await found.reader.aclose()
            await going
            return False
        finally:
            if not going.done():
                self._leave(going)

    def _leave(self, going: asyncio.Future[None]) -> None:
        """Give up a request on the long way."""
        self._left.add(going)
        going.add_done_callback(self._forget)
        going.cancel()

    def _forget(self, left: asyncio.Future[None]) -> None:
        """Let go of one that has ended, whatever it has to say of that."""
        self._left.discard(left)
        if not left.cancelled():
            left.exception()

    async def _kept(self, scope: Scope) -> Ready | Lent | None:
        """Find what a request can be answered from what is kept."""
        if scope["type"] != "http" or scope["method"] not in _METHODS:
            return None
        return await self._hits.find(scope["method"], target_of(scope), scope["headers"])

    def close(self) -> None:
        """Forget all that is kept, and close its files."""
        self._hits.close()


def is_account_path(scope: Scope) -> bool:
    """Tell whether a request is for an account's files, and not for the router."""
    pieces = scope["raw_path"].decode("latin-1").split("/", 2)
    return len(pieces) == 3 and grammar.is_account(pieces[1])


def begun(scope: Scope) -> int:
    """Tell the moment of the hits at which a request took the long way."""
    moment: int = scope[_BEGUN]
    return moment


def target_of(scope: Scope) -> bytes:
    """Spell the target of a request as its request line did."""
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path


async def _give(found: Ready | Lent, scope: Scope, receive: Receive, send: Send) -> None:
    """Send what is kept by way of those who add the timings."""
    if isinstance(found, Lent):
        await _send_lent(found, scope, receive, send)
        return
    fields = [field for field in found.fields if field != ALLOW_ORIGIN]
    await send({"type": "http.response.start", "status": found.status, "headers": fields})
    await send({"type": "http.response.body", "body": found.body})


async def _send(ready: Ready, timings: Timings, send: Send) -> None:
    fields = [*ready.fields, (NAME, timings.header())]
    await send({"type": "http.response.start", "status": ready.status, "headers": fields})
    await send({"type": "http.response.body", "body": ready.body})


async def _send_lent(lent: Lent, scope: Scope, receive: Receive, send: Send) -> None:
    reader = lent.reader

    async def open_reader() -> Reader:
        return reader

    try:
        delivery = FileDelivery(representation=lent.representation, open_reader=open_reader)
        await CatchAll(delivery)(scope, receive, send)
    finally:
        await reader.aclose()
