"""What all of MusicAPI's endpoints share: the bearer, JSON bodies, and the shape of a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cache.artifacts import ArtifactMissing
from cache.source import SourceProblem
from edge.accounts.scopes import Scope as KeyScope
from edge.fill.problems import FillProblem
from edge.ids import KeyKind
from edge.library.importing.store import TooManyImports
from edge.sandbox.problems import SandboxProblem
from edge.web import problems
from edge.web.auth import Auth
from edge.web.dialects.musicapi import wire
from edge.web.problems import Problem, problem_of
from edge.web.refusals import answer_to
from edge.web.responses import json_response, preflight_response

_MOST_JSON_BYTES = 1 << 16
_BUSY_RETRY_SECONDS = 5

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class Resource:
    """
    One path, with an endpoint for each method: an ASGI application that refuses as MusicAPI does.

    An instance is no function, so Starlette lets it have the methods that it does not answer, too.
    """

    def __init__(self, **endpoints: Endpoint) -> None:
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except Exception as exception:
            answer = refusal(problem_told(exception, f"{request.method} {request.url.path}"))
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return preflight_response((*self._endpoints, "OPTIONS"))
        method = "GET" if request.method == "HEAD" else request.method
        endpoint = self._endpoints.get(method)
        if endpoint is None:
            raise problems.method_not_allowed(self._endpoints)
        return await endpoint(request)


class Refused:
    """Whatever has no endpoint: *telling* gives the problem of a path, whatever the method."""

    def __init__(self, telling: Callable[[Request], Problem]) -> None:
        self._telling = telling

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request."""
        await refusal(self._telling(Request(scope)))(scope, receive, send)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Proves accounts by their secret keys."""

    auth: Auth

    async def account(self, request: Request, scope: KeyScope) -> str:
        """
        Return the account of a secret key that may be used for *scope*.

        Raises:
            Problem: 401 without a valid key, 403 for one that may not.
        """
        principal = await self.auth.principal(request)
        if principal is None:
            raise problems.unauthorized("This needs the account's secret key as a bearer token.")
        if principal.kind is not KeyKind.SECRET:
            raise problems.forbidden("This needs a secret key; the one given is public.")
        if scope not in principal.scopes:
            raise problems.forbidden(f"The key may not be used for this: it lacks {scope}.")
        return principal.account


async def fields_of(request: Request) -> dict[str, object]:
    """
    Read a request's body, a JSON object.

    Raises:
        Problem: It is too long, or no JSON object.
    """
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST_JSON_BYTES:
                raise problems.too_large(f"The body is larger than {_MOST_JSON_BYTES} bytes.")
    except ClientDisconnect:
        raise problems.bad_request("The body ended before its end.") from None
    return wire.fields_of(bytes(body))


def problem_told(exception: Exception, subject: str) -> Problem:
    """Find the problem in whatever an endpoint raises; *subject* is for the log."""
    match exception:
        case wire.BadField():
            return problems.bad_parameter(exception.name, str(exception))
        case wire.BadBody():
            return problems.bad_request(str(exception))
        case FillProblem() | SourceProblem() | SandboxProblem():
            return answer_to(exception)
        case TooManyImports():
            return problems.too_many(str(exception), retry_after_seconds=_BUSY_RETRY_SECONDS)
        case ArtifactMissing():
            return problems.unavailable("This is being made again.", retry_after_seconds=1)
        case _:
            return problem_of(exception, subject)


def refusal(problem: Problem) -> Response:
    """Answer with a problem."""
    status = wire.status_of(problem.status)
    return json_response(
        wire.refused_body(status, problem.message), status=status, headers=problem.headers
    )
