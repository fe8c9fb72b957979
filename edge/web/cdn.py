"""
The CDN: ``/{account}/raw/{path}`` is the file, ``/{account}/audio/{path}`` any transform of it.

A plain ASGI application in front of the router, because it needs the path as it came over the
wire: a ``!`` begins parameters and a ``%21`` is part of a name, and a router decodes both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cache.artifacts import ArtifactMissing
from cache.receipts import ArtifactFile
from cache.source import SourceProblem
from edge.clock import Clock
from edge.fill.filler import Filler, Standing
from edge.fill.problems import FileNotThere
from edge.fill.wanted import Wanted
from edge.jobs.job import JobState
from edge.library.files import Files
from edge.sandbox.problems import SandboxProblem
from edge.web import problems
from edge.web.base_url import BaseUrl
from edge.web.delivery.answer import Representation
from edge.web.delivery.caching import NOT_KEPT, CachePolicy, for_ever
from edge.web.delivery.content import content_of
from edge.web.delivery.files import FileDelivery
from edge.web.dialects.bytescale.wire import job_body, transform_body
from edge.web.made import CHANGING, failure, file_answer, kept, standing_of
from edge.web.pages.assets import PlayerAssets
from edge.web.pages.player import player_page
from edge.web.prefer import LONGEST_WAIT_SECONDS, preferred_wait_seconds
from edge.web.problems import Problem
from edge.web.refusals import refusals
from edge.web.responses import READ_METHODS, json_response, preflight_response
from edge.web.streams import Streams, is_part
from transforms import grammar, planner
from transforms.audio.timeline import Resolved
from transforms.delivery import Delivery, read_delivery
from transforms.formats import Answer
from transforms.grammar import CdnUrl
from transforms.problems import TransformProblem

Endpoint: TypeAlias = Callable[[Scope, CdnUrl, Delivery], Awaitable[ASGIApp]]


class Cdn:
    """Answers the account paths and passes everything else on."""

    def __init__(
        self,
        inner: ASGIApp,
        *,
        files: Files,
        filler: Filler,
        base_url: BaseUrl,
        clock: Clock,
        player: PlayerAssets | None,
    ) -> None:
        self._inner = inner
        self._files = files
        self._filler = filler
        self._base_url = base_url
        self._clock = clock
        self._player = player
        self._streams = Streams(filler)
        self._apis: dict[str, Endpoint] = {"raw": self._raw, "audio": self._audio}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for an account's file, or let the router have it."""
        if scope["type"] != "http" or not _is_account_path(scope):
            await self._inner(scope, receive, send)
            return
        try:
            await (await self._answer(scope))(scope, receive, send)
        except ArtifactMissing:
            # It was evicted, perhaps by another process, after its receipt was read. Nothing has
            # been sent yet, so it is asked for once more, and found missing from the start.
            await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Scope) -> ASGIApp:
        if scope["method"] == "OPTIONS":
            return preflight_response()
        if scope["method"] not in READ_METHODS:
            raise problems.method_not_allowed(READ_METHODS)
        raw_path = scope["raw_path"].decode("latin-1")
        url = grammar.split(raw_path, scope["query_string"].decode("latin-1"))
        endpoint = self._apis.get(url.api)
        if endpoint is None:
            raise problems.not_found(f"There is no API {url.api!r}; there are raw and audio.")
        delivery = read_delivery(url)
        if delivery.expires_ms is not None and delivery.expires_ms <= self._clock.now_ms():
            raise Problem(403, "expired", "This URL has expired.", details={"parameter": "exp"})
        with refusals(ttl_404_seconds=delivery.cache_ttl_404_seconds or 0):
            return await endpoint(scope, url, delivery)

    async def _raw(self, scope: Scope, url: CdnUrl, delivery: Delivery) -> ASGIApp:
        source = await self._files.find(url.account, url.path)
        if source is None:
            raise FileNotThere(url.path)
        name = url.path.rpartition("/")[2]
        representation = Representation(
            size_bytes=source.size_bytes,
            etag=source.etag,
            modified_ms=source.modified_ms,
            content=content_of(url.path, download_name=name if delivery.download else None),
            cache=kept(delivery, CHANGING),
        )
        return FileDelivery(
            representation=representation,
            open_reader=lambda: self._files.open(url.account, source),
        )

    async def _audio(self, scope: Scope, url: CdnUrl, delivery: Delivery) -> ASGIApp:
        transform = planner.plan(url)
        wanted = await self._filler.find(transform)
        match transform.spec.answer:
            case Answer.METADATA:
                return await self._metadata(wanted)
            case Answer.PAGE:
                return await player_page(self._filler, wanted, self._player)
            case Answer.FILE:
                return await self._direct(wanted)
            case Answer.PLAYLIST:
                return await self._streams.answer(scope, wanted)
            case Answer.JOB:
                if delivery.artifact is None:
                    return await self._job(scope, wanted)
                return await self._artifact(scope, wanted, delivery.artifact)

    async def _metadata(self, wanted: Wanted) -> ASGIApp:
        text = await self._filler.metadata(wanted)
        return json_response(
            msgspec.Raw(text), cache_control=kept(wanted.url.delivery, CHANGING).header
        )

    async def _job(self, scope: Scope, wanted: Wanted) -> ASGIApp:
        standing = await standing_of(self._filler, wanted)
        seconds = preferred_wait_seconds(Headers(scope=scope).get("prefer"))
        headers = {}
        if seconds is not None:
            standing = await self._filler.wait(standing, seconds)
            headers["Preference-Applied"] = f"wait={seconds}"
        return await self._job_answer(scope, standing, status=200, headers=headers)

    async def _direct(self, wanted: Wanted) -> ASGIApp:
        """Answer with the artifact itself, waiting while it is made: pages embed these."""
        standing = await standing_of(self._filler, wanted)
        if standing.receipt is None:
            standing = await self._filler.wait(standing, LONGEST_WAIT_SECONDS)
        path = wanted.url.spec.artifact or ""
        file = standing.receipt.file(path) if standing.receipt else None
        if file is None:
            raise failure(standing.job)
        return self._file(wanted, file, CHANGING)

    async def _artifact(self, scope: Scope, wanted: Wanted, path: str) -> ASGIApp:
        segmented = wanted.url.spec.segmented
        if path != wanted.url.spec.artifact and not (segmented and is_part(path, wanted.url.plan)):
            raise problems.not_found(f"This transform has no artifact {path}.")
        standing = await standing_of(self._filler, wanted)
        if standing.receipt is None:
            return await self._job_answer(scope, standing, status=404, headers={})
        if segmented:
            return await self._streams.finished(scope, wanted, standing, path)
        file = standing.receipt.file(path)
        if file is None:
            raise problems.not_found(f"This transform has no artifact {path}.")
        return self._file(wanted, file, for_ever(shared=True))

    def _file(self, wanted: Wanted, file: ArtifactFile, policy: CachePolicy) -> ASGIApp:
        return file_answer(wanted, file, policy, lambda: self._filler.open(wanted, file))

    async def _job_answer(
        self, scope: Scope, standing: Standing, *, status: int, headers: dict[str, str]
    ) -> Response:
        url = standing.wanted.url
        body = job_body(
            standing.job,
            self._base_url.of(scope),
            url=url,
            ready=standing.receipt is not None,
        )
        body["transform"] = transform_body(url, await self._resolved(standing))
        policy = NOT_KEPT
        if status == 200 and standing.receipt is not None:
            policy = kept(url.delivery, CHANGING)
        return json_response(body, status=status, cache_control=policy.header, headers=headers)

    async def _resolved(self, standing: Standing) -> Resolved | None:
        """The plan against its sources; what has failed is not surveyed again by every poll."""
        if standing.job.state is JobState.FAILED:
            return None
        try:
            return await self._filler.resolve(standing.wanted)
        except (TransformProblem, SandboxProblem, SourceProblem):
            return None


def _is_account_path(scope: Scope) -> bool:
    pieces = scope["raw_path"].decode("latin-1").split("/", 2)
    return len(pieces) == 3 and grammar.is_account(pieces[1])
