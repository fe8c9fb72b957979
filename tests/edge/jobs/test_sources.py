"""Which files jobs are made of."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.jobs.sources.store import JobSources
from edge.jobs.store import Jobs

ACCOUNT = "W142hJk"
OTHER = "X242hJk"


@pytest.fixture
def sources(records: AsyncEngine) -> JobSources:
    return JobSources(records)


async def submit(jobs: Jobs, key: str, paths: Sequence[str], account: str = ACCOUNT) -> None:
    await jobs.submit(
        key=key, account=account, subject="/", priority=0, owner=None, sources=tuple(paths)
    )


async def test_what_any_of_some_files_is_in_is_found(jobs: Jobs, sources: JobSources) -> None:
    await submit(jobs, "a", ["/talk.wav"])
    await submit(jobs, "b", ["/intro.wav", "/talk.wav", "/talk.wav"])
    await submit(jobs, "c", ["/intro.wav"])
    await submit(jobs, "d", ["/talk.wav"], OTHER)

    assert sorted(await sources.keys_of(ACCOUNT, {"/talk.wav"})) == ["a", "b"]
    assert sorted(await sources.keys_of(ACCOUNT, ["/talk.wav", "/intro.wav"])) == ["a", "b", "c"]
    assert await sources.keys_of(ACCOUNT, ["/Talk.wav"]) == ()


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
