"""Which files jobs are made of."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.jobs.sources.store import JobSources, mark_gone
from edge.jobs.store import Jobs
from edge.records.engine import writing

ACCOUNT = "W142hJk"
OTHER = "X242hJk"


@pytest.fixture
def sources(records: AsyncEngine) -> JobSources:
    return JobSources(records)


async def submit(
    jobs: Jobs, key: str, paths: Sequence[str], account: str = ACCOUNT, *, remake: bool = False
) -> None:
    await jobs.submit(
        key=key,
        account=account,
        subject="/",
        priority=0,
        owner=None,
        sources=paths,
        remake=remake,
    )


async def settle(jobs: Jobs) -> None:
    while (lease := await jobs.claim("node")) is not None:
        await jobs.finish(lease, charge=None, details="{}")


async def delete(records: AsyncEngine, path: str, account: str = ACCOUNT) -> None:
    async with writing(records) as connection:
        await mark_gone(connection, account, path)


async def test_what_a_deleted_file_was_in_is_found_until_it_is_forgotten(
    records: AsyncEngine, jobs: Jobs, sources: JobSources
) -> None:
    await submit(jobs, "a", ["/talk.wav"])
    await submit(jobs, "b", ["/intro.wav", "/talk.wav", "/talk.wav"])
    await submit(jobs, "c", ["/intro.wav"])
    await submit(jobs, "d", ["/talk.wav"], OTHER)
    await submit(jobs, "e", ["/Talk.wav"])
    await settle(jobs)
    assert await sources.gone(ACCOUNT, {"/talk.wav"}) == ()

    await delete(records, "/talk.wav")
    assert sorted(await sources.gone(ACCOUNT, {"/talk.wav", "/intro.wav"})) == ["a", "b"]
    await sources.forget(["a", "b", "c"])
    assert await sources.gone(ACCOUNT, ["/talk.wav"]) == ()
    assert sorted(await sources.keys_led_by(ACCOUNT, "/", whole=False)) == ["c", "e"]


async def test_what_is_still_being_made_is_left_until_it_is_done(
    records: AsyncEngine, jobs: Jobs, sources: JobSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    await submit(jobs, "a", ["/talk.wav"])
    await delete(records, "/talk.wav")
    assert await sources.gone(ACCOUNT, ["/talk.wav"]) == ()

    await settle(jobs)
    # Within a minute, whoever has deleted the file sees to it.
    assert await sources.left(most=9) == ()
    monkeypatch.setattr("edge.jobs.sources.store._CLEARED_BY_ITSELF_MS", -1000)
    assert await sources.left(most=9) == ("a",)


async def test_what_is_begun_again_meanwhile_is_not_forgotten(
    records: AsyncEngine, jobs: Jobs, sources: JobSources
) -> None:
    await submit(jobs, "a", ["/talk.wav"])
    await settle(jobs)
    await delete(records, "/talk.wav")
    keys = await sources.gone(ACCOUNT, ["/talk.wav"])
    await submit(jobs, "a", ["/talk.wav"], remake=True)
    await sources.forget(keys)

    assert await sources.keys_led_by(ACCOUNT, "/talk.wav", whole=True) == ("a",)


async def test_a_prefix_is_of_the_primary_file_and_of_its_case(
    jobs: Jobs, sources: JobSources
) -> None:
    await submit(jobs, "a", ["/Shows_/ü/1.wav"])
    await submit(jobs, "b", ["/shows_/2.wav", "/Shows_/outro.wav"])
    await submit(jobs, "c", ["/Shows%.wav"])
    await submit(jobs, "d", ["/Shows_/ü/1.wav"], OTHER)

    async def found(stem: str, *, whole: bool = False) -> list[str]:
        return sorted(await sources.keys_led_by(ACCOUNT, stem, whole=whole))

    assert await found("/") == ["a", "b", "c"]
    assert await found("/Shows_/") == ["a"]
    assert await found("/Shows_/ü") == ["a"]
    assert await found("/Shows_") == ["a"]
    assert await found("/Shows%.wav", whole=True) == ["c"]
    assert await found("/Shows_/outro.wav", whole=True) == []
