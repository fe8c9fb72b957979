"""
Accounts and their API keys.

A key is stored as one round of BLAKE2b. Slow password hashes protect secrets that people choose;
a key's 164 random bits cannot be searched whatever the speed, and every request pays for the hash.
Whoever brings keys of their own (``ensure``) has to make them as random.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, fields

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge import ids
from edge.accounts.principal import Principal
from edge.ids import KeyKind
from edge.records.dialects import insert_into, now_ms
from edge.records.engine import reading, writing
from edge.records.tables import accounts, api_keys

# Keeps these hashes apart from any others of the same text.
_PERSON = b"audio-edge.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account and what it may use; a quota of None is unlimited, a plan of None the usual one."""

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
    created_ms: int
    revoked_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just made: the only time its text is known."""

    account: str
    id: str
    kind: KeyKind
    key: str


class Accounts:
    """Every account, with its keys."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

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
                    await _add_key(connection, account, kind, key)
            found = await connection.execute(_ACCOUNT.where(accounts.c.id == account))
            return Account(**found.one()._asdict())

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

    async def create_key(self, account: str, kind: KeyKind) -> NewKey:
        """
        Make a key for the account, and the account too if it is new.

        Raises:
            ValueError: That is no account id.
        """
        key = ids.new_key(kind, account)
        async with writing(self._engine) as connection:
            await _add_account(connection, account)
            key_id = await _add_key(connection, account, kind, key)
        return NewKey(account=account, id=key_id, kind=kind, key=key)

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
        return tuple(ApiKey(**{**row._asdict(), "kind": KeyKind(row.kind)}) for row in rows)

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
        query = select(api_keys).where(api_keys.c.hash == digest, api_keys.c.revoked_ms.is_(None))
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None or not hmac.compare_digest(row.hash, digest):
            return None
        return Principal(account=row.account, kind=KeyKind(row.kind), key_id=row.id)


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


async def _add_key(connection: AsyncConnection, account: str, kind: KeyKind, key: str) -> str:
    key_id = ids.new_key_id()
    await connection.execute(
        insert_into(connection, api_keys)
        .values(
            id=key_id,
            account=account,
            kind=kind,
            hash=_digest(key),
            last_four=key[-4:],
            scopes="*" if kind is KeyKind.SECRET else "upload",
            created_ms=now_ms(),
        )
        .on_conflict_do_nothing(index_elements=[api_keys.c.hash])
    )
    return key_id
