"""What all of MusicAPI's endpoints share: JSON bodies, and the shape of a refusal."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from edge.web import problems
from edge.web.bodies import whole_body_of
from edge.web.dialects.musicapi import wire
from edge.web.problems import Problem
from edge.web.refusals import problem_told
from edge.web.resource import Endpoint, Resource, subject_of
from edge.web.responses import json_response


def resource(**endpoints: Endpoint) -> Resource:
    """Make a path with an endpoint for each method."""
    return Resource(refused, endpoints)


def refused(request: Request, exception: Exception) -> Response:
    """Answer with a problem as MusicAPI does."""
    match exception:
        case wire.BadField():
            problem = problems.bad_parameter(exception.name, str(exception))
        case wire.BadBody():
            problem = problems.bad_request(str(exception))
        case _:
            problem = problem_told(exception, subject_of(request))
    return refusal(problem)


class Refused:
    """Whatever has no endpoint: *telling* gives the problem of a path, whatever the method."""

    def __init__(self, telling: Callable[[Request], Problem]) -> None:
        self._telling = telling

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request."""
        await refusal(self._telling(Request(scope)))(scope, receive, send)


async def fields_of(request: Request) -> dict[str, object]:
    """
    Read a request's body, a JSON object.

    Raises:
        Problem: It is too long, or no JSON object.
    """
    return wire.fields_of(await whole_body_of(request))


def refusal(problem: Problem) -> Response:
    """Answer with a problem."""
    status = wire.status_of(problem.status)
    return json_response(
        wire.refused_body(status, problem.message), status=status, headers=problem.headers
    )
