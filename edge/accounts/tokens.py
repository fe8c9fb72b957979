"""
Tokens: what an account's own back end allows one of its users, signed by it (Bytescale's JWTs).

The shape is ``BytescaleJwt`` (bytescale.com/docs/types/BytescaleJwt). Signatures are HS256 with a
secret API key, or RS256 and ES256 with keys that were registered. A key serves the algorithm it is
for and no other, whatever a token's header says, so a public key cannot be taken for a shared
secret (RFC 8725, 3.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import jwt
import msgspec

from edge.accounts.permissions import Act, PathPermission, Reach
from edge.accounts.scopes import EVERY_SCOPE, Scope, Scopes

LONGEST_TOKEN: Final = 8192
_KEY_ID: Final = re.compile(r"[!-~]{1,64}")

# The last second of the year 9999.
_LATEST: Final = 253_402_300_799


class TokenAlgorithm(StrEnum):
    """How a token is signed (RFC 7518, 3.1); nothing else is."""

    HS256 = "HS256"
    RS256 = "RS256"
    ES256 = "ES256"


class BadToken(Exception):
    """A token that proves nothing, and why."""


class TokenExpired(BadToken):
    """It was good until a moment ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenHeader:
    """What a token says of its signature, unproved."""

    algorithm: TokenAlgorithm
    key_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """
    A key that tokens are checked with: ``material`` is a shared secret, or a public key's PEM.

    ``scopes`` limit its tokens: whoever has a key that may only upload cannot allow more with it.
    """

    id: str
    algorithm: TokenAlgorithm
    material: str
    scopes: Scopes = EVERY_SCOPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that is good: whom it speaks for, until when, and what it allows."""

    account: str
    key_id: str
    expires_ms: int
    permissions: tuple[PathPermission, ...]

    origins: tuple[str, ...] | None
    """The web origins that it may be used from; None for all."""

    def used_from(self, origin: str | None) -> bool:
        """Tell whether a request may use it that comes from *origin*, None if it does not say."""
        return origin is None or self.origins is None or origin in self.origins


class _Match(msgspec.Struct, frozen=True):
    path: str
    scope: Reach


class _PathPermission(msgspec.Struct, frozen=True):
    match: _Match
    # read or write, file or folder, and what of it.
    permissions: dict[str, dict[str, dict[str, bool | list[str]]]] = {}


class _Access(msgspec.Struct, frozen=True, rename="camel"):
    path_permissions: list[_PathPermission] = []


class _Claims(msgspec.Struct, frozen=True, rename="camel"):
    exp: int | float
    nbf: int | float = 0
    account_id: str | None = None
    allowed_origins: list[str] | None = None
    access: _Access = _Access()


_SIGNATURES: Final = jwt.PyJWS(algorithms=list(TokenAlgorithm))
_DOWNLOADS: Final = "downloadFile"
_ACTS: Final = {act.value: act for act in Act}


def read_header(text: str) -> TokenHeader:
    """
    Read which key a token asks to be checked with.

    Raises:
        BadToken: It is none, or is signed in a way that is not accepted.
    """
    if len(text) > LONGEST_TOKEN:
        raise BadToken(f"A token has at most {LONGEST_TOKEN} characters.")
    try:
        header = _SIGNATURES.get_unverified_header(text)
    except (jwt.PyJWTError, ValueError, RecursionError) as problem:
        # PyJWT lets through what the standard library says of lone surrogates and deep nesting.
        raise BadToken("This is not a JSON Web Token.") from problem
    try:
        algorithm = TokenAlgorithm(header.get("alg", ""))
    except ValueError:
        accepted = ", ".join(TokenAlgorithm)
        raise BadToken(f"The token's alg is not one of {accepted}.") from None
    key_id = header.get("kid")
    if key_id is not None and not (isinstance(key_id, str) and _KEY_ID.fullmatch(key_id)):
        raise BadToken("The token's kid is the id of no key.")
    return TokenHeader(algorithm=algorithm, key_id=key_id)


def read_token(text: str, keys: Iterable[TokenKey], *, account: str, now_ms: int) -> Token:
    """
    Check a token with whichever of *keys* has signed it, all of which are the account's.

    Raises:
        BadToken: None of them has, or it is not for this account.
        TokenExpired: One has, but it was good for a time that is over.
    """
    header = read_header(text)
    for key in keys:
        if key.algorithm is header.algorithm and header.key_id in (None, key.id):
            payload = _payload(text, key)
            if payload is not None:
                return _token(payload, key, account, now_ms)
    raise BadToken("No key of this account has signed the token.")


def _payload(text: str, key: TokenKey) -> bytes | None:
    try:
        payload: bytes = _SIGNATURES.decode(text, key.material, algorithms=[key.algorithm])
    except jwt.PyJWTError:
        return None
    return payload


def _token(payload: bytes, key: TokenKey, account: str, now_ms: int) -> Token:
    try:
        claims = msgspec.json.decode(payload, type=_Claims)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as mistake:
        raise BadToken(f"The token's claims are not what they should be: {mistake}.") from mistake
    if claims.account_id not in (None, account):
        raise BadToken("The token is for another account.")
    if claims.exp > _LATEST:
        raise BadToken("The token's exp is no Unix time in seconds.")
    if claims.exp * 1000 <= now_ms:
        raise TokenExpired("The token has expired.")
    if claims.nbf * 1000 > now_ms:
        raise BadToken("The token is not valid yet.")
    origins = claims.allowed_origins
    return Token(
        account=account,
        key_id=key.id,
        expires_ms=int(claims.exp * 1000),
        permissions=tuple(
            _permission(given, key.scopes) for given in claims.access.path_permissions
        ),
        origins=None if origins is None else tuple(each.rstrip("/") for each in origins),
    )


def _permission(given: _PathPermission, scopes: Scopes) -> PathPermission:
    if not given.match.path.startswith("/"):
        raise BadToken(f"The path {given.match.path[:80]!r} in the token does not begin with '/'.")
    grants = [
        grant
        for said in given.permissions.values()
        for named in said.values()
        for grant in named.items()
    ]
    patterns = next((value for name, value in grants if name == _DOWNLOADS), ())
    acts = {_ACTS[name] for name, value in grants if value is True and name in _ACTS}
    downloads = tuple(patterns) if isinstance(patterns, list) else ()
    return PathPermission(
        path=given.match.path,
        reach=given.match.scope,
        downloads=downloads if Scope.READ in scopes else (),
        acts=frozenset(act for act in acts if act.scope in scopes),
    )
