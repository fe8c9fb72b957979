from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.accounts.plans import Plan, PlanRequired, Plans
from edge.accounts.seal import Seal
from edge.accounts.store import Accounts

ACCOUNT = "W142hJk"


def plans(records: AsyncEngine, default: Plan) -> Plans:
    return Plans(
        accounts=Accounts(records, Seal(bytes(32))),
        default=default,
        most_file_bytes={Plan.PRO: 10, Plan.PRO_PLUS: 20},
    )


async def test_an_account_without_a_plan_has_the_installation_s(records: AsyncEngine) -> None:
    assert await plans(records, Plan.PRO).file_bytes(ACCOUNT) == 10
    assert await plans(records, Plan.PRO_PLUS).file_bytes(ACCOUNT) == 20


async def test_a_plan_of_its_own_counts(records: AsyncEngine) -> None:
    known = plans(records, Plan.PRO)
    await known.accounts.ensure(ACCOUNT)

    assert await known.accounts.set_plan(ACCOUNT, Plan.PRO_PLUS)
    assert await known.file_bytes(ACCOUNT) == 20
    assert await known.accounts.set_plan(ACCOUNT, None)
    assert await known.of(ACCOUNT) is Plan.PRO
    assert not await known.accounts.set_plan("2222222", Plan.FREE)


async def test_a_free_account_hosts_no_audio(records: AsyncEngine) -> None:
    with pytest.raises(PlanRequired, match="requires the plan pro or pro_plus; this is free"):
        await plans(records, Plan.FREE).file_bytes(ACCOUNT)
