"""
Who looks at the CDN: what a request proves, before anything is looked up for it.

A signature counts or the request ends. Keys and tokens only add to what everybody sees, so one that
is wrong or over is as if it were not there: what is private is then missing, as for anybody.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.accounts.scopes import Scope as KeyScope
from edge.accounts.signatures import Signer, message_of, read_signature, verify
from edge.accounts.store import Accounts
from edge.accounts.tokens import BadToken, Token
from edge.library.access import ANYONE, Owner, SignedUrl, TokenHolder, Viewer
from edge.web.auth import Auth, read_credentials
from edge.web.base_url import BaseUrl
from edge.web.children import Children
from edge.web.problems import Problem
from edge.web.responses import CREDENTIAL_FIELDS
from transforms.delivery import Delivery
from transforms.grammar import CdnUrl

COOKIE: Final = "audio-edge-token"

_SCOPE_KEY: Final = "audio_edge.proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a request has proved of who sends it."""

    account: str
    holder: Viewer = ANYONE

    children: Children | None = None
    """For a signed request: what signs the URLs that its answer leads to."""

    origin: str | None = None
    """The web origin whose pages may read the answer to a request with a cookie."""

    def viewer(self, paths: Iterable[str]) -> Viewer:
        """Tell who looks, at a URL that names files at *paths*."""
        if self.children is None:
            return self.holder
        return SignedUrl(account=self.account, paths=frozenset(paths))


class Viewers:
    """Proves who looks."""

    def __init__(self, auth: Auth, accounts: Accounts, base_url: BaseUrl) -> None:
        self._auth = auth
        self._accounts = accounts
        self._base_url = base_url

    async def prove(self, scope: Scope, url: CdnUrl, delivery: Delivery) -> Proof:
        """
        Read and check what a request brings, and leave the proof with it.

        Raises:
            Problem: 403 ``bad_signature``.
        """
        if delivery.signature is not None:
            proof = await self._signed(scope, url, delivery.signature)
        else:
            proof = await self._credited(Headers(scope=scope), url.account)
        leave_proof(scope, proof)
        return proof

    async def _signed(self, scope: Scope, url: CdnUrl, text: str) -> Proof:
        expires = [value for name, value in url.parameters if name == "exp"]
        signature = read_signature(text)
        if signature is None or not expires:
            raise _bad_signature()
        secret = await self._accounts.signing_secret(url.account, signature.key_id)
        host = self._base_url.of(scope).partition("://")[2].lower()
        message = message_of(
            host,
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            of_parts=signature.of_parts,
        )
        if secret is None or not verify(message, signature, secret):
            raise _bad_signature()
        signer = Signer(key_id=signature.key_id, secret=secret, expires=expires[0])
        return Proof(account=url.account, children=Children(signer=signer, host=host))

    async def _credited(self, headers: Headers, account: str) -> Proof:
        brought = read_credentials(headers)
        if brought.key is not None:
            principal = await self._auth.principal_for(brought.key)
            if principal is not None and KeyScope.READ in principal.scopes:
                return Proof(account=account, holder=Owner(account=principal.account))
        if brought.token is not None:
            token = await self._token(brought.token, account, brought.origin)
            return Proof(account=account, holder=_holder(token))
        for text in cookies_of(headers):
            token = await self._token(text, account, brought.origin)
            if token is not None:
                origin = headers.get("origin")
                known = origin is not None and token.origins is not None
                readable = origin if known and token.used_from(origin) else None
                return Proof(account=account, holder=_holder(token), origin=readable)
        return Proof(account=account)

    async def _token(self, text: str, account: str, origin: str | None) -> Token | None:
        try:
            return await self._auth.token(text, account, origin)
        except BadToken:
            return None


class Confidential:
    """
    An answer that was made of private media, whatever it is: no shared cache keeps it.

    This stands around all of them, so that none can be forgotten.
    """

    def __init__(self, answer: ASGIApp, proof: Proof) -> None:
        self._answer = answer
        self._proof = proof

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer with fields that say for whom it is."""

        async def confided(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._confide(MutableHeaders(scope=message))
            await send(message)

        await self._answer(scope, receive, confided)

    def _confide(self, headers: MutableHeaders) -> None:
        headers["Cache-Control"] = _private(headers.get("Cache-Control", ""))
        if self._proof.children is None:
            headers.add_vary_header(CREDENTIAL_FIELDS)
        if self._proof.origin is not None:
            headers["Access-Control-Allow-Origin"] = self._proof.origin
            headers["Access-Control-Allow-Credentials"] = "true"
            headers.add_vary_header("Origin")


def leave_proof(scope: Scope, proof: Proof) -> None:
    """Leave a proof with its request, for whatever is answered to that."""
    scope[_SCOPE_KEY] = proof


def children_of(scope: Scope) -> Children | None:
    """Return what signs the URLs that the answer to a request leads to, if it was signed."""
    proof: Proof | None = scope.get(_SCOPE_KEY)
    return None if proof is None else proof.children


def cookies_of(headers: Headers) -> Iterator[str]:
    """Yield the tokens in a request's cookies."""
    for field in headers.getlist("cookie"):
        if COOKIE not in field:
            continue
        with contextlib.suppress(CookieError):
            cookies = SimpleCookie(field)
            if COOKIE in cookies:
                yield cookies[COOKIE].value


def _holder(token: Token | None) -> Viewer:
    if token is None:
        return ANYONE
    return TokenHolder(account=token.account, permissions=token.permissions)


def _private(cache_control: str) -> str:
    kept = [part.strip() for part in cache_control.split(",") if part.strip()]
    if "no-store" in kept:
        return "no-store"
    return ", ".join(["private", *(part for part in kept if part not in ("public", "private"))])


def _bad_signature() -> Problem:
    return Problem(
        403,
        "bad_signature",
        "The signature is not one of this URL, or its key may not read. A signed URL needs exp and "
        "sig, and nothing in it may be changed.",
        details={"parameter": "sig"},
    )
