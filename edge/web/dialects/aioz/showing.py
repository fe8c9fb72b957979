"""
Which media a request may see, and what signs the URLs that its answer leads to.

An id names no account, so the media are looked for first, and then it is decided as for any URL of
the CDN that names their file. Whoever shows private media to a player by a key gets playlists that
are signed with it, because players send their keys nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.types import ASGIApp

from edge.accounts.principal import Principal
from edge.accounts.scopes import Scope
from edge.accounts.signatures import Signer
from edge.accounts.store import Accounts
from edge.clock import Clock
from edge.library.access import Owner, may_see
from edge.library.catalogue.entry import FileEntry
from edge.library.media.media import Media, is_media_id
from edge.library.media.store import MediaRows
from edge.web import problems
from edge.web.base_url import BaseUrl
from edge.web.children import Children
from edge.web.dialects.aioz.endpoints import Credentials
from edge.web.hits.gate import Gate
from edge.web.problems import Problem
from edge.web.viewers import Confidential, Proof, Viewers, leave_proof
from transforms import grammar
from transforms.delivery import read_delivery

# As long as a player may be open that was given private media by a key.
# An account that nobody has: ids are random, and this one is none.
_NOBODY = "1111111"

_CHILDREN_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Media that a request may see, and what it proved."""

    request: Request
    media: Media
    file: FileEntry
    proof: Proof

    @property
    def children(self) -> Children | None:
        """What signs the URLs that an answer leads to; nothing for what everybody sees."""
        return None if self.file.source.is_public_by("audio") else self.proof.children

    def confided(self, answer: ASGIApp) -> ASGIApp:
        """Let no shared cache keep the answer, if it is of private media."""
        if _is_public(self.file):
            return answer
        by_key = isinstance(self.proof.holder, Owner)
        return Confidential(answer, replace(self.proof, children=None) if by_key else self.proof)


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """Decides what a request sees."""

    credentials: Credentials
    viewers: Viewers
    accounts: Accounts
    clock: Clock
    rows: MediaRows
    base_url: BaseUrl
    gate: Gate

    async def show(self, request: Request, api: str) -> Shown:
        """
        Find the media of a request, if it may see them.

        Args:
            api: As which of the CDN's APIs it is asked for: ``raw`` or ``audio``.

        Raises:
            Problem: There are none, there is no file yet, or a signature or a key is wrong.
        """
        media_id = request.path_params["id"]
        media = await self.rows.locate(media_id) if is_media_id(media_id) else None
        if media is None:
            # What is wrong with a request is told whether there are any or not.
            await self._prove(request, None)
            raise _missing()
        proof = await self._prove(request, media)
        file = media.file
        if file is None:
            if media.public or proof.holder == Owner(account=media.account):
                raise problems.not_found("The file of these media has not come yet.")
            raise _missing()
        if not may_see(proof.viewer((file.path,)), media.account, file.source, api):
            raise _missing()
        return Shown(request=request, media=media, file=file, proof=proof)

    async def _prove(self, request: Request, media: Media | None) -> Proof:
        file = None if media is None else media.file
        path = "/-" if file is None else quote(file.path, safe="/")
        account = _NOBODY if media is None else media.account
        url = grammar.split(f"/{account}/raw{path}", request.url.query)
        delivery = read_delivery(url)
        self.gate.admit(delivery)
        proof = await self.viewers.prove(request.scope, url, delivery)
        if file is not None and _is_public(file):
            return proof
        if not isinstance(proof.holder, Owner) and not request.headers.get("stream-secret-key"):
            return proof
        holder = await self.credentials.holder(request, Scope.READ)
        proof = replace(proof, holder=Owner(account=holder.account))
        if media is not None and holder.account == media.account:
            proof = replace(proof, children=await self._children(request, holder))
        leave_proof(request.scope, proof)
        return proof

    async def _children(self, request: Request, holder: Principal) -> Children | None:
        """Sign with the key that was shown, unless it cannot be unsealed."""
        secret = await self.accounts.signing_secret(holder.account, holder.key_id)
        if secret is None:
            return None
        expires = self.clock.now_ms() // 1000 + _CHILDREN_SECONDS
        signer = Signer(key_id=holder.key_id, secret=secret, expires=str(expires))
        host = self.base_url.of(request.scope).partition("://")[2].lower()
        return Children(signer=signer, host=host)


def _is_public(file: FileEntry) -> bool:
    return file.source.is_public_by("audio") and file.source.is_public_by("raw")


def _missing() -> Problem:
    return problems.not_found("There are no such media, or they are private.")
