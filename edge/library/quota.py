"""How much an account may keep."""

from __future__ import annotations

from dataclasses import dataclass

from edge.accounts.store import Accounts
from edge.library.catalogue.store import Catalogue, StorageFull
from edge.library.uploads.store import UploadRows


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageQuota:
    """What accounts keep, and may keep; ``default_bytes`` is for those without a quota."""

    accounts: Accounts
    catalogue: Catalogue
    uploads: UploadRows
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
        Make sure that there is room for a file beside all that is kept and all that has arrived.

        Raises:
            StorageFull: There is not.
        """
        quota = await self.quota_bytes(account)
        if quota is None:
            return
        used = await self.used_bytes(account) + await self.uploads.arrived_bytes(account)
        if used + more_bytes > quota:
            raise StorageFull(used_bytes=used, quota_bytes=quota)
