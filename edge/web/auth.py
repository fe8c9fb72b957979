"""
Who is asking: API keys from a request to a principal.

Bytescale's clients send ``Authorization: Bearer secret_…``; its SDK in a browser cannot set that
everywhere and sends ``Basic`` with the user name ``apikey``.
"""

from __future__ import annotations

import base64
import binascii

from starlette.requests import Request

from edge.accounts.principal import Principal
from edge.accounts.store import Accounts
from edge.ids import KeyKind
from edge.web import problems

# The SDK's own keys for trying things out.
DEMO_KEYS = ("free", "demo")


class Auth:
    """Proves principals by their API keys."""

    def __init__(self, accounts: Accounts, *, demo_account: str | None) -> None:
        """Prepare; the demo keys are public keys of *demo_account*, of nobody if ``None``."""
        self._accounts = accounts
        self._demo_account = demo_account

    async def key_holder(self, request: Request, account: str) -> Principal:
        """
        Return who holds any key of *account*.

        Raises:
            Problem: 401 without a valid key, 403 for another account's.
        """
        principal = await self.principal(request)
        if principal is None:
            raise problems.unauthorized("This needs one of the account's keys as a bearer token.")
        if principal.account != account:
            raise problems.forbidden("The API key belongs to another account.")
        return principal

    async def secret_holder(self, request: Request, account: str) -> Principal:
        """
        Return who holds a secret key of *account*.

        Raises:
            Problem: 401 without a valid key, 403 for a public key or another account's.
        """
        principal = await self.key_holder(request, account)
        if principal.kind is not KeyKind.SECRET:
            raise problems.forbidden("This needs a secret key; the one given is public.")
        return principal

    async def principal(self, request: Request) -> Principal | None:
        """Return whom the request's key proves, ``None`` if it has none or a wrong one."""
        key = _key_of(request.headers.get("authorization", ""))
        if key is None:
            return None
        if key in DEMO_KEYS:
            if self._demo_account is None:
                return None
            return Principal(account=self._demo_account, kind=KeyKind.PUBLIC, key_id=key)
        return await self._accounts.principal_for(key)


def _key_of(header: str) -> str | None:
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
