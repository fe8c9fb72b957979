"""
Resumable uploads, at ``/v1/uploads``: tus 1.0.0, whose headers ``edge.web.tus`` knows.

What comes is kept in parts, each durable before it is counted, so that neither a connection nor a
process that ends takes back what a client was told. The last byte makes a file of them; whoever
asks for an upload that misses none finishes it, too.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from cache.source import SourceMissing
from edge.accounts.principal import Principal
from edge.accounts.scopes import Scope
from edge.ids import audio_id
from edge.library.library import MediaGone
from edge.library.media.media import Media
from edge.library.storage import BodyTooLong
from edge.library.uploads.store import PartTaken
from edge.library.uploads.upload import Upload, missing_from
from edge.web import problems, tus
from edge.web.auth import Auth
from edge.web.base_url import BaseUrl
from edge.web.dialects.picora import wire
from edge.web.dialects.picora.envelope import (
    Allowed,
    allowed,
    problem_of,
    refused,
    told_response,
)
from edge.web.dialects.picora.formats import MIME_TYPES, Signature, format_named
from edge.web.dialects.picora.hosting import Hosting, path_of
from edge.web.resource import Endpoint, Resource
from transforms.audio.file_formats import FileFormat

_ROOT = "/v1/uploads"
# So much is made durable at once: what a process that is killed has lost at most.
_PART_BYTES = 32 << 20
_MOST_PARTS = 10_000


class TusResource(Resource):
    """A path at which tus is spoken; GET is ours, for people."""

    def __init__(self, *, most_bytes: int, **endpoints: Endpoint) -> None:
        super().__init__(refused, endpoints)
        self._most_bytes = most_bytes

    async def answer(self, request: Request) -> ASGIApp:
        """Answer a request; raises what is to be told in the envelope."""
        method = tus.method_of(request)
        if method == "OPTIONS":
            return tus.options_response(most_bytes=self._most_bytes)
        if method == "GET":
            return await self.dispatch(request, method)

        async def asked(request: Request) -> Response:
            try:
                answer = await self.dispatch(request, method)
            except Exception as exception:
                raise problem_of(request, exception) from exception
            assert isinstance(answer, Response)
            return answer

        return await tus.spoken(request, asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumableUploads:
    """The endpoints, and what stands behind them."""

    auth: Auth
    hosting: Hosting
    base_url: BaseUrl
    most_file_bytes: int
    upload_hours: int

    def routes(self) -> list[Route]:
        """List the routes."""

        def upload(endpoint: Allowed) -> Endpoint:
            return allowed(self.auth, Scope.UPLOAD, endpoint)

        most = self.most_file_bytes
        creation = TusResource(most_bytes=most, POST=upload(self.create))
        one = TusResource(
            most_bytes=most,
            HEAD=upload(self.look),
            GET=upload(self.tell),
            PATCH=upload(self.go_on),
            DELETE=upload(self.terminate),
        )
        return [Route(_ROOT, creation), Route(_ROOT + "/{upload}", one)]

    async def create(self, request: Request, principal: Principal) -> Response:
        """Begin an upload, with its first bytes if they come along."""
        most = await self.hosting.plans.file_bytes(principal.account)
        creation = tus.creation_of(request, most_bytes=most)
        if creation.size_bytes == 0:
            raise problems.bad_request("Upload-Length: an empty file is no audio.")
        known = creation.metadata
        filename = wire.name_of(known.get("filename") or known.get("name"))
        wish = self.hosting.wish(
            creation.size_bytes,
            format=_format_said(filename, known.get("filetype") or known.get("type")),
            filename=filename,
            draft=wire.draft_of(
                # Clients send pairs of their own beside those that are meant for somebody.
                ((key, value) for key, value in known.items() if key in wire.FIELDS),
                # Even an empty one tells this upload from those of other doors.
                note=creation.metadata_header or "",
            ),
        )
        library = self.hosting.library
        upload = await library.intake.begin(principal.account, wish, in_pieces=True)
        standing = tus.Standing(offset=0, expires_ms=self._expires_ms(upload))
        if creation.has_body:
            try:
                standing = await self._take(request, upload, 0, creation.checksum)
            except Exception:
                # Nobody has been told where it would go on.
                await library.give_up(upload)
                raise
        base_url = self.base_url.of(request.scope)
        return tus.created_response(f"{base_url}{_ROOT}/{upload.id}", standing)

    async def look(self, request: Request, principal: Principal) -> Response:
        """Tell how far an upload is."""
        upload = await self._upload(request, principal)
        return tus.progress_response(
            await self._standing(upload),
            size_bytes=upload.size_bytes,
            metadata_header=upload.draft.note or None,
        )

    async def tell(self, request: Request, principal: Principal) -> Response:
        """Tell people how far an upload is, and what has become of it."""
        upload = await self._upload(request, principal)
        media = await self._finished(upload)
        offset = upload.size_bytes if media else await self._offset(upload)
        return told_response(
            {
                "id": upload.id,
                "offset": offset,
                "sizeBytes": upload.size_bytes,
                "audio": media and wire.audio_body(media, self.base_url.of(request.scope)),
            }
        )

    async def go_on(self, request: Request, principal: Principal) -> Response:
        """Take the next bytes."""
        upload = await self._upload(request, principal)
        offset = upload.size_bytes if upload.done else await self._offset(upload)
        going_on = tus.continuation_of(request, offset=offset, size_bytes=upload.size_bytes)
        return tus.continued_response(
            await self._take(request, upload, going_on.offset, going_on.checksum)
        )

    async def terminate(self, request: Request, principal: Principal) -> Response:
        """Forget an upload, or what it has become."""
        upload = await self._upload(request, principal)
        library = self.hosting.library
        if not await library.give_up(upload):
            if Scope.WRITE not in principal.scopes:
                raise problems.forbidden(
                    "The upload is complete; this needs a key that may delete audio."
                )
            await library.delete(upload.account, upload.media)
        return tus.terminated_response()

    async def _take(
        self, request: Request, upload: Upload, offset: int, checksum: tus.Checksum | None
    ) -> tus.Standing:
        """Keep what comes, part by part; with a checksum, all of it or nothing."""
        body = tus.bytes_of(request, checksum)
        if checksum is not None:
            await self._keep(upload, offset, body)
            return await self._standing(upload)
        rest = _Rest(body)
        async with aclosing(body):
            while await rest.more():
                offset += await self._keep(upload, offset, rest.part(_PART_BYTES))
        return await self._standing(upload)

    async def _keep(self, upload: Upload, offset: int, pieces: AsyncIterable[bytes]) -> int:
        """
        Keep a part, and return how long it is.

        Its number is how many there are before it: of two that belong to the same place, the
        records take one.
        """
        intake = self.hosting.library.intake
        parts = await intake.rows.completed_parts(upload.id)
        if len(parts) >= _MOST_PARTS:
            raise problems.bad_request(f"The upload has come in {_MOST_PARTS} pieces; begin anew.")
        if sum(part.size_bytes for part in parts) != offset:
            raise PartTaken(len(parts))
        room = upload.size_bytes - offset
        try:
            async with intake.receiving(pieces, most_bytes=room) as received:
                if received.size_bytes:
                    await intake.keep(upload, len(parts), offset, received, replaces=False)
                return received.size_bytes
        except BodyTooLong as problem:
            message = f"The upload misses {room} bytes, and more were sent."
            raise problems.too_large(message, mostBytes=room) from problem

    async def _standing(self, upload: Upload) -> tus.Standing:
        media = await self._finished(upload)
        if media is not None:
            return tus.Standing(offset=upload.size_bytes, made=audio_id(media.id))
        return tus.Standing(offset=await self._offset(upload), expires_ms=self._expires_ms(upload))

    async def _finished(self, upload: Upload) -> Media | None:
        """
        Return what an upload has become, as soon as none of its bytes is missing.

        Raises:
            MediaGone: It has been deleted or replaced since.
            StorageFull: Others have taken the room that there was at the beginning.
        """
        library = self.hosting.library
        if upload.done:
            media = await library.rows.get(upload.account, upload.media)
            if media is None or media.file is None or media.file.blob != upload.blob:
                raise MediaGone(upload.path)
            return await self.hosting.accepted(media.file)
        if await library.intake.missing_from(upload) is not None:
            return None
        return await self.hosting.accepted(await library.intake.finish(await self._named(upload)))

    async def _named(self, upload: Upload) -> Upload:
        """Name an upload after what is in it, and not what its client said would be."""
        signature = Signature()
        try:
            async with aclosing(self.hosting.library.intake.arrived(upload)) as pieces:
                async for piece in pieces:
                    signature.see(piece)
                    if signature.settled:
                        break
        except SourceMissing:
            # Somebody else has just finished it.
            return upload
        found = signature.format
        if found is None:
            return upload
        return replace(upload, path=path_of(upload.media, found), mime=MIME_TYPES[found])

    async def _offset(self, upload: Upload) -> int:
        parts = await self.hosting.library.intake.rows.completed_parts(upload.id)
        missing = missing_from(parts, upload.size_bytes)
        return upload.size_bytes if missing is None else missing

    async def _upload(self, request: Request, principal: Principal) -> Upload:
        upload = await self.hosting.library.intake.rows.get(request.path_params["upload"])
        mine = upload is not None and upload.account == principal.account
        if upload is None or not mine or upload.draft.note is None:
            raise problems.not_found("This account has no such upload.")
        return upload

    def _expires_ms(self, upload: Upload) -> int:
        return upload.created_ms + self.upload_hours * 3_600_000


class _Rest:
    """What is left of a body, to be taken part by part."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._next: bytes | None = None

    async def more(self) -> bool:
        """Wait for bytes; False if there are no more."""
        if not self._next:
            self._next = await anext(self._pieces, None)
        return self._next is not None

    async def part(self, full_bytes: int) -> AsyncIterator[bytes]:
        """Yield the bytes of the next part as they come; the piece that fills it is not cut."""
        taken = 0
        while taken < full_bytes and await self.more():
            piece, self._next = self._next or b"", None
            taken += len(piece)
            yield piece


def _format_said(filename: str | None, mime: str | None) -> FileFormat | None:
    by_type = next((each for each, known in MIME_TYPES.items() if known == mime), None)
    return format_named(filename) or by_type
