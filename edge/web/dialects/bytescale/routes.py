"""
Bytescale's API beside the CDN: jobs, usage and cache resets under ``/v2/accounts/{account}``.

All of it needs the account's secret key; paths and paging are the SDK's (JobApi, CacheApi).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.accounts.principal import Principal
from edge.accounts.scopes import Scope
from edge.accounts.store import Accounts
from edge.billing.store import Ledger
from edge.fill.allowance import Allowance
from edge.fill.chores import is_chore
from edge.fill.filler import Filler
from edge.fill.resets import RESET, Reset
from edge.fill.runner import Runner
from edge.fill.wanted import understand
from edge.jobs.job import Job, JobState
from edge.jobs.store import Jobs
from edge.library.quota import StorageQuota
from edge.records.paging import BadCursor
from edge.web import problems
from edge.web.auth import Auth
from edge.web.base_url import BaseUrl
from edge.web.bodies import json_of
from edge.web.dialects.bytescale import wire
from edge.web.dialects.bytescale.endpoints import Endpoint, account_route
from edge.web.responses import json_response

# "Lists the 10 most recently created jobs" (SDK, JobApi.listRecentJobs).
_RECENT_JOBS = 10
_MOST_LISTED = 100


class ResetCache(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body of a cache reset (SDK, ResetCacheRequest)."""

    pattern: str
    reset_edge_cache: bool = False
    reset_permanent_cache: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BytescaleApi:
    """The endpoints, and what stands behind them."""

    auth: Auth
    accounts: Accounts
    jobs: Jobs
    ledger: Ledger
    filler: Filler
    runner: Runner
    base_url: BaseUrl
    allowance: Allowance
    storage: StorageQuota

    def routes(self) -> list[Route]:
        """List the routes."""
        account = "/v2/accounts/{account}"
        job = account + "/jobs/{type}/{id}"
        return [
            self._route(account + "/jobs", Scope.JOBS, GET=self.list_jobs),
            self._route(job, Scope.JOBS, GET=self.get_job, DELETE=self.cancel_job),
            self._route(account + "/cache/reset", Scope.JOBS, POST=self.reset_cache),
            self._route(account + "/usage", Scope.USAGE, GET=self.usage),
            self._route(account + "/usage/entries", Scope.USAGE, GET=self.usage_entries),
        ]

    def _route(self, path: str, scope: Scope, **endpoints: Endpoint) -> Route:
        return account_route(path, partial(self.auth.secret_holder, scope=scope), **endpoints)

    async def list_jobs(self, request: Request, account: str, _: Principal) -> Response:
        """Answer with the newest jobs; the SDK numbers its ``jobType`` values (``?0=A&1=B``)."""
        wanted = {
            value
            for name, value in request.query_params.multi_items()
            if name.isdigit() or name in ("jobType", "jobType[]")
        }
        if unknown := wanted - set(wire.JOB_TYPES):
            # The SDK asks for types that other products have; they are legal and empty.
            wanted -= unknown
            if not wanted:
                return json_response({"items": []})
        jobs, _further = await self.jobs.list(account, limit=_MOST_LISTED)
        shown = [job for job in jobs if not wanted or _matches(job, wanted)]
        return json_response(
            {"items": [await self._body(request, job) for job in shown[:_RECENT_JOBS]]}
        )

    async def get_job(self, request: Request, account: str, _: Principal) -> Response:
        """Answer with one job."""
        job = await self.jobs.get(account, request.path_params["id"])
        if job is None or not _matches(job, {request.path_params["type"]}):
            raise problems.not_found("This account has no such job.")
        return json_response(await self._body(request, job))

    async def cancel_job(self, request: Request, account: str, _: Principal) -> Response:
        """Cancel a job; one that has settled stays as it is."""
        job = await self.jobs.get(account, request.path_params["id"])
        if job is None or not _matches(job, {request.path_params["type"]}):
            raise problems.not_found("This account has no such job.")
        cancelled = await self.jobs.cancel(account, job.id) or job
        return json_response(await self._body(request, cancelled))

    async def reset_cache(self, request: Request, account: str, _: Principal) -> Response:
        """Forget artifacts by a pattern such as ``/audio/talk.mp3`` or ``/audio/shows/*``."""
        reset = await json_of(request, ResetCache)
        if not reset.pattern.startswith("/") or "*" in reset.pattern[:-1]:
            raise problems.bad_parameter(
                "pattern",
                "A pattern begins with '/' and may end with '*', such as /audio/talk.mp3, "
                "/audio/shows/* or /*.",
                value=reset.pattern[:200],
            )
        order = Reset(pattern=reset.pattern, permanent=reset.reset_permanent_cache)
        job = await self.runner.begin_chore(account, RESET, msgspec.json.encode(order))
        return json_response(await self._body(request, job))

    async def usage(self, request: Request, account: str, _: Principal) -> Response:
        """Answer with what the account used this month."""
        total = await self.ledger.month_total(account)
        return json_response(
            wire.usage_body(
                total,
                quota_seconds=await self.allowance.quota_seconds(account),
                storage_bytes=await self.storage.used_bytes(account),
                storage_quota=await self.storage.quota_bytes(account),
            )
        )

    async def usage_entries(self, request: Request, account: str, _: Principal) -> Response:
        """Answer with a page of the ledger, newest first."""
        text = request.query_params.get("limit", "50")
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST_LISTED:
            raise problems.bad_parameter(
                "limit", f"A whole number from 1 to {_MOST_LISTED} is expected.", value=text[:40]
            )
        try:
            entries, cursor = await self.ledger.entries(
                account, cursor=request.query_params.get("cursor"), limit=int(text)
            )
        except BadCursor:
            raise problems.bad_parameter(
                "cursor", "Expected is the cursor of an earlier page."
            ) from None
        return json_response(
            {
                "items": [wire.entry_body(entry) for entry in entries],
                "cursor": cursor,
                "isPaginationComplete": cursor is None,
            }
        )

    async def _body(self, request: Request, job: Job) -> wire.JobBody:
        base_url = self.base_url.of(request.scope)
        if is_chore(job.subject):
            return wire.chore_body(job, base_url)
        url = understand(job.subject)
        ready = job.state is JobState.DONE and await self.filler.is_there(job)
        return wire.job_body(job, base_url, url=url, ready=ready)


def _matches(job: Job, types: set[str]) -> bool:
    kind = wire.job_type(job)
    if kind == wire.PROCESS_FILE_JOB:
        return not types.isdisjoint(wire.TRANSFORM_JOB_TYPES)
    return kind in types
