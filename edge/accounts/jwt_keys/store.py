"""The rows of registered public keys."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from edge import ids
from edge.accounts.tokens import TokenAlgorithm, TokenKey
from edge.records.dialects import now_ms
from edge.records.engine import reading, writing
from edge.records.tables import accounts, jwt_keys

# So many keys of an account are tried on a token that names none of them.
_MOST_TRIED = 10


class NoSuchAccount(Exception):
    """A key is registered for an account that is there, not for any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtKey:
    """A registered key; times are milliseconds since the Unix epoch."""

    id: str
    account: str
    algorithm: TokenAlgorithm
    created_ms: int
    revoked_ms: int | None


class JwtKeys:
    """Every account's registered public keys."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, account: str, algorithm: TokenAlgorithm, pem: str) -> str:
        """
        Register a key that ``read_public_key`` has read, and return its id.

        Raises:
            NoSuchAccount: There is none.
        """
        key_id = ids.new_key_id()
        async with writing(self._engine) as connection:
            known = select(accounts.c.id).where(accounts.c.id == account)
            if (await connection.execute(known)).one_or_none() is None:
                raise NoSuchAccount(account)
            await connection.execute(
                insert(jwt_keys).values(
                    id=key_id, account=account, algorithm=algorithm, pem=pem, created_ms=now_ms()
                )
            )
        return key_id

    async def list(self, account: str) -> tuple[JwtKey, ...]:
        """Return the account's keys, revoked ones too, newest first."""
        query = (
            select(*(jwt_keys.c[field.name] for field in fields(JwtKey)))
            .where(jwt_keys.c.account == account)
            .order_by(jwt_keys.c.created_ms.desc(), jwt_keys.c.id.desc())
        )
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(
            JwtKey(**{**row._asdict(), "algorithm": TokenAlgorithm(row.algorithm)}) for row in rows
        )

    async def revoke(self, account: str, key_id: str) -> bool:
        """Revoke a key for good; False if the account has no such key that still works."""
        statement = (
            update(jwt_keys)
            .where(
                jwt_keys.c.id == key_id,
                jwt_keys.c.account == account,
                jwt_keys.c.revoked_ms.is_(None),
            )
            .values(revoked_ms=now_ms())
        )
        async with writing(self._engine) as connection:
            return (await connection.execute(statement)).rowcount == 1

    async def token_keys(
        self, account: str, algorithm: TokenAlgorithm, key_id: str | None
    ) -> tuple[TokenKey, ...]:
        """List the keys that a token may be signed with, the newest if it names none."""
        query = (
            select(jwt_keys)
            .where(
                jwt_keys.c.account == account,
                jwt_keys.c.algorithm == algorithm,
                jwt_keys.c.revoked_ms.is_(None),
            )
            .order_by(jwt_keys.c.created_ms.desc(), jwt_keys.c.id.desc())
            .limit(_MOST_TRIED)
        )
        if key_id is not None:
            query = query.where(jwt_keys.c.id == key_id)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(
            TokenKey(id=row.id, algorithm=TokenAlgorithm(row.algorithm), material=row.pem)
            for row in rows
        )
