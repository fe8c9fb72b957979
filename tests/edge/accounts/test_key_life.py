"""What becomes of a key: its scopes, its seal, its end."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.accounts.scopes import EVERY_SCOPE, Scope
from edge.accounts.seal import Seal
from edge.accounts.store import Accounts
from edge.accounts.tokens import TokenAlgorithm, TokenKey
from edge.ids import KeyKind
from edge.records.dialects import now_ms
from edge.records.engine import reading, writing
from edge.records.tables import api_keys

ACCOUNT = "W142hJk"
SEAL = Seal(bytes(32))
HOUR_MS = 3_600_000


async def change(records: AsyncEngine, **values: object) -> None:
    async with writing(records) as connection:
        await connection.execute(update(api_keys).values(**values))


async def sealed(records: AsyncEngine) -> str | None:
    async with reading(records) as connection:
        found: str | None = (await connection.execute(select(api_keys.c.sealed))).scalar_one()
    return found


async def test_a_key_has_the_scopes_it_was_made_with(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    scopes = frozenset({Scope.UPLOAD, Scope.READ})
    made = await accounts.create_key(ACCOUNT, KeyKind.SECRET, scopes)
    principal = await accounts.principal_for(made.key)

    assert principal is not None
    assert scopes == made.scopes == principal.scopes
    assert [scopes] == [key.scopes for key in await accounts.list_keys(ACCOUNT)]


async def test_a_public_key_gets_no_other_scope(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    with pytest.raises(ValueError, match="A public key may have some of upload"):
        await accounts.create_key(ACCOUNT, KeyKind.PUBLIC, frozenset({Scope.READ}))
    made = await accounts.create_key(ACCOUNT, KeyKind.PUBLIC)
    await change(records, scopes="*")
    principal = await accounts.principal_for(made.key)

    assert principal is not None
    assert principal.scopes == {Scope.UPLOAD}


async def test_no_scopes_are_not_all_of_them(records: AsyncEngine) -> None:
    with pytest.raises(ValueError, match="some of jobs, read, upload, usage, write"):
        await Accounts(records, SEAL).create_key(ACCOUNT, KeyKind.SECRET, frozenset())


async def test_a_rotated_key_works_until_the_overlap_is_over(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    scopes = frozenset({Scope.READ})
    old = await accounts.create_key(ACCOUNT, KeyKind.SECRET, scopes)
    new = await accounts.rotate_key(ACCOUNT, old.id, overlap_ms=HOUR_MS)

    assert new is not None
    assert (new.account, new.kind, new.scopes) == (ACCOUNT, KeyKind.SECRET, scopes)
    assert await accounts.principal_for(old.key) is not None
    assert await accounts.principal_for(new.key) is not None
    assert await accounts.signing_secret(ACCOUNT, old.id) == old.key
    ends = {key.id: key.expires_ms for key in await accounts.list_keys(ACCOUNT)}
    assert ends[new.id] is None
    await change(records, expires_ms=now_ms())
    assert await accounts.principal_for(old.key) is None
    assert await accounts.signing_secret(ACCOUNT, old.id) is None


async def test_rotation_without_overlap_ends_the_old_key_at_once(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    old = await accounts.create_key(ACCOUNT, KeyKind.PUBLIC)
    new = await accounts.rotate_key(ACCOUNT, old.id, overlap_ms=0)

    assert new is not None
    assert await accounts.principal_for(old.key) is None
    assert await accounts.principal_for(new.key) is not None


async def test_a_second_rotation_does_not_lengthen_the_first(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    old = await accounts.create_key(ACCOUNT, KeyKind.SECRET)
    await accounts.rotate_key(ACCOUNT, old.id, overlap_ms=HOUR_MS)
    first = {key.id: key.expires_ms for key in await accounts.list_keys(ACCOUNT)}
    await accounts.rotate_key(ACCOUNT, old.id, overlap_ms=9 * HOUR_MS)
    second = {key.id: key.expires_ms for key in await accounts.list_keys(ACCOUNT)}

    assert first[old.id] == second[old.id]


async def test_what_works_no_more_is_not_rotated(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    made = await accounts.create_key(ACCOUNT, KeyKind.SECRET)

    assert await accounts.rotate_key("another", made.id, overlap_ms=0) is None
    assert await accounts.rotate_key(ACCOUNT, "another", overlap_ms=0) is None
    await accounts.revoke_key(ACCOUNT, made.id)
    assert await accounts.rotate_key(ACCOUNT, made.id, overlap_ms=0) is None
    assert len(await accounts.list_keys(ACCOUNT)) == 1


async def test_the_records_alone_do_not_open_a_seal(records: AsyncEngine) -> None:
    made = await Accounts(records, SEAL).create_key(ACCOUNT, KeyKind.SECRET)
    text = await sealed(records)

    assert text is not None
    assert made.key == SEAL.open(text, of=made.id)
    assert await Accounts(records, Seal(b"\1" * 32)).signing_secret(ACCOUNT, made.id) is None


async def test_a_public_key_is_not_sealed_and_signs_nothing(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    made = await accounts.create_key(ACCOUNT, KeyKind.PUBLIC)

    assert await sealed(records) is None
    assert await accounts.signing_secret(ACCOUNT, made.id) is None
    assert await accounts.token_keys(ACCOUNT, made.id) == ()


@pytest.mark.parametrize(
    "before", [None, Seal(b"\1" * 32).close("lost", of="any")], ids=["none", "another's"]
)
async def test_a_key_without_a_seal_that_opens_is_sealed_when_it_is_used(
    records: AsyncEngine, before: str | None
) -> None:
    accounts = Accounts(records, SEAL)
    made = await accounts.create_key(ACCOUNT, KeyKind.SECRET)
    await change(records, sealed=before)
    assert await accounts.signing_secret(ACCOUNT, made.id) is None
    await accounts.principal_for(made.key)

    assert await accounts.signing_secret(ACCOUNT, made.id) == made.key
    first = await sealed(records)
    await accounts.principal_for(made.key)
    assert first == await sealed(records)


async def test_keys_that_were_sealed_elsewhere_are_told(records: AsyncEngine) -> None:
    here, elsewhere = Accounts(records, SEAL), Accounts(records, Seal(b"\1" * 32))
    lost = await elsewhere.create_key(ACCOUNT, KeyKind.SECRET)
    revoked = await elsewhere.create_key(ACCOUNT, KeyKind.SECRET)
    await here.create_key(ACCOUNT, KeyKind.SECRET)
    await here.create_key(ACCOUNT, KeyKind.PUBLIC)
    await here.revoke_key(ACCOUNT, revoked.id)

    assert await here.unopened_keys() == (lost.id,)
    await here.principal_for(lost.key)
    assert await here.unopened_keys() == ()


async def test_a_key_that_is_given_at_the_start_can_sign(records: AsyncEngine) -> None:
    key = "secret_W142hJkSecretForTestsOnly"
    await Accounts(records, Seal(b"\1" * 32)).ensure(ACCOUNT, secret_key=key)
    here = Accounts(records, SEAL)
    assert len(await here.unopened_keys()) == 1
    await here.ensure(ACCOUNT, secret_key=key)

    assert await here.unopened_keys() == ()


async def test_only_a_key_that_may_read_signs_urls(records: AsyncEngine) -> None:
    accounts = Accounts(records, SEAL)
    every, upload = frozenset(Scope) - {Scope.READ}, frozenset({Scope.READ})
    without = await accounts.create_key(ACCOUNT, KeyKind.SECRET, every)
    reader = await accounts.create_key(ACCOUNT, KeyKind.SECRET, upload)

    assert await accounts.signing_secret(ACCOUNT, without.id) is None
    assert await accounts.signing_secret(ACCOUNT, reader.id) == reader.key
    assert await accounts.signing_secret("another", reader.id) is None


async def test_a_token_that_names_no_key_is_tried_with_the_newest_ten(
    records: AsyncEngine,
) -> None:
    accounts = Accounts(records, SEAL)
    made = [await accounts.create_key(ACCOUNT, KeyKind.SECRET) for _ in range(12)]
    await accounts.create_key(ACCOUNT, KeyKind.PUBLIC)
    await accounts.revoke_key(ACCOUNT, made[-1].id)
    tried = await accounts.token_keys(ACCOUNT, None)

    assert {key.id for key in made[1:-1]} == {key.id for key in tried}
    assert await accounts.token_keys(ACCOUNT, made[0].id) == (
        TokenKey(
            id=made[0].id,
            algorithm=TokenAlgorithm.HS256,
            material=made[0].key,
            scopes=EVERY_SCOPE,
        ),
    )
