"""
The secrets that accounts' webhooks are signed with, sealed in the accounts' rows.

One that is replaced goes on signing beside the new one for a day, so that a receiver may change
over when it likes.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.accounts.seal import Seal, SealBroken
from edge.library.webhooks.signature import new_secret
from edge.records.dialects import now_ms
from edge.records.engine import reading, writing
from edge.records.tables import accounts

OVERLAP_HOURS = 24
_OVERLAP_MS = OVERLAP_HOURS * 3_600_000


class NoSuchAccount(LookupError):
    """There is no account with this id."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is sealed: a secret, and the one before it until a moment."""

    secret: str
    before: str | None = None
    before_until_ms: int = 0

    def at(self, moment_ms: int) -> tuple[str, ...]:
        """List the secrets that sign at a moment, the newest first."""
        if self.before is None or moment_ms >= self.before_until_ms:
            return (self.secret,)
        return (self.secret, self.before)


class WebhookSecrets:
    """Every account's secret, made when it is first needed."""

    def __init__(self, engine: AsyncEngine, seal: Seal) -> None:
        self._engine = engine
        self._seal = seal

    async def signers(self, account: str) -> tuple[str, ...]:
        """
        List the secrets that an account's webhooks are signed with now, the newest first.

        Raises:
            NoSuchAccount: There is none.
            SealBroken: The seal of the installation was changed; only ``rotate`` helps.
        """
        query = select(accounts.c.webhook_secret, now_ms()).where(accounts.c.id == account)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is not None and row[0] is not None:
            return self._opened(account, row[0]).at(row[1])
        async with writing(self._engine) as connection:
            sealed, moment = await _locked(connection, account)
            if sealed is not None:
                # Another process has made it meanwhile.
                return self._opened(account, sealed).at(moment)
            kept = _Kept(secret=new_secret())
            await self._keep(connection, account, kept)
        return kept.at(moment)

    async def rotate(self, account: str) -> tuple[str, ...]:
        """
        Replace an account's secret.

        Returns:
            The new one, and the one before, which signs beside it for ``OVERLAP_HOURS``; a third
            one is gone at once.

        Raises:
            NoSuchAccount: There is none.
        """
        async with writing(self._engine) as connection:
            sealed, moment = await _locked(connection, account)
            before = None
            if sealed is not None:
                try:
                    before = self._opened(account, sealed).secret
                except SealBroken:
                    # Nothing has been signed with it since the seal was changed.
                    before = None
            kept = _Kept(
                secret=new_secret(),
                before=before,
                before_until_ms=moment + _OVERLAP_MS if before else 0,
            )
            await self._keep(connection, account, kept)
        return kept.at(moment)

    def _opened(self, account: str, sealed: str) -> _Kept:
        return msgspec.json.decode(self._seal.open(sealed, of=_of(account)), type=_Kept)

    async def _keep(self, connection: AsyncConnection, account: str, kept: _Kept) -> None:
        sealed = self._seal.close(msgspec.json.encode(kept).decode(), of=_of(account))
        at = accounts.c.id == account
        await connection.execute(update(accounts).where(at).values(webhook_secret=sealed))


async def _locked(connection: AsyncConnection, account: str) -> tuple[str | None, int]:
    """Read what is kept, and the time, keeping others from changing it."""
    query = select(accounts.c.webhook_secret).where(accounts.c.id == account).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NoSuchAccount(account)
    return row[0], (await connection.execute(select(now_ms()))).scalar_one()


def _of(account: str) -> str:
    return f"webhooks of {account}"
