"""What all of AIOZ's endpoints share: credentials, JSON bodies, and the shape of a refusal."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from edge.accounts.principal import Principal
from edge.accounts.scopes import Scope as KeyScope
from edge.ids import KeyKind
from edge.web import problems
from edge.web.auth import Auth, read_credentials
from edge.web.bodies import decoded, whole_body_of
from edge.web.dialects.aioz import wire
from edge.web.refusals import problem_told
from edge.web.resource import Endpoint, Resource, subject_of
from edge.web.responses import json_response

_MOST_JSON_BYTES = 1 << 18
_NEEDED = (
    "This needs the account's secret key as a bearer token, or its public and its secret key as "
    "stream-public-key and stream-secret-key."
)


def resource(*, head: bool = True, **endpoints: Endpoint) -> Resource:
    """Make a path with an endpoint for each method."""
    return Resource(refused, endpoints, head=head)


def refused(request: Request, exception: Exception) -> Response:
    """Answer with a problem as AIOZ does."""
    problem = problem_told(exception, subject_of(request))
    return json_response(
        wire.failed_body(problem.message), status=problem.status, headers=problem.headers
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Proves accounts by any of AIOZ's three ways: bearer, pair of keys, Basic."""

    auth: Auth

    async def holder(self, request: Request, scope: KeyScope) -> Principal:
        """
        Return who holds a secret key that may be used for *scope*.

        Raises:
            Problem: 401 without valid keys, 403 for those that may not.
        """
        public, secret = _keys_of(request)
        principal = None if secret is None else await self.auth.principal_for(secret)
        if principal is None:
            raise problems.unauthorized(_NEEDED)
        if principal.kind is not KeyKind.SECRET:
            raise problems.forbidden("This needs a secret key; the one given is public.")
        if public is not None:
            other = await self.auth.principal_for(public)
            if other is None or other.kind is not KeyKind.PUBLIC:
                raise problems.unauthorized("The public key given is none.")
            if other.account != principal.account:
                raise problems.forbidden("The two keys are not of the same account.")
        if scope not in principal.scopes:
            raise problems.forbidden(f"The key may not be used for this: it lacks {scope}.")
        return principal


async def json_of(request: Request) -> object:
    """
    Read a request's body; an empty one is an empty object.

    Raises:
        Problem: It is too long, or no JSON.
    """
    return decoded(await whole_body_of(request, most_bytes=_MOST_JSON_BYTES) or b"{}", object)


def _keys_of(request: Request) -> tuple[str | None, str | None]:
    """Tell the public and the secret key of a request; the bearer brings none but the secret."""
    headers = request.headers
    # AIOZ's client sends both fields always, empty when it was given a bearer.
    public, secret = headers.get("stream-public-key"), headers.get("stream-secret-key")
    if public or secret:
        if not public or not secret:
            raise problems.unauthorized(_NEEDED)
        return public, secret
    user = _user_of(headers.get("authorization", ""))
    return user if user.startswith("public_") else None, read_credentials(headers).key


def _user_of(header: str) -> str:
    """Read the user name of Basic credentials; AIOZ's client sends its public key there."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text.partition(":")[0]
