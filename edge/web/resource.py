"""Paths of an API as ASGI applications, which refuse as their door does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cache.artifacts import ArtifactMissing
from edge.web import problems
from edge.web.bodies import refuse_nul
from edge.web.problems import CatchAll
from edge.web.responses import preflight_response

_READING = ("GET", "HEAD")

Endpoint: TypeAlias = Callable[[Request], Awaitable[ASGIApp]]

Refusing: TypeAlias = Callable[[Request, Exception], Response]
"""Tells whatever an endpoint raises in a door's own envelope."""


class Resource:
    """
    One path, with an endpoint for each method; without any, there is nothing at the path.

    An instance is no function, so Starlette hands it the methods that it does not answer, too.
    """

    def __init__(
        self, refusing: Refusing, endpoints: Mapping[str, Endpoint], *, head: bool = True
    ) -> None:
        """
        Prepare.

        Args:
            head: Answer HEAD as GET, whose body is not sent; not for a GET that changes something.
        """
        self._refusing = refusing
        self._head = head
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what goes wrong before the answer has begun is told instead of it."""
        request = Request(scope, receive)
        telling = CatchAll(self._answered, lambda _, exception: self._refusing(request, exception))
        await telling(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            await (await self.answer(request))(scope, receive, send)
        except ArtifactMissing:
            if request.method not in _READING:
                raise
            # It was evicted after its receipt was read, and nothing of it has been sent yet: asked
            # once more, it is made again.
            await (await self.answer(request))(scope, receive, send)

    async def answer(self, request: Request) -> ASGIApp:
        """Answer a request; raises what is to be told."""
        refuse_nul(request)
        if not self._endpoints:
            raise problems.not_found(f"There is no endpoint {request.url.path}.")
        if request.method == "OPTIONS":
            return preflight_response((*self._endpoints, "OPTIONS"))
        return await self.dispatch(request, request.method)

    async def dispatch(self, request: Request, method: str) -> ASGIApp:
        """Let the endpoint of a method answer."""
        endpoint = self._endpoints.get(method)
        if endpoint is None and method == "HEAD" and self._head:
            endpoint = self._endpoints.get("GET")
        if endpoint is None:
            raise problems.method_not_allowed(self._endpoints)
        return await endpoint(request)


def subject_of(request: Request) -> str:
    """Spell what was asked for, for the log: without its query, which may hold a signature."""
    return f"{request.method} {request.url.path}"
