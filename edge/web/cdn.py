"""
The CDN: ``/{account}/raw/{path}`` is the file, ``/{account}/audio/{path}`` any transform of it.

A plain ASGI application in front of the router, because it needs the path as it came over the
wire: a ``!`` begins parameters and a ``%21`` is part of a name, and a router decodes both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cache.artifacts import ArtifactMissing
from cache.receipts import ArtifactFile
from cache.source import SourceProblem
from edge.fill.filler import Filler, Standing
from edge.fill.problems import FileNotThere
from edge.fill.wanted import Wanted
from edge.jobs.job import JobState
from edge.library.access import Seen
from edge.library.files import Files
from edge.library.playlists import is_playlist
from edge.library.sounds import Sounds
from edge.sandbox.problems import SandboxProblem
from edge.web import problems
from edge.web.base_url import BaseUrl
from edge.web.delivery.answer import Representation
from edge.web.delivery.caching import NOT_KEPT, CachePolicy, for_ever
from edge.web.delivery.content import content_of
from edge.web.delivery.files import FileDelivery
from edge.web.dialects.bytescale.wire import job_body, transform_body
from edge.web.hits.gate import Gate, Terms
from edge.web.hits.ground import Ground
from edge.web.hits.path import begun, is_account_path, target_of
from edge.web.hits.store import Hits
from edge.web.hits.timings import enter
from edge.web.made import CHANGING, failure, file_answer, kept, standing_of
from edge.web.pages.assets import PlayerAssets
from edge.web.pages.player import player_page
from edge.web.prefer import LONGEST_WAIT_SECONDS, preferred_wait_seconds
from edge.web.refusals import refusals
from edge.web.responses import READ_METHODS, json_response, preflight_response
from edge.web.streams import Streams, is_part
from edge.web.viewers import Confidential, Proof, Viewers, children_of
from transforms import grammar, planner
from transforms.audio.timeline import Resolved
from transforms.delivery import Delivery, read_delivery
from transforms.formats import Answer
from transforms.grammar import CdnUrl
from transforms.manifests.hls import MULTIVARIANT_PATH
from transforms.problems import TransformProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that was let pass, what it proves, and on which terms others have its answer."""

    scope: Scope
    url: CdnUrl
    delivery: Delivery
    proof: Proof
    terms: Terms | None


Endpoint: TypeAlias = Callable[[Asked], Awaitable[ASGIApp]]


class Cdn:
    """Answers the account paths the long way, and passes everything else on."""

    def __init__(
        self,
        inner: ASGIApp,
        *,
        files: Files,
        sounds: Sounds,
        filler: Filler,
        base_url: BaseUrl,
        gate: Gate,
        viewers: Viewers,
        hits: Hits,
        player: PlayerAssets | None,
    ) -> None:
        self._inner = inner
        self._files = files
        self._sounds = sounds
        self._filler = filler
        self._base_url = base_url
        self._gate = gate
        self._viewers = viewers
        self._hits = hits
        self._player = player
        self._streams = Streams(filler)
        self._apis: dict[str, Endpoint] = {"raw": self._raw, "audio": self._audio}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for an account's file, or let the router have it."""
        if scope["type"] != "http" or not is_account_path(scope) or _saves(scope):
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
        terms = self._gate.admit(delivery)
        proof = await self._viewers.prove(scope, url, delivery)
        asked = Asked(scope=scope, url=url, delivery=delivery, proof=proof, terms=terms)
        with refusals(ttl_404_seconds=delivery.cache_ttl_404_seconds or 0):
            answer = await endpoint(asked)
        enter(scope, "read")
        return answer

    async def _raw(self, asked: Asked) -> ASGIApp:
        url, delivery = asked.url, asked.delivery
        enter(asked.scope, "find")
        viewer = asked.proof.viewer((url.path,))
        seen = Seen(files=self._files, viewer=viewer, api=url.api)
        source = await seen.find(url.account, url.path)
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
        answer = FileDelivery(
            representation=representation,
            open_reader=lambda: self._files.open(url.account, source),
        )
        if not source.is_public_by(url.api):
            return Confidential(answer, asked.proof)
        if asked.terms is not None:
            ground = Ground(account=url.account, sources=(source,), terms=asked.terms)
            self._hits.note(target_of(asked.scope), answer, ground, since=begun(asked.scope))
        return answer

    async def _audio(self, asked: Asked) -> ASGIApp:
        transform = planner.plan(asked.url)
        enter(asked.scope, "find")
        viewer = asked.proof.viewer(clip.path for clip in transform.plan.clips)
        wanted = await self._filler.find(transform, self._sounds.seen_by(viewer))
        enter(asked.scope, "look")
        if wanted.public:
            return await self._made(asked, wanted)
        return Confidential(await self._made(replace(asked, terms=None), wanted), asked.proof)

    async def _made(self, asked: Asked, wanted: Wanted) -> ASGIApp:
        match wanted.url.spec.answer:
            case Answer.METADATA:
                return await self._metadata(asked, wanted)
            case Answer.PAGE:
                children = asked.proof.children
                return await player_page(self._filler, wanted, self._player, children)
            case Answer.FILE:
                return await self._direct(asked, wanted)
            case Answer.PLAYLIST:
                return await self._stream(asked, wanted)
            case Answer.JOB:
                if asked.delivery.artifact is None:
                    return await self._job(asked, wanted)
                return await self._artifact(asked, wanted, asked.delivery.artifact)

    async def _metadata(self, asked: Asked, wanted: Wanted) -> ASGIApp:
        enter(asked.scope, "survey")
        text = await self._filler.metadata(wanted)
        return json_response(
            msgspec.Raw(text), cache_control=kept(wanted.url.delivery, CHANGING).header
        )

    async def _job(self, asked: Asked, wanted: Wanted) -> ASGIApp:
        standing = await standing_of(self._filler, wanted)
        seconds = preferred_wait_seconds(Headers(scope=asked.scope).get("prefer"))
        headers = {}
        if seconds is not None:
            enter(asked.scope, "wait")
            standing = await self._filler.wait(standing, seconds)
            headers["Preference-Applied"] = f"wait={seconds}"
        return await self._job_answer(asked.scope, standing, status=200, headers=headers)

    async def _direct(self, asked: Asked, wanted: Wanted) -> ASGIApp:
        """Answer with the artifact itself, waiting while it is made: pages embed these."""
        standing = await standing_of(self._filler, wanted)
        if standing.receipt is None:
            enter(asked.scope, "wait")
            standing = await self._filler.wait(standing, LONGEST_WAIT_SECONDS)
        path = wanted.url.spec.artifact or ""
        file = standing.receipt.file(path) if standing.receipt else None
        if file is None:
            raise failure(standing.job)
        return self._file(asked, wanted, file, CHANGING)

    async def _stream(self, asked: Asked, wanted: Wanted) -> ASGIApp:
        """Answer for a real-time artifact; what is still growing is kept by nobody."""
        path = wanted.url.delivery.artifact or MULTIVARIANT_PATH
        standing = await self._filler.look(wanted)
        if standing is None or standing.receipt is None or not is_part(path, wanted.url.plan):
            enter(asked.scope, "stream")
            return await self._streams.answer(asked.scope, wanted)
        return await self._finished(asked, standing, path)

    async def _artifact(self, asked: Asked, wanted: Wanted, path: str) -> ASGIApp:
        segmented = wanted.url.spec.segmented
        if path != wanted.url.spec.artifact and not (segmented and is_part(path, wanted.url.plan)):
            raise problems.not_found(f"This transform has no artifact {path}.")
        standing = await standing_of(self._filler, wanted)
        if standing.receipt is None:
            return await self._job_answer(asked.scope, standing, status=404, headers={})
        if segmented:
            return await self._finished(asked, standing, path)
        file = standing.receipt.file(path)
        if file is None:
            raise problems.not_found(f"This transform has no artifact {path}.")
        return self._file(asked, wanted, file, for_ever(shared=True))

    async def _finished(self, asked: Asked, standing: Standing, path: str) -> ASGIApp:
        """Answer with a part of a finished stream."""
        wanted = standing.wanted
        answer = await self._streams.finished(asked.scope, wanted, standing, path)
        file = standing.receipt.file(path) if standing.receipt is not None else None
        if file is not None and isinstance(answer, FileDelivery):
            self._note(asked, wanted, file, answer)
        return answer

    def _file(
        self, asked: Asked, wanted: Wanted, file: ArtifactFile, policy: CachePolicy
    ) -> ASGIApp:
        answer = file_answer(wanted, file, policy, lambda: self._filler.open(wanted, file))
        self._note(asked, wanted, file, answer)
        return answer

    def _note(self, asked: Asked, wanted: Wanted, file: ArtifactFile, answer: FileDelivery) -> None:
        """Let whoever asks for a finished file again have it the short way."""
        # To a playlist as a source belong files that the ground does not list.
        if asked.terms is None or any(is_playlist(source.path) for source in wanted.sources):
            return
        ground = Ground(
            account=wanted.account, sources=wanted.sources, terms=asked.terms, key=wanted.key
        )
        self._hits.note(
            target_of(asked.scope),
            answer,
            ground,
            made=lambda: self._filler.open(wanted, file),
            since=begun(asked.scope),
        )

    async def _job_answer(
        self, scope: Scope, standing: Standing, *, status: int, headers: dict[str, str]
    ) -> Response:
        url = standing.wanted.url
        enter(scope, "survey")
        resolved = await self._resolved(standing)
        children = children_of(scope)
        body = job_body(
            standing.job,
            self._base_url.of(scope),
            url=url,
            ready=standing.receipt is not None,
            sign=str if children is None else children.path,
        )
        body["transform"] = transform_body(url, resolved, standing.job)
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


def _saves(scope: Scope) -> bool:
    """Tell whether a request has a transform kept as a file, which is the router's."""
    raw_path: bytes = scope["raw_path"]
    return raw_path.split(b"/", 3)[2] == b"save"
