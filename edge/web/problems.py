"""
Everything a request can be refused with, and the envelope it is told in.

    {"error": {"code": "snake_case", "message": "…", "details": {…}}}

A ``Problem`` is raised anywhere under ``edge/web`` and answered here once. Another dialect takes
the same problem and wraps it in its own envelope. This is also where the problems of inner
packages, which know no HTTP, get their status.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from cache.source import (
    SourceChanged,
    SourceForbidden,
    SourceMissing,
    SourceProblem,
    SourceTooLarge,
    StoreAway,
)
from edge.records.problems import RETRY_AFTER_SECONDS, RecordsAway
from edge.telemetry import new_incident_id
from edge.web.responses import CREDENTIAL_FIELDS, json_response
from transforms.problems import TransformProblem

_log = logging.getLogger(__name__)


class Problem(Exception):
    """A refusal: its *status*, a *code* for programs, and a *message* for people."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details: Mapping[str, object] = MappingProxyType(dict(details or {}))
        self.headers: Mapping[str, str] = MappingProxyType(dict(headers or {}))


def bad_request(message: str, *, code: str = "bad_request", **details: object) -> Problem:
    """Refuse a request that cannot be understood."""
    return Problem(400, code, message, details=details)


def bad_parameter(parameter: str, message: str, **details: object) -> Problem:
    """Refuse the value of one parameter, or the parameter itself."""
    return Problem(400, "bad_parameter", message, details={"parameter": parameter, **details})


def unauthorized(message: str = "This needs a valid API key.") -> Problem:
    """Ask for credentials, or for better ones."""
    challenge = {"WWW-Authenticate": 'Bearer realm="audio-edge"'}
    return Problem(401, "unauthorized", message, headers=challenge)


def over_quota(message: str, **details: object) -> Problem:
    """Refuse work that the account's quota does not cover."""
    return Problem(402, "over_quota", message, details=details)


def forbidden(message: str, **details: object) -> Problem:
    """Refuse what this principal may not do and may know of."""
    return Problem(403, "forbidden", message, details=details)


def not_found(message: str = "There is nothing here.", *, ttl_seconds: int = 0) -> Problem:
    """Say that there is nothing, for *ttl_seconds* also to caches on the way."""
    headers = {}
    if ttl_seconds > 0:
        # Whoever shows a key may find what is missing for others.
        headers = {"Cache-Control": f"public, max-age={ttl_seconds}", "Vary": CREDENTIAL_FIELDS}
    return Problem(404, "not_found", message, headers=headers)


def method_not_allowed(allowed: Iterable[str]) -> Problem:
    """Refuse a method, naming those *allowed*."""
    methods = ", ".join(allowed)
    message = f"This answers {methods} only."
    return Problem(405, "method_not_allowed", message, headers={"Allow": methods})


def conflict(message: str, **details: object) -> Problem:
    """Refuse what contradicts the present state."""
    return Problem(409, "conflict", message, details=details)


def precondition_failed() -> Problem:
    """Say that If-Match or If-Unmodified-Since does not hold."""
    message = "The file is not, or no longer, the one that the request asks about."
    return Problem(412, "precondition_failed", message)


def too_large(message: str, **details: object) -> Problem:
    """Refuse a body that is longer than allowed."""
    return Problem(413, "too_large", message, details=details)


def too_slow(message: str) -> Problem:
    """Refuse to wait any longer for what the client has to say."""
    return Problem(408, "request_timeout", message, headers={"Connection": "close"})


def records_away() -> Problem:
    """Put off what cannot be answered while the database is away."""
    message = "The records of this service cannot be reached now. Try again in a moment."
    headers = _retry_after(RETRY_AFTER_SECONDS)
    return Problem(503, "records_away", message, headers=headers)


def range_not_satisfiable(size_bytes: int) -> Problem:
    """Say that no byte asked for exists, and how many do."""
    return Problem(
        416,
        "range_not_satisfiable",
        f"The file has {size_bytes} bytes, and the range lies outside of them.",
        details={"sizeBytes": size_bytes},
        headers={"Content-Range": f"bytes */{size_bytes}"},
    )


def unsupported_media(message: str, **details: object) -> Problem:
    """Refuse a source in which nothing can be decoded."""
    return Problem(422, "unsupported_media", message, details=details)


def too_many(message: str, *, retry_after_seconds: int) -> Problem:
    """Refuse because the account asks too much too fast."""
    return Problem(429, "too_many_requests", message, headers=_retry_after(retry_after_seconds))


def unexpected(incident: str) -> Problem:
    """Admit a fault of ours under the id it was logged with."""
    message = f"Something went wrong here. It was recorded as incident {incident}."
    return Problem(500, "internal_error", message, details={"incident": incident})


def unavailable(message: str, *, retry_after_seconds: int) -> Problem:
    """Refuse because this node has too much to do, or is about to stop."""
    return Problem(503, "unavailable", message, headers=_retry_after(retry_after_seconds))


def _retry_after(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(max(1, seconds))}


_TRANSFORM_STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {"unsupported_media": 422, "bad_playlist": 422, "render_failed": 500}
)


def of_transform(problem: TransformProblem) -> Problem:
    """Give a transform's problem its status: 400 unless the URL is not to blame."""
    status = _TRANSFORM_STATUS.get(problem.code, 400)
    return Problem(status, problem.code, problem.message, details=problem.details)


def of_source(problem: SourceProblem) -> Problem:
    """Give a source's problem its status; its text is the operator's, so it is not passed on."""
    match problem:
        case SourceMissing():
            return not_found()
        case SourceChanged():
            message = "The file was replaced while it was being read."
            return Problem(503, "source_changed", message, headers=_retry_after(1))
        case SourceForbidden():
            return Problem(403, "source_forbidden", "The file is where this edge may not go.")
        case SourceTooLarge():
            return too_large("The file is larger than allowed.")
        case StoreAway():
            message = "The place where files are kept does not answer now. Try again in a moment."
            return unavailable(message, retry_after_seconds=5)
        case _:
            message = "The place where the file lives does not answer as it should."
            return Problem(502, "source_unreachable", message, headers=_retry_after(5))


def of_http_exception(exception: HTTPException) -> Problem:
    """Retell a refusal of Starlette's own, such as its router's 404 and 405."""
    headers = dict(exception.headers or {})
    match exception.status_code:
        case 404:
            return not_found()
        case 405:
            # Starlette keeps a route's methods in a set, so their order changes between runs.
            return method_not_allowed(sorted(headers["Allow"].split(", ")))
        case status:
            code = HTTPStatus(status).name.lower()
            return Problem(status, code, exception.detail, headers=headers)


def problem_of(exception: Exception, subject: str) -> Problem:
    """
    Find the problem in an exception; one that is none of them is logged as an incident.

    Args:
        subject: What was asked for, for the log: a method and a path, without its query,
            which may hold a signature.
    """
    match exception:
        case Problem():
            return exception
        case HTTPException():
            return of_http_exception(exception)
        case TransformProblem():
            return of_transform(exception)
        case SourceProblem():
            _log.info("%s: %s %s", subject, type(exception).__name__, exception)
            return of_source(exception)
        case RecordsAway():
            # That they are was logged once.
            _log.debug("%s: %s", subject, exception)
            return records_away()
        case _:
            incident = new_incident_id()
            _log.error("%s failed", subject, exc_info=exception, extra={"incident": incident})
            return unexpected(incident)


def problem_response(problem: Problem) -> Response:
    """Answer with a problem, not to be stored unless its headers say otherwise."""
    envelope = {
        "code": problem.code,
        "message": problem.message,
        "details": dict(problem.details),
    }
    return json_response({"error": envelope}, status=problem.status, headers=problem.headers)


async def answer_exception(request: Request, exception: Exception) -> Response:
    """Answer an exception as Starlette asks its handlers to."""
    return problem_response(problem_of(exception, _subject(request.scope)))


# Without these Starlette would answer its own exceptions in plain text.
EXCEPTION_HANDLERS: Final[Mapping[Any, ExceptionHandler]] = MappingProxyType(  # Any as in Starlette
    {kind: answer_exception for kind in (Problem, TransformProblem, SourceProblem, HTTPException)}
)


Telling: TypeAlias = Callable[[Scope, Exception], Response]


class CatchAll:
    """
    Answer what the application inside raises, whatever it is.

    Starlette's own place for a handler of ``Exception`` raises it once more after answering, so
    that the server logs a second trace, without the incident. This stands inside of it, as
    ``Middleware(CatchAll)``, or around an ASGI application that has no Starlette.
    """

    def __init__(self, app: ASGIApp, telling: Telling | None = None) -> None:
        """Prepare; *telling* makes the answer of an exception, if it is not to be the usual one."""
        self.app = app
        self._telling = telling or _told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; once its answer has begun, a failure is the server's to end."""
        started = False

        async def noting_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noting_start)
        except Exception as exception:
            if started or scope["type"] != "http":
                raise
            await self._telling(scope, exception)(scope, receive, send)


def _told(scope: Scope, exception: Exception) -> Response:
    return problem_response(problem_of(exception, _subject(scope)))


def _subject(scope: Scope) -> str:
    return f"{scope['method']} {scope['path']}"
