"""What any endpoint of AIOZ's may run into is told in AIOZ's shape."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message

from cache.artifacts import ArtifactMissing
from cache.source import SourceMissing, SourceUnreachable
from edge.fill.problems import QueueFull, TooManyTransforms
from edge.library.catalogue.store import PathTaken, StorageFull
from edge.library.library import MediaGone
from edge.library.paths import BadPath
from edge.library.storage import BodyTooLong
from edge.library.uploads.intake import WrongPart
from edge.library.uploads.store import PartTaken
from edge.sandbox.problems import WorkerDied, ZygoteLost
from edge.web.dialects.aioz.endpoints import json_of, resource
from edge.web.resource import Resource
from edge.web.responses import json_response
from transforms.problems import BadParameter

Call = Callable[..., Awaitable[object]]


def raising(problem: Exception) -> Resource:
    async def endpoint(_: Request) -> ASGIApp:
        raise problem

    return resource(GET=endpoint)


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (BadParameter("title", "", "a title"), 400),
        (BadPath("No path."), 400),
        (WrongPart("No part."), 400),
        (StorageFull(used_bytes=1, quota_bytes=1), 402),
        (SourceMissing("a"), 404),
        (PathTaken("/a"), 409),
        (PartTaken(1), 409),
        (MediaGone("a"), 410),
        (BodyTooLong(5), 413),
        (WorkerDied("a"), 422),
        (TooManyTransforms(a_minute=1, retry_after_seconds=1), 429),
        (RuntimeError("a secret of ours"), 500),
        (SourceUnreachable("a"), 502),
        (QueueFull(retry_after_seconds=1), 503),
        (ZygoteLost("a"), 503),
        (ArtifactMissing("a"), 503),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_every_problem_has_a_status_and_a_message_and_nothing_else(
    call: Call, problem: Exception, status: int
) -> None:
    answered = await call(raising(problem), path="/api/media/a")
    body = json.loads(answered.body)  # type: ignore[attr-defined]

    assert answered.status == status  # type: ignore[attr-defined]
    assert list(body) == ["status", "message"]
    assert body["status"] == "fail"
    assert body["message"]
    assert "secret" not in body["message"]


async def test_what_was_evicted_meanwhile_is_asked_for_once_more(call: Call) -> None:
    asked = []

    async def endpoint(_: Request) -> Response:
        asked.append(1)
        if len(asked) == 1:
            raise ArtifactMissing("a")
        return json_response({})

    answered = await call(resource(GET=endpoint))

    assert answered.status == 200  # type: ignore[attr-defined]
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[" * 100_000, "The body is nested too deeply."),
        (b'{"a":"\xff"}', "The body is not what it should be"),
        (b'{"a":"\\ud800"}', "The body is not what it should be"),
        (b"x", "The body is not what it should be"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(call: Call, body: bytes, said: str) -> None:
    async def endpoint(request: Request) -> Response:
        return json_response(await json_of(request))

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    answered = await call(resource(POST=endpoint), "POST", receive=receive)

    assert answered.status == 400  # type: ignore[attr-defined]
    assert said in json.loads(answered.body)["message"]  # type: ignore[attr-defined]
