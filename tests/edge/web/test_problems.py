"""Every refusal in one envelope, whoever raised it."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from cache.source import (
    SourceChanged,
    SourceForbidden,
    SourceMissing,
    SourceProblem,
    SourceTooLarge,
    SourceUnreachable,
)
from edge.web import problems
from edge.web.problems import EXCEPTION_HANDLERS, CatchAll, Problem
from edge.web.responses import CREDENTIAL_FIELDS
from transforms.problems import BadParameter, RenderFailed, TransformProblem, UnsupportedMedia

Call = Callable[..., Awaitable[Any]]


def application(failure: Exception) -> Starlette:
    async def fail(request: Request) -> Response:
        raise failure

    return Starlette(
        routes=[Route("/here", fail)],
        middleware=[Middleware(CatchAll)],
        exception_handlers=dict(EXCEPTION_HANDLERS),
    )


async def test_a_problem_is_answered_in_its_envelope(call: Call) -> None:
    failure = problems.bad_parameter("br", "There is no bitrate of 97.", allowed=["96", "112"])
    answered = await call(application(failure), path="/here")
    expected = {
        "error": {
            "code": "bad_parameter",
            "message": "There is no bitrate of 97.",
            "details": {"parameter": "br", "allowed": ["96", "112"]},
        }
    }

    assert answered.status == 400
    assert json.loads(answered.body) == expected
    assert answered.headers["access-control-allow-origin"] == "*"
    assert answered.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("problem", "status", "code", "headers"),
    [
        (problems.bad_request("No."), 400, "bad_request", {}),
        (
            problems.unauthorized(),
            401,
            "unauthorized",
            {"WWW-Authenticate": 'Bearer realm="audio-edge"'},
        ),
        (problems.over_quota("No."), 402, "over_quota", {}),
        (problems.forbidden("No."), 403, "forbidden", {}),
        (problems.not_found(), 404, "not_found", {}),
        (
            problems.not_found(ttl_seconds=60),
            404,
            "not_found",
            {
                "Cache-Control": "public, max-age=60",
                "Vary": CREDENTIAL_FIELDS,
            },
        ),
        (
            problems.method_not_allowed(("GET", "HEAD")),
            405,
            "method_not_allowed",
            {"Allow": "GET, HEAD"},
        ),
        (problems.conflict("No."), 409, "conflict", {}),
        (problems.precondition_failed(), 412, "precondition_failed", {}),
        (problems.too_large("No."), 413, "too_large", {}),
        (
            problems.range_not_satisfiable(9),
            416,
            "range_not_satisfiable",
            {"Content-Range": "bytes */9"},
        ),
        (problems.unsupported_media("No."), 422, "unsupported_media", {}),
        (
            problems.too_many("No.", retry_after_seconds=0),
            429,
            "too_many_requests",
            {"Retry-After": "1"},
        ),
        (problems.unexpected("1d"), 500, "internal_error", {}),
        (
            problems.unavailable("No.", retry_after_seconds=7),
            503,
            "unavailable",
            {"Retry-After": "7"},
        ),
    ],
)
def test_a_usual_problem_has_its_status(
    problem: Problem, status: int, code: str, headers: dict[str, str]
) -> None:
    assert (problem.status, problem.code, dict(problem.headers)) == (status, code, headers)


async def test_a_missing_thing_may_be_remembered_for_a_while(call: Call) -> None:
    answered = await call(application(problems.not_found(ttl_seconds=60)), path="/here")

    assert answered.headers["cache-control"] == "public, max-age=60"


async def test_the_router_refuses_in_the_same_envelope(call: Call) -> None:
    app = application(AssertionError())
    lost = await call(app, path="/nowhere")
    misused = await call(app, "POST", "/here")

    assert (lost.status, json.loads(lost.body)["error"]["code"]) == (404, "not_found")
    assert (misused.status, json.loads(misused.body)["error"]["code"]) == (
        405,
        "method_not_allowed",
    )
    assert misused.headers["allow"] == "GET, HEAD"


async def test_another_refusal_of_starlette_keeps_its_words(call: Call) -> None:
    answered = await call(application(HTTPException(400, "Too many fields.")), path="/here")
    expected = {"code": "bad_request", "message": "Too many fields.", "details": {}}

    assert (answered.status, json.loads(answered.body)["error"]) == (400, expected)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (BadParameter("br", "97", "one of the bitrates"), 400),
        (UnsupportedMedia("No audio."), 422),
        (RenderFailed("Half-way."), 500),
    ],
)
async def test_a_transform_problem_gets_its_status(
    call: Call, failure: TransformProblem, status: int
) -> None:
    answered = await call(application(failure), path="/here")
    expected = {
        "code": failure.code,
        "message": failure.message,
        "details": failure.details,
    }

    assert (answered.status, json.loads(answered.body)["error"]) == (status, expected)


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (SourceMissing("x"), 404, "not_found"),
        (SourceChanged("x"), 503, "source_changed"),
        (SourceUnreachable("x"), 502, "source_unreachable"),
        (SourceForbidden("x"), 403, "source_forbidden"),
        (SourceTooLarge("x"), 413, "too_large"),
    ],
)
def test_a_source_problem_gets_its_status(failure: SourceProblem, status: int, code: str) -> None:
    problem = problems.of_source(failure)

    assert (problem.status, problem.code) == (status, code)


async def test_what_an_operator_is_told_is_not_told_to_clients(call: Call) -> None:
    failure = SourceUnreachable("http://10.0.0.1/ refused")
    answered = await call(application(failure), path="/here")

    assert answered.status == 502
    assert b"10.0.0.1" not in answered.body


async def test_the_unexpected_is_logged_and_told_by_its_incident(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    answered = await call(application(ValueError("private words")), path="/here")
    (record,) = caplog.records
    incident = record.__dict__["incident"]
    expected = {
        "code": "internal_error",
        "message": f"Something went wrong here. It was recorded as incident {incident}.",
        "details": {"incident": incident},
    }

    assert (answered.status, json.loads(answered.body)["error"]) == (500, expected)
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "GET /here failed")
    assert record.exc_info is not None


async def test_a_failure_after_the_start_is_left_to_the_server(call: Call) -> None:
    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("broken off")

    with pytest.raises(ValueError, match="broken off"):
        await call(CatchAll(half))
