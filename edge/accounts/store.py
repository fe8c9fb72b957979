"""
Accounts and their API keys.

A key is found by one round of BLAKE2b. Slow password hashes protect secrets that people choose;
a key's 164 random bits cannot be searched whatever the speed, and every request pays for the hash.
Whoever brings keys of their own (``ensure``) has to make them as random. Secret keys are kept
sealed as well, because signatures are made with them (``edge.accounts.seal``).
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge import ids
from edge.accounts.principal import Principal
from edge.accounts.scopes import Scope, Scopes, every_scope, read_scopes, spell_scopes
from edge.accounts.seal import Seal, SealBroken
from edge.accounts.tokens import TokenAlgorithm, TokenKey
from edge.ids import KeyKind
from edge.records.dialects import insert_into, now_ms
from edge.records.engine import reading, writing
from edge.records.tables import accounts, api_keys

_log = logging.getLogger(__name__)

# Keeps these hashes apart from any others of the same text.
_PERSON = b"audio-edge.key"

# So many secret keys of an account are tried on a token that names none of them.
_MOST_TRIED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account and what it may use; a quota of None is unlimited, a plan of None the default."""

    id: str
    created_ms: int
    quota_seconds: int | None
    storage_quota_bytes: int | None
    plan: str | None


_ACCOUNT = select(*(accounts.c[field.name] for field in fields(Account)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is known of an API key after it was handed out."""

    id: str
    account: str
    kind: KeyKind
    last_four: str
    scopes: Scopes
    created_ms: int
    revoked_ms: int | None
    expires_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just made: the only time its text is known."""

    account: str
    id: str
    kind: KeyKind
    key: str
    scopes: Scopes


class Accounts:
    """Every account, with its keys."""

    def __init__(self, engine: AsyncEngine, seal: Seal) -> None:
        """Prepare; secret keys are sealed by *seal*."""
        self._engine = engine
        self._seal = seal

    async def ensure(
        self, account: str, *, secret_key: str | None = None, public_key: str | None = None
    ) -> Account:
        """
        Make the account if it is new, and let it have the given keys.

        Does nothing the second time; in particular a key that was revoked stays revoked.

        Raises:
            ValueError: That is no account id, or a key is not this account's or not of its kind.
        """
        given = {KeyKind.SECRET: secret_key, KeyKind.PUBLIC: public_key}
        for kind, key in given.items():
            _check_key(account, kind, key)
        async with writing(self._engine) as connection:
            await _add_account(connection, account)
            for kind, key in given.items():
                if key is not None:
                    await self._add_key(connection, account, kind, key, every_scope(kind))
            found = await connection.execute(_ACCOUNT.where(accounts.c.id == account))
            row = found.one()
        if secret_key is not None:
            # It may have been kept without a seal that opens, which using it mends.
            await self.principal_for(secret_key)
        return Account(**row._asdict())

    async def get(self, account: str) -> Account | None:
        """Return the account, or None."""
        query = _ACCOUNT.where(accounts.c.id == account)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else Account(**row._asdict())

    async def set_quota(
        self, account: str, *, quota_seconds: int | None, storage_quota_bytes: int | None
    ) -> bool:
        """
        Limit what the account may use: billed seconds a calendar month, bytes kept.

        Returns:
            False if there is no such account.
        """
        statement = (
            update(accounts)
            .where(accounts.c.id == account)
            .values(quota_seconds=quota_seconds, storage_quota_bytes=storage_quota_bytes)
        )
        async with writing(self._engine) as connection:
            return (await connection.execute(statement)).rowcount == 1

    async def set_plan(self, account: str, plan: str | None) -> bool:
        """Put the account on a plan, None for the installation's; False if there is none such."""
        statement = update(accounts).where(accounts.c.id == account).values(plan=plan)
        async with writing(self._engine) as connection:
            return (await connection.execute(statement)).rowcount == 1

    async def create_key(self, account: str, kind: KeyKind, scopes: Scopes | None = None) -> NewKey:
        """
        Make a key for the account, and the account too if it is new.

        Args:
            scopes: What it may be used for, of what its kind may be; None for all of that.

        Raises:
            ValueError: That is no account id, or such a key may not have such scopes.
        """
        allowed = every_scope(kind)
        if scopes is not None and not (scopes and scopes <= allowed):
            raise ValueError(f"A {kind.value} key may have some of {', '.join(sorted(allowed))}.")
        async with writing(self._engine) as connection:
            await _add_account(connection, account)
            return await self._new_key(
                connection, account, kind, allowed if scopes is None else scopes
            )

    async def rotate_key(self, account: str, key_id: str, *, overlap_ms: int) -> NewKey | None:
        """
        Make a key that may do what another may, which works for *overlap_ms* more at most.

        Returns:
            None if the account has no such key that still works.
        """
        known = and_(api_keys.c.id == key_id, api_keys.c.account == account)
        ends = now_ms() + overlap_ms
        statement = (
            update(api_keys)
            .where(known, _works())
            .values(expires_ms=_least(api_keys.c.expires_ms, ends))
        )
        async with writing(self._engine) as connection:
            row = (await connection.execute(select(api_keys).where(known))).one_or_none()
            if row is None or (await connection.execute(statement)).rowcount != 1:
                return None
            kind = KeyKind(row.kind)
            return await self._new_key(connection, account, kind, read_scopes(row.scopes, kind))

    async def list_keys(self, account: str) -> tuple[ApiKey, ...]:
        """Return the account's keys, revoked ones too, newest first."""
        columns = [api_keys.c[field.name] for field in fields(ApiKey)]
        query = (
            select(*columns)
            .where(api_keys.c.account == account)
            .order_by(api_keys.c.created_ms.desc(), api_keys.c.id.desc())
        )
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(_api_key(row._asdict()) for row in rows)

    async def revoke_key(self, account: str, key_id: str) -> bool:
        """Revoke a key for good; False if the account has no such key that still works."""
        statement = (
            update(api_keys)
            .where(
                api_keys.c.id == key_id,
                api_keys.c.account == account,
                api_keys.c.revoked_ms.is_(None),
            )
            .values(revoked_ms=now_ms())
        )
        async with writing(self._engine) as connection:
            return (await connection.execute(statement)).rowcount == 1

    async def principal_for(self, key: str) -> Principal | None:
        """
        Return whom the API *key* proves, or None if it proves nobody.

        The row is looked up by the hash, so the time a look-up takes tells nothing that leads to
        a key; what is found is compared in constant time all the same.
        """
        digest = _digest(key)
        query = select(api_keys).where(api_keys.c.hash == digest, _works())
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None or not hmac.compare_digest(row.hash, digest):
            return None
        kind = KeyKind(row.kind)
        if kind is KeyKind.SECRET and self._opened(row.id, row.sealed) is None:
            # It was made before there were seals, or under a seal that was lost.
            sealed = self._seal.close(key, of=row.id)
            async with writing(self._engine) as connection:
                known = api_keys.c.id == row.id
                await connection.execute(update(api_keys).where(known).values(sealed=sealed))
        return Principal(
            account=row.account,
            kind=kind,
            key_id=row.id,
            scopes=read_scopes(row.scopes, kind),
        )

    async def signing_secret(self, account: str, key_id: str) -> str | None:
        """Return the secret of a key whose signatures show private files, None if it has none."""
        for key in await self._secrets(account, key_id):
            if Scope.READ in key.scopes:
                return key.material
        return None

    async def token_keys(self, account: str, key_id: str | None) -> tuple[TokenKey, ...]:
        """List the secret keys that a token may be signed with, the newest if it names none."""
        return await self._secrets(account, key_id)

    async def unopened_keys(self) -> tuple[str, ...]:
        """List the working secret keys that were sealed, but not under this installation's key."""
        secret = api_keys.c.kind == KeyKind.SECRET
        query = select(api_keys.c.id, api_keys.c.sealed).where(
            secret, api_keys.c.sealed.is_not(None), _works()
        )
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(row.id for row in rows if self._opened(row.id, row.sealed) is None)

    async def _secrets(self, account: str, key_id: str | None) -> tuple[TokenKey, ...]:
        query = (
            select(api_keys)
            .where(
                api_keys.c.account == account,
                api_keys.c.kind == KeyKind.SECRET,
                api_keys.c.sealed.is_not(None),
                _works(),
            )
            .order_by(api_keys.c.created_ms.desc(), api_keys.c.id.desc())
            .limit(_MOST_TRIED)
        )
        if key_id is not None:
            query = query.where(api_keys.c.id == key_id)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        opened = ((row, self._opened(row.id, row.sealed)) for row in rows)
        return tuple(
            TokenKey(
                id=row.id,
                algorithm=TokenAlgorithm.HS256,
                material=secret,
                scopes=read_scopes(row.scopes, KeyKind.SECRET),
            )
            for row, secret in opened
            if secret is not None
        )

    def _opened(self, key_id: str, sealed: str | None) -> str | None:
        if sealed is None:
            return None
        try:
            return self._seal.open(sealed, of=key_id)
        except SealBroken as problem:
            _log.warning(
                "%s does not open: was EDGE_SEAL_KEY or seal.key changed? "
                "What the key signs is refused until the key itself is used here.",
                problem,
            )
            return None

    async def _new_key(
        self, connection: AsyncConnection, account: str, kind: KeyKind, scopes: Scopes
    ) -> NewKey:
        key = ids.new_key(kind, account)
        key_id = await self._add_key(connection, account, kind, key, scopes)
        return NewKey(account=account, id=key_id, kind=kind, key=key, scopes=scopes)

    async def _add_key(
        self, connection: AsyncConnection, account: str, kind: KeyKind, key: str, scopes: Scopes
    ) -> str:
        key_id = ids.new_key_id()
        await connection.execute(
            insert_into(connection, api_keys)
            .values(
                id=key_id,
                account=account,
                kind=kind,
                hash=_digest(key),
                last_four=key[-4:],
                sealed=self._seal.close(key, of=key_id) if kind is KeyKind.SECRET else None,
                scopes=spell_scopes(scopes),
                created_ms=now_ms(),
            )
            .on_conflict_do_nothing(index_elements=[api_keys.c.hash])
        )
        return key_id


def _check_key(account: str, kind: KeyKind, key: str | None) -> None:
    if key is None:
        return
    if (ids.kind_of_key(key), ids.account_of_key(key)) != (kind, account):
        raise ValueError(f"A {kind.value} key of account {account} starts {kind.value}_{account}.")


def _digest(key: str) -> str:
    # A header may carry lone surrogates; they are nobody's key, but must not be an error.
    text = key.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=32, person=_PERSON).hexdigest()


async def _add_account(connection: AsyncConnection, account: str) -> None:
    if not ids.is_account_id(account):
        raise ValueError(f"{account!r} is no account id: those are 7 base58 characters.")
    await connection.execute(
        insert_into(connection, accounts)
        .values(id=account, created_ms=now_ms())
        .on_conflict_do_nothing(index_elements=[accounts.c.id])
    )


def _api_key(row: dict[str, Any]) -> ApiKey:
    kind = KeyKind(row["kind"])
    return ApiKey(**{**row, "kind": kind, "scopes": read_scopes(row["scopes"], kind)})


def _works() -> ColumnElement[bool]:
    """Tell whether a key may be used now."""
    unexpired = or_(api_keys.c.expires_ms.is_(None), api_keys.c.expires_ms > now_ms())
    return and_(api_keys.c.revoked_ms.is_(None), unexpired)


def _least(known: ColumnElement[Any], other: ColumnElement[int]) -> ColumnElement[int]:
    """Return the smaller of two, where the first may be NULL."""
    return case((known < other, known), else_=other)
