"""
Sessions of browsers: ``PUT`` and ``DELETE /api/v1/access_tokens/{account}``, as the SDK asks for.

``AuthManager.beginAuthSession`` brings a token, whose signature is all the proof there is, and gets
a cookie with it, so that pages can show private files by their plain URLs. The cookie is sent to
the account's files only, never to an API.
"""

from __future__ import annotations

import http.cookies
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge import ids
from edge.accounts.tokens import BadToken, Token
from edge.clock import Clock
from edge.web import problems
from edge.web.auth import Auth, origin_of
from edge.web.base_url import BaseUrl
from edge.web.bodies import json_of
from edge.web.problems import Problem, problem_response
from edge.web.responses import COMMON_HEADERS, NO_STORE, json_response, preflight_response
from edge.web.viewers import COOKIE

_METHODS = ("PUT", "DELETE", "OPTIONS")

# Browsers drop a cookie whose name and value have more (RFC 6265bis, 5.6).
_MOST_COOKIE_BYTES = 4096

# "If the attribute's value is longer", browsers take 400 days (RFC 6265bis, 5.6.1).
_MOST_SECONDS = 400 * 86_400


class SetAccessToken(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body (SDK, SetAccessTokenRequestDto)."""

    access_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokens:
    """The endpoint."""

    auth: Auth
    clock: Clock
    base_url: BaseUrl

    def routes(self) -> list[Route]:
        """List the route."""
        return [Route("/api/v1/access_tokens/{account}", self.answer, methods=list(_METHODS))]

    async def answer(self, request: Request) -> Response:
        """Begin or end a session; pages of any origin may ask, as the token is theirs."""
        try:
            response = await self._answer(request, request.path_params["account"])
        except Problem as problem:
            # The page is to be told this too.
            response = problem_response(problem)
        if origin := request.headers.get("origin"):
            # The SDK asks with credentials, and "*" is no answer to that (Fetch, 3.3.5).
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Vary"] = "Origin"
        return response

    async def _answer(self, request: Request, account: str) -> Response:
        if not ids.is_account_id(account):
            raise problems.not_found("There is no such account.")
        match request.method:
            case "OPTIONS":
                return preflight_response(_METHODS)
            case "DELETE":
                headers = {**COMMON_HEADERS, "Cache-Control": NO_STORE}
                headers["Set-Cookie"] = self._cookie(request, account, "", 0)
                return Response(status_code=204, headers=headers)
            case _:
                return await self._begin(request, account)

    async def _begin(self, request: Request, account: str) -> Response:
        text = (await json_of(request, SetAccessToken)).access_token
        try:
            token = await self.auth.token(text, account, origin_of(request.headers))
        except BadToken as problem:
            raise problems.unauthorized(str(problem)) from problem
        seconds = self._seconds_left(token)
        response = json_response({"accessToken": text, "ttlSeconds": seconds})
        if request.query_params.get("set-cookie", "true") == "true":
            if len(COOKIE) + len(text) > _MOST_COOKIE_BYTES:
                raise problems.bad_request(
                    f"The token has {len(text)} characters, and a cookie holds "
                    f"{_MOST_COOKIE_BYTES - len(COOKIE)}: ask with set-cookie=false, or allow less."
                )
            response.headers["Set-Cookie"] = self._cookie(request, account, text, seconds)
        return response

    def _seconds_left(self, token: Token) -> int:
        left = (token.expires_ms - self.clock.now_ms()) // 1000
        return max(1, min(left, _MOST_SECONDS))

    def _cookie(self, request: Request, account: str, value: str, seconds: int) -> str:
        """
        Spell the cookie; it is for the account's files, for requests and not for scripts.

        Pages of other sites may show the files, so it is sent from there too, to each site its
        own (CHIPS). Browsers allow that only with Secure; without TLS it is this site's alone.
        """
        jar = http.cookies.SimpleCookie()
        jar[COOKIE] = value
        morsel = jar[COOKIE]
        morsel["path"] = f"/{account}/"
        morsel["max-age"] = str(seconds)
        morsel["httponly"] = True
        secure = self.base_url.of(request.scope).startswith("https:")
        morsel["samesite"] = "None" if secure else "Lax"
        if not secure:
            return morsel.OutputString()
        morsel["secure"] = True
        return f"{morsel.OutputString()}; Partitioned"
