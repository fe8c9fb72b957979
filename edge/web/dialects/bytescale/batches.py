"""
What Bytescale's API does as jobs: batches, whole folders, and transforms that are kept as files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.accounts.principal import Principal
from edge.accounts.scopes import Scope
from edge.clock import Clock
from edge.fill.filler import Filler
from edge.fill.runner import Runner
from edge.fill.wanted import understand
from edge.library import chores
from edge.library.catalogue.store import Catalogue
from edge.library.chores import COPY_FILES, COPY_FOLDERS, DELETE_FILES, DELETE_FOLDERS, SAVE
from edge.library.media.media import stem_of
from edge.library.media.store import MediaRows
from edge.library.paths import checked
from edge.web import problems
from edge.web.auth import Auth, require_scope
from edge.web.base_url import BaseUrl
from edge.web.bodies import json_of
from edge.web.dialects.bytescale import batches_wire as wire
from edge.web.dialects.bytescale.checks import checked_draft, folder_path, telling
from edge.web.dialects.bytescale.endpoints import Endpoint, account_route
from edge.web.dialects.bytescale.wire import chore_body
from edge.web.refusals import refusals
from edge.web.responses import json_response

_MOST_IN_BATCH = 1000

_Each = TypeVar("_Each")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchApi:
    """The endpoints, and what stands behind them."""

    auth: Auth
    catalogue: Catalogue
    media: MediaRows
    runner: Runner
    filler: Filler
    base_url: BaseUrl
    clock: Clock

    def routes(self) -> list[Route]:
        """List the routes; those of one folder share theirs with what describes folders."""
        account = "/v2/accounts/{account}"
        return [
            self._route(account + "/files/batch", DELETE=self.delete_files),
            self._route(account + "/files/copy/batch", POST=self.copy_files),
            self._route(account + "/folders/batch", DELETE=self.delete_folders),
            self._route(account + "/folders/copy", POST=self.copy_folder),
            self._route(account + "/folders/copy/batch", POST=self.copy_folders),
            self._route("/{account}/save/audio/{path:path}", POST=self.save),
        ]

    def _route(self, path: str, **endpoints: Endpoint) -> Route:
        told = {method: telling(endpoint) for method, endpoint in endpoints.items()}
        return account_route(path, partial(self.auth.secret_holder, scope=Scope.WRITE), **told)

    async def delete_files(self, request: Request, account: str, _: Principal) -> Response:
        """Delete files."""
        body = await json_of(request, wire.DeleteFiles)
        paths = tuple(map(checked, _few(body.files, "files")))
        return await self._begin(request, account, DELETE_FILES, paths)

    async def copy_files(self, request: Request, account: str, _: Principal) -> Response:
        """Copy files."""
        body = await json_of(request, wire.CopyFiles)
        for each in _few(body.files, "files"):
            checked(each.source)
            checked(each.destination)
        return await self._begin(request, account, COPY_FILES, body.wanted())

    async def delete_folder(self, request: Request, account: str, principal: Principal) -> Response:
        """Delete a folder."""
        require_scope(principal, Scope.WRITE)
        body = await json_of(request, wire.DeleteFolder)
        return await self._begin(request, account, DELETE_FOLDERS, (_deleted(body),))

    async def delete_folders(self, request: Request, account: str, _: Principal) -> Response:
        """Delete folders."""
        body = await json_of(request, wire.DeleteFolders)
        wanted = tuple(map(_deleted, _few(body.folders, "folders")))
        return await self._begin(request, account, DELETE_FOLDERS, wanted)

    async def copy_folder(self, request: Request, account: str, _: Principal) -> Response:
        """Copy a folder."""
        body = await json_of(request, wire.CopyFolder)
        return await self._begin(request, account, COPY_FOLDERS, (_copied(body),))

    async def copy_folders(self, request: Request, account: str, _: Principal) -> Response:
        """Copy folders."""
        body = await json_of(request, wire.CopyFolders)
        wanted = tuple(map(_copied, _few(body.folders, "folders")))
        return await self._begin(request, account, COPY_FOLDERS, wanted)

    async def save(self, request: Request, account: str, _: Principal) -> Response:
        """Make a transform, and keep what it makes as files of the account."""
        body = await json_of(request, wire.SaveFile)
        raw_path = request.scope["raw_path"].decode("latin-1").replace("/save/", "/", 1)
        query = request.url.query
        subject = f"{raw_path}?{query}" if query else raw_path
        url = understand(subject)
        if url.spec.artifact is None:
            raise problems.bad_parameter("f", "This is no format that makes files.")
        extension = url.spec.artifact.rpartition(".")[2]
        destination = body.path_wish().resolve(
            f"{stem_of(url.url.path)}.{extension}", self.clock.now_ms()
        )
        entry = await self.catalogue.find(account, url.url.path)
        original = None if entry is None else await self.media.get(account, entry.media)
        with refusals():
            # Begun now, so that whoever asks is told at once what cannot be.
            await self.filler.obtain(await self.filler.find(url))
        order = chores.Save(
            subject=subject,
            destination=destination,
            draft=checked_draft(body.draft(original, root=True)),
            draft_of_others=checked_draft(body.draft(original, root=False)),
        )
        return await self._begin(request, account, SAVE, order, {"async": True})

    async def _begin(
        self,
        request: Request,
        account: str,
        name: str,
        order: object,
        told: dict[str, object] | None = None,
    ) -> Response:
        job = await self.runner.begin_chore(account, name, msgspec.json.encode(order))
        body = chore_body(job, self.base_url.of(request.scope))
        return json_response({**body, **(told or {})})


def _few(items: Sequence[_Each], name: str) -> Sequence[_Each]:
    if not 1 <= len(items) <= _MOST_IN_BATCH:
        raise problems.bad_parameter(name, f"A batch has 1 to {_MOST_IN_BATCH} {name}.")
    return items


def _deleted(body: wire.DeleteFolder) -> chores.DeleteFolder:
    return chores.DeleteFolder(
        path=folder_path(body.folder_path),
        files=body.delete_files,
        made=body.delete_virtual_folders,
        recursive=body.recursive,
    )


def _copied(body: wire.CopyFolder) -> chores.CopyFolder:
    source, destination = folder_path(body.source), folder_path(body.destination)
    from_stem, to_stem = f"{source.rstrip('/')}/", f"{destination.rstrip('/')}/"
    if to_stem.startswith(from_stem) or from_stem.startswith(to_stem):
        # Copies would take the places of files that are yet to be copied.
        raise problems.bad_parameter(
            "destination",
            "A folder cannot be copied into itself, nor to a folder that it lies in.",
            value=destination,
        )
    return chores.CopyFolder(
        source=source,
        destination=destination,
        relabel=body.relabel(),
        files=body.copy_files,
        made=body.copy_virtual_folders,
        recursive=body.recursive,
    )
