"""How much an account may keep."""

from __future__ import annotations

from dataclasses import dataclass

from edge.accounts.store import Accounts
from edge.library.catalogue.store import Catalogue


class StorageFull(Exception):
    """A file that has no room in its account's storage."""

    def __init__(self, *, used_bytes: int, quota_bytes: int) -> None:
        super().__init__(f"The account keeps {used_bytes} of {quota_bytes} bytes.")
        self.used_bytes = used_bytes
        self.quota_bytes = quota_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageQuota:
    """What accounts keep, and may keep; ``default_bytes`` is for those without a quota."""

    accounts: Accounts
    catalogue: Catalogue
    default_bytes: int | None

    async def used_bytes(self, account: str) -> int:
        """Sum up what an account keeps."""
        return await self.catalogue.stored_bytes(account)

    async def quota_bytes(self, account: str) -> int | None:
        """Tell what an account may keep, None for any amount."""
        own = await self.accounts.get(account)
        has_own = own is not None and own.storage_quota_bytes is not None
        return own.storage_quota_bytes if own is not None and has_own else self.default_bytes

    async def check(self, account: str, more_bytes: int) -> None:
        """
        Make sure that there is room for a file.

        Raises:
            StorageFull: There is not.
        """
        quota = await self.quota_bytes(account)
        if quota is None:
            return
        used = await self.used_bytes(account)
        if used + more_bytes > quota:
            raise StorageFull(used_bytes=used, quota_bytes=quota)
