"""
How Picora answers: one envelope for what was asked for, and one for all refusals.

    {"success": false, "error": {"code": "snake_case", "message": "…", "details": {…}}}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from edge.accounts.principal import Principal
from edge.accounts.scopes import Scope
from edge.library.uploads.intake import WrongPart
from edge.web import problems
from edge.web.auth import Auth
from edge.web.dialects.picora import wire
from edge.web.problems import Problem
from edge.web.refusals import problem_told
from edge.web.resource import Endpoint, Resource, subject_of
from edge.web.responses import json_response

Allowed: TypeAlias = Callable[[Request, Principal], Awaitable[Response]]


def resource(**endpoints: Endpoint) -> Resource:
    """Make a path with an endpoint for each method."""
    return Resource(refused, endpoints)


def allowed(auth: Auth, scope: Scope, endpoint: Allowed) -> Endpoint:
    """Let whoever holds a key with a scope come to an endpoint."""

    async def answer(request: Request) -> Response:
        return await endpoint(request, await auth.scoped(request, scope))

    return answer


def problem_of(request: Request, exception: Exception) -> Problem:
    """Find the problem in whatever an endpoint raises."""
    match exception:
        case wire.BadField():
            return problems.bad_parameter(
                exception.field, f"{exception.field}: {exception}", value=exception.value
            )
        case WrongPart():
            # Bytes are sent to where an upload has come, so it is not where the client thinks.
            return problems.conflict(str(exception))
        case _:
            return problem_told(exception, subject_of(request))


def refused(request: Request, exception: Exception) -> Response:
    """Answer with a problem as Picora does."""
    problem = problem_of(request, exception)
    body = wire.refused(problem.code, problem.message, problem.details)
    return json_response(body, status=problem.status, headers=problem.headers)


def told_response(
    data: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with what was asked for."""
    return json_response(wire.told(data), status=status, headers=headers)
