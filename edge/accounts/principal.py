"""Who is asking, proved."""

from __future__ import annotations

from dataclasses import dataclass

from edge.accounts.permissions import Act, PathPermission, allows
from edge.accounts.scopes import EVERY_SCOPE, Scope, Scopes
from edge.ids import KeyKind

# What a key needs for the acts that a token may allow at some paths only.
_SCOPE_OF = {
    Act.CREATE_FILE: Scope.UPLOAD,
    Act.GET_FILE_DETAILS: Scope.READ,
    Act.GET_FOLDER_DESCRIPTION: Scope.READ,
    Act.GET_FOLDER_PUBLIC_PERMISSIONS: Scope.READ,
    Act.GET_FOLDER_STORAGE_LAYER: Scope.READ,
    Act.LIST_FOLDER_CHILDREN: Scope.READ,
}


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
        scope = _SCOPE_OF.get(act, Scope.WRITE)
        return scope in self.scopes or allows(self.permissions, act, path)
