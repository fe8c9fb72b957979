"""
MusicAPI's endpoints, below ``/api/v1``.

All of them need the account's secret key. A clip is a file of the account's library, by whichever
door it came, and its id is that of its media.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cache.origins.urls import admit
from cache.source import SourceForbidden, SourceProblem
from edge.accounts.scopes import Scope
from edge.fill.allowance import Allowance
from edge.fill.filler import Filler, Standing
from edge.fill.tempos import Tempos
from edge.fill.wanted import understand
from edge.jobs.job import Job, JobState
from edge.jobs.store import Jobs
from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import StorageFull
from edge.library.importing.callback import code_of
from edge.library.importing.importer import Importer, NoSound, failure_of
from edge.library.importing.task import ImportState
from edge.library.library import MediaGone, MediaLibrary
from edge.library.media.media import Media, is_media_id
from edge.web import problems
from edge.web.auth import Auth
from edge.web.base_url import BaseUrl
from edge.web.dialects.musicapi import wire
from edge.web.dialects.musicapi.endpoints import Refused, fields_of, resource
from edge.web.dialects.musicapi.menu import FAMILIES, left_out
from edge.web.made import failure
from edge.web.prefer import preferred_wait_seconds
from edge.web.problems import Problem
from edge.web.responses import json_response
from transforms import grammar, planner

ROOT = "/api/v1"
SONIC = ROOT + "/sonic"

_WAV = "f=wav-riff"
_JOB_ID = re.compile("[0-9A-Z]{26}")
# Most songs are a WAV by then, and most clients still there.
_WAV_WAIT_SECONDS = 20
_A_SOUND = "the URL of a sound, such as https://example.com/song.mp3"
_A_CALLBACK = "the URL to be told of the result at, such as https://example.com/hook"
_A_CLIP = "the id of a clip, such as cfbc3d3c-2add-4265-bcdf-924092096e3d"


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicApi:
    """The endpoints, and what stands behind them."""

    auth: Auth
    importer: Importer
    library: MediaLibrary
    jobs: Jobs
    filler: Filler
    tempos: Tempos
    allowance: Allowance
    base_url: BaseUrl

    def routes(self) -> list[Route]:
        """List the routes; whatever else is below the prefix is refused as MusicAPI would."""
        return [
            Route(SONIC + "/upload", resource(POST=self.upload)),
            Route(SONIC + "/task/{id}", resource(GET=self.task)),
            Route(SONIC + "/wav", resource(POST=self.wav)),
            Route(SONIC + "/bpm", resource(POST=self.bpm)),
            Route(ROOT + "/get-credits", resource(GET=self.credits)),
            Route(SONIC, Refused(_no_endpoint)),
            Route(SONIC + "/{rest:path}", Refused(_not_of_sonic)),
            *(Route(f"{ROOT}/{family}", Refused(_not_here)) for family in FAMILIES),
            *(Route(f"{ROOT}/{family}/{{rest:path}}", Refused(_not_here)) for family in FAMILIES),
        ]

    async def upload(self, request: Request) -> Response:
        """Fetch a sound: now, or with a callback later."""
        account = (await self.auth.scoped(request, Scope.UPLOAD, secret=True)).account
        fields = await fields_of(request)
        url = self._url_in(wire.text_in(fields, "url", _A_SOUND), "url", _A_SOUND)
        told = wire.optional_text_in(fields, "callback_url", _A_CALLBACK)
        if told is not None:
            callback_url = self._url_in(told, "callback_url", _A_CALLBACK)
            task = await self.importer.submit(account, url, callback_url)
            return json_response(wire.task_id_body(task.id))
        try:
            media = await self.importer.fetch(account, url)
        except (SourceProblem, StorageFull, NoSound, MediaGone) as problem:
            told_as = failure_of(problem)
            raise Problem(code_of(told_as), told_as.code, told_as.message) from problem
        return json_response(wire.clip_id_body(media.id))

    async def task(self, request: Request) -> Response:
        """Say where a task stands, or what a clip is; both are asked for alike."""
        account = (await self.auth.scoped(request, Scope.READ, secret=True)).account
        name = request.path_params["id"]
        base_url = self.base_url.of(request.scope)
        if not is_media_id(name):
            return json_response(wire.data_body([await self._wav_task(account, name, base_url)]))
        task = await self.importer.tasks.get(account, name)
        media = await self.library.rows.get(account, name if task is None else task.media)
        if media is not None and (task is None or task.state is ImportState.DONE):
            return json_response(wire.data_body([wire.clip_body(media, base_url)]))
        if task is None or task.state is ImportState.DONE:
            raise problems.not_found("The account has no such task and no such clip.")
        return json_response(wire.data_body([wire.coming_body(task)]))

    async def wav(self, request: Request) -> Response:
        """Have a clip as WAV, or the task that is making it."""
        media, file = await self._clip_asked(request)
        url = planner.plan(
            grammar.split(f"/{file.account}/audio{quote(file.path, safe='/')}", _WAV)
        )
        standing = await self.filler.obtain(await self.filler.find(url))
        wait = preferred_wait_seconds(request.headers.get("prefer"))
        standing = await self.filler.wait(standing, _WAV_WAIT_SECONDS if wait is None else wait)
        if standing.receipt is not None:
            made = self._wav_url(standing, self.base_url.of(request.scope))
            return json_response(wire.data_body(wire.wav_body(media.id, made)))
        if standing.job.state in (JobState.FAILED, JobState.CANCELLED):
            raise failure(standing.job)
        return json_response(wire.task_id_body(standing.job.id))

    async def bpm(self, request: Request) -> Response:
        """Listen for a clip's tempo."""
        media, file = await self._clip_asked(request)
        tempo = await self.tempos.bpm(file.account, file.source)
        return json_response(wire.data_body(wire.bpm_body(media.id, tempo)))

    async def credits(self, request: Request) -> Response:
        """Say what is left of the quota."""
        account = (await self.auth.scoped(request, Scope.USAGE, secret=True)).account
        return json_response(wire.credits_body(await self.allowance.balance(account)))

    def _url_in(self, url: str, name: str, expected: str) -> str:
        """
        Refuse a URL whose text alone shows that it will not do.

        Raises:
            Problem: 400 for what is no URL, 403 for where this edge may not go.
        """
        try:
            admit(url)
        except SourceForbidden as problem:
            raise problems.bad_parameter(
                name, f"{name} has to be {expected}: {problem}.", value=url[:200]
            ) from None
        try:
            self.importer.check(url)
        except SourceForbidden:
            raise problems.forbidden(f"{name} leads where this edge may not go.") from None
        return url

    async def _clip_asked(self, request: Request) -> tuple[Media, FileEntry]:
        """Find the clip that a body names, with its file."""
        account = (await self.auth.scoped(request, Scope.READ, secret=True)).account
        clip_id = wire.text_in(await fields_of(request), "clip_id", _A_CLIP)
        media = await self.library.rows.get(account, clip_id) if is_media_id(clip_id) else None
        if media is None or media.file is None:
            raise problems.not_found(f"The account has no clip {clip_id[:60]}.")
        return media, media.file

    async def _wav_task(self, account: str, job_id: str, base_url: str) -> wire.Body:
        """Write the clip that a job makes a WAV of, and where that is once it is done."""
        job = await self.jobs.get(account, job_id) if _JOB_ID.fullmatch(job_id) else None
        media = None if job is None else await self._source_of(job)
        if job is None or media is None:
            raise problems.not_found("The account has no such task and no such clip.")
        body = wire.clip_body(media, base_url)
        if job.state in (JobState.FAILED, JobState.CANCELLED):
            message = job.error_message or "The task was cancelled."
            return {**body, "state": wire.FAILED, "wav_url": "", "error_message": message}
        # A WAV that was evicted is made again, as for whoever asks for it by its own URL.
        standing = await self.filler.obtain(await self.filler.find(understand(job.subject)))
        if standing.receipt is not None:
            return {**body, "wav_url": self._wav_url(standing, base_url)}
        queued = standing.job.state is JobState.QUEUED
        return {**body, "state": wire.PENDING if queued else wire.RUNNING, "wav_url": ""}

    async def _source_of(self, job: Job) -> Media | None:
        """Find what a job makes a WAV of; None if it makes something else."""
        path, _, query = job.subject.partition("?")
        if query != _WAV:
            return None
        source = grammar.split(path, query).path
        entry = await self.library.catalogue.find(job.account, source)
        return None if entry is None else await self.library.rows.get(job.account, entry.media)

    def _wav_url(self, standing: Standing, base_url: str) -> str:
        url = standing.wanted.url
        assert url.spec.artifact is not None
        return base_url + url.artifact_path(url.spec.artifact)


def _not_of_sonic(request: Request) -> Problem:
    what = left_out(request.path_params["rest"])
    return _no_endpoint(request) if what is None else _not_made(what)


def _no_endpoint(request: Request) -> Problem:
    return problems.not_found(f"There is no endpoint {request.url.path}.")


def _not_here(request: Request) -> Problem:
    return _not_made(FAMILIES[request.url.path.removeprefix(ROOT + "/").partition("/")[0]])


def _not_made(what: str) -> Problem:
    return Problem(
        501,
        "not_implemented",
        f"{what} is not part of this product, which keeps and transforms sounds.",
    )
