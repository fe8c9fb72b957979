"""
Bytescale's API of uploads, files and folders, under ``/v2/accounts/{account}``.

A public key brings files in and overwrites none; the rest needs a secret one with the right scope,
or a token that allows it at the path in question. The bytes of a part are put without a key, as the
SDK does: whoever knows an upload's id has begun it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.accounts.permissions import Act
from edge.accounts.principal import Principal
from edge.accounts.scopes import Scope
from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import Catalogue
from edge.library.folders.folder import FolderEntry
from edge.library.folders.store import Folders
from edge.library.library import MediaLibrary
from edge.library.media.media import Draft, Media
from edge.library.media.store import MediaRows
from edge.library.paths import PathWish, checked
from edge.library.storage import BodyTooLong
from edge.library.uploads.imports import Imports
from edge.library.uploads.intake import Intake, Wish, WrongPart
from edge.library.uploads.upload import Upload
from edge.web import problems
from edge.web.auth import Auth, require
from edge.web.base_url import BaseUrl
from edge.web.bodies import body_of, decoded, json_of
from edge.web.dialects.bytescale import storage_wire as wire
from edge.web.dialects.bytescale.batches import BatchApi
from edge.web.dialects.bytescale.checks import (
    checked_draft,
    folder_path,
    telling,
    whole,
)
from edge.web.dialects.bytescale.endpoints import Endpoint, account_route
from edge.web.forms.form import FilePart, form_of
from edge.web.forms.parser import Limits
from edge.web.refusals import of_library, refusals
from edge.web.responses import COMMON_HEADERS, json_response, preflight_response

_MOST_LISTED = 1000
_MOST_FORM_FILES = 32
_MOST_TIMEOUT_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageApi:
    """The endpoints, and what stands behind them."""

    auth: Auth
    intake: Intake
    imports: Imports
    library: MediaLibrary
    catalogue: Catalogue
    folders: Folders
    media: MediaRows
    batches: BatchApi
    base_url: BaseUrl
    most_file_bytes: int

    def routes(self) -> list[Route]:
        """List the routes."""
        account = "/v2/accounts/{account}"
        part = account + "/uploads/{upload}/parts/{number:int}"
        return [
            self._route(account + "/uploads", Scope.UPLOAD, POST=self.begin),
            self._route(account + "/uploads/binary", Scope.UPLOAD, POST=self.bring),
            self._route(account + "/uploads/form_data", Scope.UPLOAD, POST=self.bring_form),
            self._route(account + "/uploads/url", Scope.UPLOAD, POST=self.fetch),
            self._route(account + "/uploads/{upload}/parts", Scope.UPLOAD, GET=self.remaining),
            self._route(part, Scope.UPLOAD, GET=self.part, PUT=self.complete),
            Route(part + "/bytes", self.receive, methods=["PUT", "OPTIONS"]),
            self._route(account + "/files/details", GET=self.details),
            self._route(account + "/files", DELETE=self.delete),
            self._route(account + "/files/copy", Scope.WRITE, POST=self.copy),
            self._route(account + "/folders/list", GET=self.list_folder),
            self._route(
                account + "/folders",
                GET=self.folder,
                PUT=self.make_folder,
                DELETE=self.batches.delete_folder,
            ),
            *self.batches.routes(),
        ]

    def _route(self, path: str, scope: Scope | None = None, **endpoints: Endpoint) -> Route:
        """Route to endpoints that need a scope, or see for themselves who may do what where."""
        holder = self.auth.holder
        if scope is not None:
            holder = partial(self.auth.key_holder, scope=scope)
        told = {method: telling(endpoint) for method, endpoint in endpoints.items()}
        return account_route(path, holder, **told)

    async def begin(self, request: Request, account: str, principal: Principal) -> Response:
        """Begin an upload in parts."""
        body = await json_of(request, wire.BeginUpload)
        if not 0 <= body.size <= self.most_file_bytes:
            raise problems.bad_parameter(
                "size",
                f"A file has 0 to {self.most_file_bytes} bytes.",
                value=body.size,
            )
        upload = await self.intake.begin(account, _wish(body, body.size, principal))
        return json_response(wire.upload_body(upload, self.base_url.of(request.scope)))

    async def bring(self, request: Request, account: str, principal: Principal) -> Response:
        """Take a whole file as the body; what is to be known of it is in the query."""
        wish = self._whole_wish(request, principal, mime=request.headers.get("content-type"))
        entry = await self.intake.bring(account, wish, body_of(request))
        return json_response(wire.brought_body(entry, self.base_url.of(request.scope)))

    async def bring_form(self, request: Request, account: str, principal: Principal) -> Response:
        """Take each part of a form as a file; those that are refused are listed beside the rest."""
        base_url = self.base_url.of(request.scope)
        limits = Limits(
            most_file_bytes=self.most_file_bytes, most_files=_MOST_FORM_FILES, nameless_files=True
        )
        files, errors = [], []
        async for part in form_of(request, limits):
            if not isinstance(part, FilePart):
                continue
            wish = self._whole_wish(
                request, principal, mime=part.content_type, original_name=part.filename
            )
            try:
                entry = await self.intake.bring(account, wish, part)
            except Exception as refusal:
                problem = of_library(refusal)
                if problem is None:
                    raise
                now_ms = self.intake.clock.now_ms()
                errors.append(
                    wire.refused_body(
                        part.name, problem.code, problem.message, dict(problem.details), now_ms
                    )
                )
            else:
                body = wire.brought_body(entry, base_url)
                files.append({**body, "formDataFieldName": part.name})
        if not files and not errors:
            raise problems.bad_request("The form has no file.")
        return json_response({"files": files, "errors": errors})

    async def fetch(self, request: Request, account: str, principal: Principal) -> Response:
        """Fetch a file from a URL."""
        body = await json_of(request, wire.FromUrl)
        if not 1 <= body.timeout <= _MOST_TIMEOUT_MS:
            raise problems.bad_parameter(
                "timeout", f"timeout is 1 to {_MOST_TIMEOUT_MS} milliseconds.", value=body.timeout
            )
        with refusals():
            entry = await self.imports.bring(
                account,
                body.url,
                _wish(body, 0, principal),
                timeout_seconds=body.timeout / 1000,
            )
        return json_response(wire.brought_body(entry, self.base_url.of(request.scope)))

    async def remaining(self, request: Request, account: str, _: Principal) -> Response:
        """List the parts that are missing."""
        upload = await self._upload(request, account)
        return json_response({"remainingUploadParts": await self.intake.remaining(upload)})

    async def part(self, request: Request, account: str, _: Principal) -> Response:
        """Tell where the bytes of a part go."""
        upload = await self._upload(request, account)
        number = request.path_params["number"]
        if upload.range(number) is None:
            raise problems.not_found(f"The upload has the parts 0 to {upload.parts - 1}.")
        return json_response(wire.part_body(upload, number, self.base_url.of(request.scope)))

    async def receive(self, request: Request) -> Response:
        """Take the bytes of a part."""
        if request.method == "OPTIONS":
            return preflight_response(("PUT", "OPTIONS"))
        upload = await self._upload(request, request.path_params["account"])
        try:
            digest = await self.intake.receive(
                upload, request.path_params["number"], body_of(request)
            )
        except (WrongPart, BodyTooLong) as refusal:
            raise of_library(refusal) or refusal from None
        return Response(status_code=200, headers={**COMMON_HEADERS, "ETag": f'"{digest}"'})

    async def complete(self, request: Request, account: str, _: Principal) -> Response:
        """Complete a part, and with the last one the file."""
        upload = await self._upload(request, account)
        body = await json_of(request, wire.CompletePart)
        entry = await self.intake.complete(upload, request.path_params["number"], body.digest)
        return json_response(wire.completed_body(entry))

    async def details(self, request: Request, account: str, principal: Principal) -> Response:
        """Tell all about a file."""
        path = _file_path(request)
        require(principal, Act.GET_FILE_DETAILS, path)
        entry, media = await self._file(account, path)
        return json_response(wire.details_body(entry, media, self.base_url.of(request.scope)))

    async def delete(self, request: Request, account: str, principal: Principal) -> Response:
        """Delete a file and all that was made of it."""
        path = _file_path(request)
        require(principal, Act.DELETE_FILE, path)
        if await self.library.delete_file(account, path) is None:
            raise problems.not_found("This account has uploaded no such file.")
        return json_response({})

    async def copy(self, request: Request, account: str, _: Principal) -> Response:
        """Copy a file; whatever is at its destination is replaced."""
        body = await json_of(request, wire.CopyFile)
        original, media = await self._file(account, checked(body.source))
        with refusals():
            await self.intake.copy(
                original,
                checked(body.destination),
                draft=checked_draft(body.relabel().draft_of(media)),
            )
        return json_response({"status": "Copied"})

    async def folder(self, request: Request, account: str, principal: Principal) -> Response:
        """Describe a folder."""
        path = folder_path(request.query_params.get("folderPath") or "/")
        require(principal, Act.GET_FOLDER_DESCRIPTION, path)
        require(principal, Act.GET_FOLDER_PUBLIC_PERMISSIONS, path)
        folder = await self._folder(account, request.query_params.get("folderPath"))
        return await self._folder_details(folder)

    async def make_folder(self, request: Request, account: str, principal: Principal) -> Response:
        """Make a folder, or change what it says."""
        body = await json_of(request, wire.PutFolder)
        path = folder_path(body.folder_path)
        require(principal, Act.CREATE_VIRTUAL_FOLDER, path)
        if body.folder_settings.description is not None:
            require(principal, Act.SET_FOLDER_DESCRIPTION, path)
        if body.folder_settings.public_permissions is not None:
            require(principal, Act.SET_FOLDER_PUBLIC_PERMISSIONS, path)
        there = await self.folders.get(account, path)
        made = await self.folders.make(
            account,
            path,
            description=body.folder_settings.description_of(there),
            permissions=body.folder_settings.permissions_of(there),
        )
        return await self._folder_details(made)

    async def list_folder(self, request: Request, account: str, principal: Principal) -> Response:
        """List what is in a folder."""
        query = request.query_params
        require(principal, Act.LIST_FOLDER_CHILDREN, folder_path(query.get("folderPath") or "/"))
        folder = await self._folder(account, query.get("folderPath"))
        limit = whole(query.get("limit"), "limit", most=_MOST_LISTED) or 50
        cursor = query.get("cursor") or None
        if cursor is not None:
            checked(cursor)
        page = await self.catalogue.list(
            account,
            folder.path,
            recursive=query.get("recursive") == "true",
            cursor=cursor,
            limit=limit,
        )
        body = wire.listing_body(
            folder,
            page,
            self.base_url.of(request.scope),
            files=query.get("includeFiles") != "false",
            made=query.get("includeVirtualFolders") != "false",
            unmade=query.get("includePhysicalFolders") != "false",
        )
        return json_response(body)

    def _whole_wish(
        self,
        request: Request,
        principal: Principal,
        *,
        mime: str | None,
        original_name: str | None = None,
    ) -> Wish:
        query = request.query_params
        metadata = request.headers.get("x-upload-metadata")
        path = _path_of(request)
        return Wish(
            path=path,
            size_bytes=self.most_file_bytes,
            mime=mime,
            original_name=query.get("originalFileName", original_name),
            draft=checked_draft(
                Draft(
                    tags=tuple(query.getlist("tag")),
                    metadata=decoded(metadata, dict[str, object]) if metadata else {},
                )
            ),
            overwrites=_may_overwrite(principal, path),
        )

    async def _folder(self, account: str, text: str | None) -> FolderEntry:
        folder = await self.folders.get(account, folder_path(text or "/"))
        if folder is None:
            raise problems.not_found("This account has no such folder.")
        return folder

    async def _folder_details(self, folder: FolderEntry) -> Response:
        permissions = await self.folders.permissions(folder.account)
        return json_response(wire.folder_details_body(folder, permissions.deciding(folder.path)))

    async def _file(self, account: str, path: str) -> tuple[FileEntry, Media]:
        entry = await self.catalogue.find(account, path)
        media = None if entry is None else await self.media.get(account, entry.media)
        if entry is None or media is None:
            raise problems.not_found("This account has uploaded no such file.")
        return entry, media

    async def _upload(self, request: Request, account: str) -> Upload:
        upload = await self.intake.rows.get(request.path_params["upload"])
        if upload is None or upload.account != account:
            raise problems.not_found("This account has no such upload.")
        return upload


def _wish(body: wire.Described, size_bytes: int, principal: Principal) -> Wish:
    path = body.path_wish()
    return Wish(
        path=path,
        size_bytes=size_bytes,
        mime=body.mime,
        original_name=body.original_file_name,
        draft=checked_draft(Draft(tags=body.tags, metadata=body.metadata)),
        overwrites=_may_overwrite(principal, path),
    )


def _may_overwrite(principal: Principal, wish: PathWish) -> bool:
    """Tell whether a file may be replaced; a token says so of paths without variables."""
    if Scope.WRITE in principal.scopes:
        return True
    return wish.whole is not None and principal.may(Act.OVERWRITE_FILE, wish.whole)


def _path_of(request: Request) -> PathWish:
    query = request.query_params
    if (whole := query.get("filePath")) is not None:
        return PathWish(whole=whole)
    return PathWish(
        folder=query.get("folderPath"),
        folder_variables=query.get("folderPathVariablesEnabled") != "false",
        name=query.get("fileName"),
        name_variables=query.get("fileNameVariablesEnabled") != "false",
        fallback_name=query.get("fileNameFallback"),
    )


def _file_path(request: Request) -> str:
    path = request.query_params.get("filePath")
    if path is None:
        raise problems.bad_parameter("filePath", "The query has to name a file: ?filePath=/….")
    return checked(path)
