"""What all of AIOZ's endpoints share: credentials, JSON bodies, and the shape of a refusal."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cache.artifacts import ArtifactMissing
from cache.source import SourceProblem
from edge.accounts.principal import Principal
from edge.accounts.scopes import Scope as KeyScope
from edge.fill.problems import FillProblem
from edge.ids import KeyKind
from edge.library.catalogue.store import PathTaken
from edge.library.library import MediaGone
from edge.library.paths import BadPath
from edge.library.quota import StorageFull
from edge.library.storage import BodyTooLong
from edge.library.uploads.intake import WrongPart
from edge.library.uploads.store import PartTaken
from edge.sandbox.problems import SandboxProblem
from edge.web import problems
from edge.web.auth import Auth, read_credentials
from edge.web.dialects.aioz import wire
from edge.web.problems import Problem, problem_of
from edge.web.refusals import answer_to
from edge.web.responses import json_response, preflight_response

_MOST_JSON_BYTES = 1 << 18
_NEEDED = (
    "This needs the account's secret key as a bearer token, or its public and its secret key as "
    "stream-public-key and stream-secret-key."
)

Endpoint: TypeAlias = Callable[[Request], Awaitable[ASGIApp]]
Refusing: TypeAlias = Callable[[Request, Problem], Response]


def refused(_: Request, problem: Problem) -> Response:
    """Answer with a problem as AIOZ does."""
    return json_response(
        wire.failed_body(problem.message), status=problem.status, headers=problem.headers
    )


class Resource:
    """
    One path, with an endpoint for each method: an ASGI application that refuses in its own shape.

    An instance is no function, so Starlette lets it have the methods that it does not answer, too.
    """

    def __init__(self, *, refusing: Refusing = refused, **endpoints: Endpoint) -> None:
        self._refusing = refusing
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        started = False

        async def noting_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        request = Request(scope, receive)
        try:
            try:
                await (await self._answer(request))(scope, receive, noting_start)
            except ArtifactMissing:
                # It was evicted after its receipt was read, and is found missing now.
                if started:
                    raise
                await (await self._answer(request))(scope, receive, noting_start)
        except Exception as exception:
            if started:
                raise
            problem = problem_told(exception, f"{request.method} {request.url.path}")
            await self._refusing(request, problem)(scope, receive, send)

    async def _answer(self, request: Request) -> ASGIApp:
        if not self._endpoints:
            raise problems.not_found(f"There is no endpoint {request.url.path}.")
        method = request.method
        if method == "OPTIONS":
            return preflight_response((*self._endpoints, "OPTIONS"))
        endpoint = self._endpoints.get(method)
        if endpoint is None:
            raise problems.method_not_allowed(self._endpoints)
        return await endpoint(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Proves accounts by any of AIOZ's three ways: bearer, pair of keys, Basic."""

    auth: Auth

    async def holder(self, request: Request, scope: KeyScope) -> Principal:
        """
        Return who holds a secret key that may be used for *scope*.

        Raises:
            Problem: 401 without valid keys, 403 for those that may not.
        """
        public, secret = _keys_of(request)
        principal = None if secret is None else await self.auth.principal_for(secret)
        if principal is None:
            raise problems.unauthorized(_NEEDED)
        if principal.kind is not KeyKind.SECRET:
            raise problems.forbidden("This needs a secret key; the one given is public.")
        if public is not None:
            other = await self.auth.principal_for(public)
            if other is None or other.kind is not KeyKind.PUBLIC:
                raise problems.unauthorized("The public key given is none.")
            if other.account != principal.account:
                raise problems.forbidden("The two keys are not of the same account.")
        if scope not in principal.scopes:
            raise problems.forbidden(f"The key may not be used for this: it lacks {scope}.")
        return principal


async def json_of(request: Request) -> object:
    """
    Read a request's body; an empty one is an empty object.

    Raises:
        Problem: It is too long, or no JSON.
    """
    body = bytearray()
    async for piece in _body_of(request):
        body += piece
        if len(body) > _MOST_JSON_BYTES:
            raise problems.too_large(f"The body is larger than {_MOST_JSON_BYTES} bytes.")
    try:
        return msgspec.json.decode(bytes(body) or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError) as mistake:
        raise problems.bad_request(f"The body has to be JSON: {mistake}.") from mistake
    except RecursionError:
        raise problems.bad_request("The body is nested too deeply.") from None


def problem_told(exception: Exception, subject: str) -> Problem:
    """Find the problem in whatever an endpoint raises; *subject* is for the log."""
    match exception:
        case FillProblem() | SourceProblem() | SandboxProblem():
            return answer_to(exception)
        case BadPath() | WrongPart():
            return problems.bad_request(str(exception))
        case PathTaken() | PartTaken() | MediaGone():
            return problems.conflict("Another file has come to its place meanwhile.")
        case BodyTooLong():
            return problems.too_large(f"The file has more than the {exception} bytes announced.")
        case StorageFull():
            return problems.over_quota(str(exception))
        case ArtifactMissing():
            return problems.unavailable("This is being made again.", retry_after_seconds=1)
        case _:
            return problem_of(exception, subject)


def _keys_of(request: Request) -> tuple[str | None, str | None]:
    """Tell the public and the secret key of a request; the bearer brings none but the secret."""
    headers = request.headers
    # AIOZ's client sends both fields always, empty when it was given a bearer.
    public, secret = headers.get("stream-public-key"), headers.get("stream-secret-key")
    if public or secret:
        if not public or not secret:
            raise problems.unauthorized(_NEEDED)
        return public, secret
    user = _user_of(headers.get("authorization", ""))
    return user if user.startswith("public_") else None, read_credentials(headers).key


def _user_of(header: str) -> str:
    """Read the user name of Basic credentials; AIOZ's client sends its public key there."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text.partition(":")[0]


async def _body_of(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect:
        raise problems.bad_request("The body ended before its end.") from None
