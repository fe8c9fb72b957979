"""What all endpoints of Bytescale's API share: a key of the account, methods, and JSON bodies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from edge.accounts.principal import Principal
from edge.web import problems
from edge.web.responses import preflight_response

_MOST_JSON_BYTES = 1 << 16

Holder: TypeAlias = Callable[[Request, str], Awaitable[Principal]]
Endpoint: TypeAlias = Callable[[Request, str, Principal], Awaitable[Response]]
_Body = TypeVar("_Body")


def account_route(path: str, holder: Holder, **endpoints: Endpoint) -> Route:
    """Route *path* to an endpoint for each method, for whom *holder* lets in."""

    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if method == "OPTIONS":
            return preflight_response((*endpoints, "OPTIONS"))
        account = request.path_params["account"]
        return await endpoints[method](request, account, await holder(request, account))

    return Route(path, answer, methods=[*endpoints, "OPTIONS"])


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """Yield a request's body as it comes."""
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect:
        raise problems.bad_request("The body ended before its end.") from None


async def json_of(request: Request, kind: type[_Body]) -> _Body:
    """
    Read a request's body.

    Raises:
        Problem: It is too long, or not what it should be.
    """
    body = bytearray()
    async for piece in body_of(request):
        body += piece
        if len(body) > _MOST_JSON_BYTES:
            raise problems.too_large(f"The body is larger than {_MOST_JSON_BYTES} bytes.")
    return decoded(bytes(body), kind)


def decoded(text: str | bytes, kind: type[_Body]) -> _Body:
    """Read JSON; raises as ``json_of``."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as mistake:
        raise problems.bad_request(f"The body is not what it should be: {mistake}.") from mistake
