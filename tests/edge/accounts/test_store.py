from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from edge import ids
from edge.accounts.principal import Principal
from edge.accounts.scopes import every_scope
from edge.accounts.seal import Seal
from edge.accounts.store import Account, Accounts, ApiKey
from edge.ids import KeyKind
from edge.records.engine import reading
from edge.records.tables import api_keys

ACCOUNT = "W142hJk"
SEAL = Seal(bytes(32))


async def test_a_created_key_proves_its_account_and_kind(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    for kind in KeyKind:
        made = await accounts.create_key(ACCOUNT, kind)

        assert (kind, ACCOUNT) == (ids.kind_of_key(made.key), ids.account_of_key(made.key))
        assert Principal(
            account=ACCOUNT, kind=kind, key_id=made.id, scopes=every_scope(kind)
        ) == await accounts.principal_for(made.key)


@pytest.mark.parametrize("key", ["", "secret_W142hJk", "free", "\udcff", "x" * 10_000])
async def test_an_unknown_key_proves_nobody(records: AsyncEngine, key: str) -> None:
    accounts = Accounts(records, SEAL)
    await accounts.create_key(ACCOUNT, KeyKind.SECRET)

    assert await accounts.principal_for(key) is None


async def test_a_revoked_key_proves_nobody_ever_again(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    key = ids.new_key(KeyKind.SECRET, ACCOUNT)
    await accounts.ensure(ACCOUNT, secret_key=key)
    (listed,) = await accounts.list_keys(ACCOUNT)

    assert not await accounts.revoke_key("another", listed.id)
    assert await accounts.principal_for(key) is not None
    assert await accounts.revoke_key(ACCOUNT, listed.id)
    assert not await accounts.revoke_key(ACCOUNT, listed.id)
    await accounts.ensure(ACCOUNT, secret_key=key)
    assert await accounts.principal_for(key) is None


async def test_the_list_shows_no_more_than_the_last_four(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    first = await accounts.create_key(ACCOUNT, KeyKind.SECRET)
    second = await accounts.create_key(ACCOUNT, KeyKind.PUBLIC)
    await accounts.create_key(ids.new_account_id(), KeyKind.PUBLIC)
    await accounts.revoke_key(ACCOUNT, first.id)
    listed = {key.id: key for key in await accounts.list_keys(ACCOUNT)}

    assert listed == {
        made.id: ApiKey(
            id=made.id,
            account=ACCOUNT,
            kind=made.kind,
            last_four=made.key[-4:],
            scopes=every_scope(made.kind),
            created_ms=listed[made.id].created_ms,
            revoked_ms=listed[made.id].revoked_ms,
            expires_ms=None,
        )
        for made in (first, second)
    }
    assert (
        listed[first.id].revoked_ms is None,
        listed[second.id].revoked_ms is None,
    ) == (False, True)


async def test_the_records_do_not_hold_the_key(records: AsyncEngine) -> None:
    made = await Accounts(records, SEAL).create_key(ACCOUNT, KeyKind.SECRET)
    async with reading(records) as connection:
        row = (await connection.execute(select(api_keys))).one()

    assert made.key not in str(row)
    assert len(row.hash) == 64


async def test_given_keys_are_taken_once(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    secret, public = (ids.new_key(kind, ACCOUNT) for kind in KeyKind)
    first = await accounts.ensure(ACCOUNT, secret_key=secret, public_key=public)
    second = await accounts.ensure(ACCOUNT, secret_key=secret, public_key=public)

    assert first == second == await accounts.get(ACCOUNT)
    assert sorted(key.kind for key in await accounts.list_keys(ACCOUNT)) == [
        KeyKind.PUBLIC,
        KeyKind.SECRET,
    ]


@pytest.mark.parametrize(
    ("account", "secret_key"),
    [
        ("too long for one", None),
        (ACCOUNT, "public_W142hJkabcdef"),
        (ACCOUNT, "secret_W142hJjabcdef"),
        (ACCOUNT, "hunter2"),
    ],
)
async def test_bad_bootstrap_values_are_refused_and_leave_nothing(
    records: AsyncEngine, account: str, secret_key: str | None
) -> None:
    accounts = Accounts(records, SEAL)

    with pytest.raises(ValueError):
        await accounts.ensure(account, secret_key=secret_key)
    assert await accounts.get(account) is None


async def test_quotas_are_unlimited_until_they_are_set(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    made = await accounts.ensure(ACCOUNT)

    assert (made.quota_seconds, made.storage_quota_bytes) == (None, None)
    assert await accounts.set_quota(ACCOUNT, quota_seconds=3600, storage_quota_bytes=10**12)
    assert await accounts.get(ACCOUNT) == Account(
        id=ACCOUNT,
        created_ms=made.created_ms,
        quota_seconds=3600,
        storage_quota_bytes=10**12,
        plan=None,
    )
    assert not await accounts.set_quota("another", quota_seconds=1, storage_quota_bytes=1)
