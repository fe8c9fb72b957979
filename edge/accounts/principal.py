"""Who is asking, proved."""

from __future__ import annotations

from dataclasses import dataclass

from edge.accounts.permissions import Act, PathPermission, allows
from edge.accounts.scopes import EVERY_SCOPE, Scopes
from edge.ids import KeyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """
    The holder of an API key, of a token, or of both: ``account``, and which key it is.

    ``scopes`` hold everywhere in the account, ``permissions`` at the paths of a token.
    """

    account: str
    kind: KeyKind
    key_id: str
    scopes: Scopes = EVERY_SCOPE
    permissions: tuple[PathPermission, ...] = ()

    def may(self, act: Act, path: str) -> bool:
        """Tell whether *act* is allowed at *path*, by a scope or by a token."""
        return act.scope in self.scopes or allows(self.permissions, act, path)
