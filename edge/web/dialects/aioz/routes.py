"""
AIOZ Stream's API of media, under ``/api/media``.

All of it needs the account's secret key; what media are played by is asked for without one
(``assets``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.accounts.scopes import Scope
from edge.fill.allowance import Allowance
from edge.library.library import MediaLibrary
from edge.library.media.media import Change, Media, is_media_id
from edge.library.media.qualities import Progress, Transcoding
from edge.web import problems
from edge.web.base_url import BaseUrl
from edge.web.dialects.aioz import wire, wishes
from edge.web.dialects.aioz.costs import billed_seconds, price_usd, read_duration
from edge.web.dialects.aioz.endpoints import Credentials, json_of, resource
from edge.web.dialects.aioz.parts import take_part
from edge.web.problems import Problem
from edge.web.responses import json_response

MEDIA = "/api/media"


@dataclass(frozen=True, slots=True, kw_only=True)
class AiozApi:
    """The endpoints, and what stands behind them."""

    credentials: Credentials
    library: MediaLibrary
    transcoding: Transcoding
    allowance: Allowance
    usd_a_minute: Mapping[str, Decimal]
    base_url: BaseUrl
    most_file_bytes: int

    def routes(self) -> list[Route]:
        """List the routes; whatever else is below the prefix is refused as AIOZ would."""
        one = MEDIA + "/{id}"
        return [
            Route(MEDIA, resource(POST=self.find)),
            Route(MEDIA + "/create", resource(POST=self.create)),
            Route(MEDIA + "/cost", resource(GET=self.cost)),
            Route(one + "/part", resource(POST=self.part)),
            Route(one + "/complete", resource(head=False, GET=self.complete)),
            Route(one, resource(GET=self.detail, PATCH=self.change, DELETE=self.delete)),
            Route(MEDIA + "/{rest:path}", resource()),
        ]

    async def create(self, request: Request) -> Response:
        """Announce media."""
        holder = await self.credentials.holder(request, Scope.UPLOAD)
        draft = wishes.draft_of(await json_of(request))
        media = await self.library.announce(holder.account, draft)
        body = wire.media_body(await self._progress(media), self.base_url.of(request.scope))
        return json_response(wire.created_body(body), status=201)

    async def find(self, request: Request) -> Response:
        """List media, or those that fit."""
        holder = await self.credentials.holder(request, Scope.READ)
        listing = wishes.listing_of(await json_of(request))
        found, total = await self.transcoding.find(
            holder.account,
            listing.search,
            listing.statuses,
            sort=listing.sort,
            descending=listing.descending,
            offset=listing.offset,
            limit=listing.limit,
        )
        return json_response(wire.list_body(found, total, self.base_url.of(request.scope)))

    async def cost(self, request: Request) -> Response:
        """Tell what qualities of some length would cost."""
        holder = await self.credentials.holder(request, Scope.READ)
        query = request.query_params
        wishes.check_type(query.get("type"))
        qualities = wishes.presets_of(query.get("qualities", ""))
        duration = read_duration(query.get("duration", ""))
        left = (await self.allowance.balance(holder.account)).left
        price = price_usd(qualities, duration, self.usd_a_minute)
        enough = left is None or billed_seconds(qualities, duration) <= left
        return json_response(wire.data_body({"price": price, "is_enough": enough}))

    async def detail(self, request: Request) -> Response:
        """Tell all of media."""
        media = await self._media(request, Scope.READ)
        body = wire.detail_body(await self._progress(media), self.base_url.of(request.scope))
        return json_response(wire.data_body(body))

    async def part(self, request: Request) -> Response:
        """Take a part of a file."""
        media = await self._media(request, Scope.UPLOAD)
        await take_part(request, media, self.library.intake, most_file_bytes=self.most_file_bytes)
        return json_response(wire.done_body("Upload part successfully."))

    async def complete(self, request: Request) -> Response:
        """Put a file together, and begin its qualities; again, begin those that are not."""
        media = await self._media(request, Scope.UPLOAD)
        file = media.file
        if file is None:
            upload = await self.library.uploads.of_media(media.id)
            if upload is None:
                raise problems.bad_request("No part of the file has been uploaded.")
            file = await self.library.intake.finish(upload)
            # Nothing else tells when they got their file.
            await self.library.rows.change(media.account, media.id, Change())
        described = await self.library.described(file)
        if described.flaw is None:
            await self.transcoding.begin(described)
        return json_response(wire.done_body("Upload completed successfully."))

    async def change(self, request: Request) -> Response:
        """Change what is known of media."""
        media = await self._media(request, Scope.WRITE)
        change = wishes.change_of(await json_of(request))
        if not await self.library.rows.change(media.account, media.id, change):
            raise _missing()
        return json_response(wire.done_body("Update audio info successfully."))

    async def delete(self, request: Request) -> Response:
        """Delete media, their file, and all that was made of it."""
        media = await self._media(request, Scope.WRITE)
        if not await self.library.delete(media.account, media.id):
            raise _missing()
        return json_response(wire.done_body("Audio deleted successfully."))

    async def _media(self, request: Request, scope: Scope) -> Media:
        holder = await self.credentials.holder(request, scope)
        media_id = request.path_params["id"]
        media = None
        if is_media_id(media_id):
            media = await self.library.rows.get(holder.account, media_id)
        if media is None:
            raise _missing()
        return media

    async def _progress(self, media: Media) -> Progress:
        (progress,) = await self.transcoding.progress([media])
        return progress


def _missing() -> Problem:
    return problems.not_found("This account has no such media, or they have been deleted.")
