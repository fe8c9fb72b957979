"""
Who is asking: API keys and tokens from a request to a principal.

Bytescale's clients send ``Authorization: Bearer secret_…``; its SDK in a browser cannot set that
everywhere and sends ``Basic`` with the user name ``apikey``. With a token it sends that beside a
public key, as ``Authorization-Token``, or alone as the bearer.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request

from edge.accounts.jwt_keys.store import JwtKeys
from edge.accounts.permissions import Act
from edge.accounts.principal import Principal
from edge.accounts.scopes import Scope, every_scope
from edge.accounts.store import Accounts
from edge.accounts.tokens import (
    BadToken,
    Token,
    TokenAlgorithm,
    TokenKey,
    read_header,
    read_token,
)
from edge.clock import Clock
from edge.ids import KeyKind
from edge.web import problems

# The SDK's own keys for trying things out.
DEMO_KEYS = ("free", "demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the fields of a request bring: an API key, a token, the web origin it comes from."""

    key: str | None
    token: str | None
    origin: str | None


class Auth:
    """Proves principals by what they bring."""

    def __init__(
        self, accounts: Accounts, jwt_keys: JwtKeys, clock: Clock, *, demo_account: str | None
    ) -> None:
        """Prepare; the demo keys are public keys of *demo_account*, of nobody if ``None``."""
        self._accounts = accounts
        self._jwt_keys = jwt_keys
        self._clock = clock
        self._demo_account = demo_account

    async def holder(self, request: Request, account: str) -> Principal:
        """
        Return who holds a key or a token of *account*; what they may, the endpoint asks for.

        Raises:
            Problem: 401 without a valid key or token, 403 for another account's.
        """
        brought = read_credentials(request.headers)
        principal = None if brought.key is None else await self._key_holder(brought.key, account)
        if brought.token is None:
            if principal is None:
                raise problems.unauthorized(
                    "This needs one of the account's keys as a bearer token."
                )
            return principal
        token = await self._required_token(brought, account)
        if principal is not None:
            return replace(principal, permissions=token.permissions)
        return holder_of(token)

    async def key_holder(
        self, request: Request, account: str, scope: Scope | None = None
    ) -> Principal:
        """
        Return who holds any key of *account*, and one that may be used for *scope*.

        Raises:
            Problem: 401 without a valid key, 403 for another account's, or without the scope.
        """
        principal = await self.holder(request, account)
        require_scope(principal, scope)
        return principal

    async def secret_holder(
        self, request: Request, account: str, scope: Scope | None = None
    ) -> Principal:
        """
        Return who holds a secret key of *account*, and one that may be used for *scope*.

        Raises:
            Problem: 401 without a valid key, 403 for a public key, another account's, or without
                the scope.
        """
        principal = await self.holder(request, account)
        if principal.scopes and principal.kind is not KeyKind.SECRET:
            raise problems.forbidden("This needs a secret key; the one given is public.")
        require_scope(principal, scope)
        return principal

    async def scoped(self, request: Request, scope: Scope, *, secret: bool = False) -> Principal:
        """
        Return who holds an API key that may be used for *scope*; the account is that of the key.

        Args:
            secret: Whether the key has to be a secret one, whatever public ones may.

        Raises:
            Problem: 401 without a valid key, 403 for one that may not.
        """
        principal = await self.principal(request)
        if principal is None:
            raise problems.unauthorized("This needs the account's secret key as a bearer token.")
        if secret and principal.kind is not KeyKind.SECRET:
            raise problems.forbidden("This needs a secret key; the one given is public.")
        require_scope(principal, scope)
        return principal

    async def principal(self, request: Request) -> Principal | None:
        """Return whom the request's key proves, ``None`` if it has none or a wrong one."""
        key = read_credentials(request.headers).key
        return None if key is None else await self.principal_for(key)

    async def principal_for(self, key: str) -> Principal | None:
        """Return whom an API key proves, ``None`` if nobody."""
        if key in DEMO_KEYS:
            if self._demo_account is None:
                return None
            return Principal(
                account=self._demo_account,
                kind=KeyKind.PUBLIC,
                key_id=key,
                scopes=every_scope(KeyKind.PUBLIC),
            )
        return await self._accounts.principal_for(key)

    async def token(self, text: str, account: str, origin: str | None) -> Token:
        """
        Check a token of *account* that comes from *origin*.

        Raises:
            BadToken: It proves nothing, or not from there.
        """
        header = read_header(text)
        keys: tuple[TokenKey, ...]
        if header.algorithm is TokenAlgorithm.HS256:
            keys = await self._accounts.token_keys(account, header.key_id)
        else:
            keys = await self._jwt_keys.token_keys(account, header.algorithm, header.key_id)
        token = read_token(text, keys, account=account, now_ms=self._clock.now_ms())
        if not token.used_from(origin):
            raise BadToken(f"The token may not be used from {origin}.")
        return token

    async def _key_holder(self, key: str, account: str) -> Principal:
        principal = await self.principal_for(key)
        if principal is None:
            raise problems.unauthorized("This needs one of the account's keys as a bearer token.")
        if principal.account != account:
            raise problems.forbidden("The API key belongs to another account.")
        return principal

    async def _required_token(self, brought: Credentials, account: str) -> Token:
        try:
            return await self.token(brought.token or "", account, brought.origin)
        except BadToken as problem:
            raise problems.unauthorized(str(problem)) from problem


def holder_of(token: Token) -> Principal:
    """Return the principal of a token alone: it may what the token allows, and nothing else."""
    return Principal(
        account=token.account,
        kind=KeyKind.PUBLIC,
        key_id=token.key_id,
        scopes=frozenset(),
        permissions=token.permissions,
    )


def require(principal: Principal, act: Act, path: str) -> None:
    """
    Let an act at a path pass.

    Raises:
        Problem: 403, naming the scope and the permission that are missing.
    """
    if not principal.may(act, path):
        raise problems.forbidden(
            f"This needs a key with the scope {act.scope}, or a token that allows {act} at {path}.",
            scope=act.scope,
            permission=act,
        )


def read_credentials(headers: Headers) -> Credentials:
    """Read what a request brings; no API key has a point in it, and every token has two."""
    bearer = _secret_of(headers.get("authorization", ""))
    token = headers.get("authorization-token")
    if bearer is not None and "." in bearer:
        token, bearer = token or bearer, None
    return Credentials(key=bearer, token=token or None, origin=origin_of(headers))


def origin_of(headers: Headers) -> str | None:
    """Tell the web origin of a request, ``null`` included; None if it does not say."""
    if origin := headers.get("origin"):
        return origin
    try:
        referer = urlsplit(headers.get("referer", ""))
    except ValueError:
        return "null"
    return f"{referer.scheme}://{referer.netloc}" if referer.netloc else None


def require_scope(principal: Principal, scope: Scope | None) -> None:
    """
    Let what a key may do anywhere in its account pass; None is whatever key it is.

    Raises:
        Problem: 403, naming the scope that is missing.
    """
    if not principal.scopes:
        raise problems.forbidden("A token alone does not do here; this needs an API key.")
    if scope is not None and scope not in principal.scopes:
        raise problems.forbidden(
            f"The API key may not be used for this: it lacks the scope {scope}.", scope=scope
        )


def _secret_of(header: str) -> str | None:
    scheme, _, credentials = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip() or None
        case "basic":
            try:
                text = base64.b64decode(credentials.strip(), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return None
            return text.partition(":")[2] or None
        case _:
            return None
