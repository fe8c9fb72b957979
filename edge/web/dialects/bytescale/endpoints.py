"""What all endpoints of Bytescale's API share: a key of the account, and methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.accounts.principal import Principal
from edge.web.bodies import refuse_nul
from edge.web.responses import preflight_response

Holder: TypeAlias = Callable[[Request, str], Awaitable[Principal]]
Endpoint: TypeAlias = Callable[[Request, str, Principal], Awaitable[Response]]


def account_route(path: str, holder: Holder, **endpoints: Endpoint) -> Route:
    """Route *path* to an endpoint for each method, for whom *holder* lets in."""

    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if method == "OPTIONS":
            return preflight_response((*endpoints, "OPTIONS"))
        refuse_nul(request)
        account = request.path_params["account"]
        return await endpoints[method](request, account, await holder(request, account))

    return Route(path, answer, methods=[*endpoints, "OPTIONS"])
