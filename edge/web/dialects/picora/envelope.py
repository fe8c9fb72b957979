"""
How Picora answers: paths as resources with an endpoint a method, and one envelope for all refusals.

    {"success": false, "error": {"code": "snake_case", "message": "…", "details": {…}}}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from edge.accounts import scopes
from edge.accounts.plans import PlanRequired
from edge.accounts.principal import Principal
from edge.library.catalogue.store import PathTaken
from edge.library.library import MediaGone
from edge.library.paths import BadPath
from edge.library.quota import StorageFull
from edge.library.storage import BodyTooLong
from edge.library.uploads.intake import WrongPart
from edge.library.uploads.store import PartTaken
from edge.records.paging import BadCursor
from edge.web import problems
from edge.web.auth import Auth
from edge.web.dialects.picora import wire
from edge.web.problems import Problem
from edge.web.refusals import refusals
from edge.web.responses import json_response, preflight_response

_MOST_JSON_BYTES = 1 << 16

_Body = TypeVar("_Body")
Endpoint: TypeAlias = Callable[[Request, Principal], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What a method of a resource does, and the scope that it takes."""

    scope: scopes.Scope
    endpoint: Endpoint


class Resource:
    """One path, as an ASGI application: whatever goes wrong in it is told in the envelope."""

    def __init__(self, auth: Auth, methods: Mapping[str, Method]) -> None:
        """Prepare; without *methods* there is nothing at the path."""
        self._auth = auth
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive)
        try:
            response = await self.answer(request)
        except Exception as exception:
            problem = problems.problem_of(exception, f"{scope['method']} {scope['path']}")
            response = refused_response(problem)
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """Answer a request; raises what is to be told in the envelope."""
        if not self._methods:
            raise problems.not_found()
        if request.method == "OPTIONS":
            return preflight_response((*self._methods, "OPTIONS"))
        return await self.dispatch(request, request.method)

    async def dispatch(self, request: Request, method: str) -> Response:
        """Let whoever may do it do what *method* does."""
        wanted = self._methods.get(method)
        if wanted is None and method == "HEAD":
            wanted = self._methods.get("GET")
        if wanted is None:
            raise problems.method_not_allowed((*self._methods, "OPTIONS"))
        principal = await self._auth.principal(request)
        if principal is None:
            raise problems.unauthorized("This needs the account's secret key as a bearer token.")
        if wanted.scope not in principal.scopes:
            raise problems.forbidden(
                f"The API key may not be used for this: it lacks the scope {wanted.scope}."
            )
        with retold():
            return await wanted.endpoint(request, principal)


@contextmanager
def retold() -> Iterator[None]:
    """Turn what inner rooms refuse into problems."""
    try:
        with refusals():
            yield
    except PlanRequired as refusal:
        details = {"plan": refusal.plan, "required": refusal.enough}
        raise Problem(403, "plan_required", str(refusal), details=details) from refusal
    except StorageFull as full:
        raise problems.over_quota(
            str(full), usedBytes=full.used_bytes, quotaBytes=full.quota_bytes
        ) from full
    except BodyTooLong as problem:
        raise problems.too_large(f"A file has up to {problem} bytes here.") from problem
    except PartTaken as problem:
        message = "Another request has sent bytes meanwhile; ask how many there are."
        raise problems.conflict(message) from problem
    except PathTaken as problem:
        raise problems.conflict("There is such a file.", path=problem.path) from problem
    except WrongPart as problem:
        raise problems.conflict(str(problem)) from problem
    except MediaGone as problem:
        raise Problem(410, "gone", "The audio has been deleted.") from problem
    except BadCursor as problem:
        raise problems.bad_parameter("cursor", str(problem), value=problem.text[:100]) from problem
    except BadPath as problem:
        raise problems.bad_request(str(problem)) from problem
    except wire.BadField as problem:
        raise problems.bad_parameter(
            problem.field, f"{problem.field}: {problem}", value=problem.value
        ) from problem


async def json_of(request: Request, kind: type[_Body]) -> _Body:
    """
    Read a request's body.

    Raises:
        Problem: It is too long, or not what it should be.
    """
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST_JSON_BYTES:
                raise problems.too_large(f"The body is larger than {_MOST_JSON_BYTES} bytes.")
    except ClientDisconnect:
        raise problems.bad_request("The body ended before its end.") from None
    try:
        return msgspec.json.decode(bytes(body), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as mistake:
        raise problems.bad_request(f"The body is not what it should be: {mistake}.") from mistake


def told_response(
    data: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with what was asked for."""
    return json_response(wire.told(data), status=status, headers=headers)


def refused_response(problem: Problem) -> Response:
    """Answer with a problem."""
    body = wire.refused(problem.code, problem.message, problem.details)
    return json_response(body, status=problem.status, headers=problem.headers)
