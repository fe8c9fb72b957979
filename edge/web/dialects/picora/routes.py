"""
Picora's audio API: files brought in whole, found, changed and deleted.

The account is the one that the key belongs to. Audio that came by another door is there as well.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.accounts.principal import Principal
from edge.accounts.scopes import Scope
from edge.ids import audio_id, media_of_audio_id
from edge.library.catalogue.entry import FileEntry
from edge.library.media.media import Media
from edge.library.media.store import Search
from edge.library.storage import Received
from edge.web import problems
from edge.web.auth import Auth
from edge.web.base_url import BaseUrl
from edge.web.bodies import json_of
from edge.web.dialects.picora import wire
from edge.web.dialects.picora.envelope import Allowed, allowed, resource, told_response
from edge.web.dialects.picora.formats import Signature, format_named
from edge.web.dialects.picora.hosting import Hosting
from edge.web.dialects.picora.uploads import ResumableUploads
from edge.web.forms.form import FilePart, form_of
from edge.web.forms.parser import Limits, TextField
from edge.web.resource import Endpoint
from edge.web.responses import json_response

_MOST_LISTED = 100
_LISTED = 20
_QUERY = ("type", "cursor", "limit", "q", "tag")


@dataclass(frozen=True, slots=True, kw_only=True)
class PicoraApi:
    """The endpoints, and what stands behind them."""

    auth: Auth
    hosting: Hosting
    base_url: BaseUrl
    most_file_bytes: int
    upload_hours: int

    def routes(self) -> list[Route]:
        """List the routes; the last ones are for paths at which there is nothing."""
        uploads = ResumableUploads(
            auth=self.auth,
            hosting=self.hosting,
            base_url=self.base_url,
            most_file_bytes=self.most_file_bytes,
            upload_hours=self.upload_hours,
        )
        bring = self._allowed(Scope.UPLOAD, self.bring)
        one = resource(
            GET=self._allowed(Scope.READ, self.get),
            PATCH=self._allowed(Scope.WRITE, self.patch),
            DELETE=self._allowed(Scope.WRITE, self.delete),
        )
        return [
            Route("/v1/audio", resource(POST=bring)),
            Route("/v1/audio/{id}", one),
            Route("/v1/media", resource(GET=self._allowed(Scope.READ, self.list))),
            Route("/v1/media/{id}", one),
            *uploads.routes(),
            Route("/v1", resource()),
            Route("/v1/{rest:path}", resource()),
        ]

    def _allowed(self, scope: Scope, endpoint: Allowed) -> Endpoint:
        return allowed(self.auth, scope, endpoint)

    async def bring(self, request: Request, principal: Principal) -> Response:
        """Take a form with a file and what is said of it, in any order."""
        entry = await self._received(request, principal.account)
        try:
            media = await self.hosting.accepted(entry)
        except problems.Problem:
            raise
        except Exception:
            # Nobody would know its id.
            await self.hosting.library.delete(entry.account, entry.media)
            raise
        body = wire.audio_body(media, self.base_url.of(request.scope))
        location = f"{self.base_url.of(request.scope)}/v1/audio/{body['id']}"
        return told_response(body, status=201, headers={"Location": location})

    async def get(self, request: Request, principal: Principal) -> Response:
        """Tell all about a file."""
        return self._told(request, await self._media(request, principal))

    async def patch(self, request: Request, principal: Principal) -> Response:
        """Change what is known of a file."""
        change = (await json_of(request, wire.Patch)).change()
        media = await self._media(request, principal)
        await self.hosting.library.rows.change(media.account, media.id, change)
        return self._told(request, await self._media(request, principal))

    async def delete(self, request: Request, principal: Principal) -> Response:
        """Delete a file, its thumbnail and all that was made of it."""
        media = await self._media(request, principal)
        if not await self.hosting.library.delete(media.account, media.id):
            raise _missing()
        return told_response({"id": audio_id(media.id), "deleted": True})

    async def list(self, request: Request, principal: Principal) -> Response:
        """List files, the newest first."""
        query = request.query_params
        for name in query:
            if name not in _QUERY:
                known = ", ".join(_QUERY)
                raise problems.bad_parameter(name, f"{name}: there are {known}.")
        kind = query.get("type") or "audio"
        if kind not in wire.TYPES:
            raise problems.bad_parameter(
                "type", f"type is one of {', '.join(wire.TYPES)}.", value=kind[:100]
            )
        limit = _limit(query.get("limit") or str(_LISTED))
        cursor = query.get("cursor") or None
        if kind != "audio":
            return json_response(wire.page_body((), None, ""))
        search = Search(
            words=wire.words_of(query.get("q", "")), tags=_tags(query.getlist("tag")), there=True
        )
        found, further = await self.hosting.library.rows.newest(
            principal.account, search, cursor=cursor, limit=limit
        )
        return json_response(wire.page_body(found, further, self.base_url.of(request.scope)))

    async def _received(self, request: Request, account: str) -> FileEntry:
        """Take the form; its file is put into its place when all of the rest is known."""
        most = await self.hosting.plans.file_bytes(account)
        said: list[tuple[str, str]] = []
        signature = Signature()
        received: Received | None = None
        filename = None
        intake = self.hosting.library.intake
        async with AsyncExitStack() as stack:
            async for part in form_of(request, Limits(most_file_bytes=most)):
                match part:
                    case FilePart(name="file"):
                        filename = wire.name_of(part.filename)
                        received = await stack.enter_async_context(
                            intake.receiving(signature.watch(part), most_bytes=most)
                        )
                    case TextField() if part.name in wire.FIELDS:
                        said.append((part.name, part.value))
                    case _:
                        known = ", ".join(("file", *wire.FIELDS))
                        raise problems.bad_parameter(
                            part.name, f"The form has no field {part.name!r}; there are {known}."
                        )
            if received is None:
                raise problems.bad_parameter("file", "The form has no file in the field 'file'.")
            wish = self.hosting.wish(
                received.size_bytes,
                format=signature.format or format_named(filename),
                filename=filename,
                draft=wire.draft_of(said),
            )
            return await intake.place(account, wish, received)

    async def _media(self, request: Request, principal: Principal) -> Media:
        media_id = media_of_audio_id(request.path_params["id"])
        rows = self.hosting.library.rows
        media = None if media_id is None else await rows.get(principal.account, media_id)
        if media is None or media.file is None or media.flaw is not None:
            raise _missing()
        return media

    def _told(self, request: Request, media: Media) -> Response:
        return told_response(wire.audio_body(media, self.base_url.of(request.scope)))


def _missing() -> problems.Problem:
    return problems.not_found("This account has no such audio.")


def _tags(texts: list[str]) -> tuple[str, ...]:
    return wire.tags_of(texts, cut=False, field="tag")


def _limit(text: str) -> int:
    if text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= _MOST_LISTED:
        return int(text)
    raise problems.bad_parameter("limit", f"limit is 1 to {_MOST_LISTED}.", value=text[:100])
