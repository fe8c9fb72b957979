from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.accounts.seal import Seal, SealBroken
from edge.library.webhooks.secrets import store
from edge.library.webhooks.secrets.store import NoSuchAccount, WebhookSecrets
from edge.records.engine import reading, writing
from edge.records.tables import accounts
from tests.edge.library.webhooks.hearing import ACCOUNT


async def test_a_secret_is_made_once_however_many_need_it(
    records: AsyncEngine, secrets: WebhookSecrets
) -> None:
    made = await asyncio.gather(*(secrets.signers(ACCOUNT) for _ in range(5)))

    assert len(set(made)) == 1
    assert made[0][0].startswith("whsec_")
    async with reading(records) as connection:
        sealed = (await connection.execute(select(accounts.c.webhook_secret))).scalar_one()
    assert made[0][0].removeprefix("whsec_") not in sealed


async def test_a_replaced_secret_signs_beside_the_new_one_for_a_day(
    secrets: WebhookSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = await secrets.signers(ACCOUNT)
    second, beside = await secrets.rotate(ACCOUNT)
    third, before = await secrets.rotate(ACCOUNT)

    assert (first, second) == (beside, before)
    assert (third, second) == await secrets.signers(ACCOUNT)
    # Its day is over as soon as it has none.
    monkeypatch.setattr(store, "_OVERLAP_MS", 0)
    (fourth,) = await secrets.rotate(ACCOUNT)
    assert (fourth,) == await secrets.signers(ACCOUNT)


async def test_under_another_seal_only_a_new_secret_helps(
    records: AsyncEngine, secrets: WebhookSecrets
) -> None:
    await secrets.signers(ACCOUNT)
    other = WebhookSecrets(records, Seal(bytes([1] * 32)))

    with pytest.raises(SealBroken):
        await other.signers(ACCOUNT)
    (made,) = await other.rotate(ACCOUNT)
    assert (made,) == await other.signers(ACCOUNT)


async def test_a_seal_opens_for_its_own_account_only(
    records: AsyncEngine, secrets: WebhookSecrets
) -> None:
    await secrets.signers(ACCOUNT)
    async with writing(records) as connection:
        await connection.execute(update(accounts).values(id="W142hJm"))

    with pytest.raises(SealBroken):
        await secrets.signers("W142hJm")


async def test_nobody_has_no_secret(secrets: WebhookSecrets) -> None:
    with pytest.raises(NoSuchAccount):
        await secrets.signers("abcdefg")
    with pytest.raises(NoSuchAccount):
        await secrets.rotate("abcdefg")
