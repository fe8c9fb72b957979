from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from cache.hot import HotCache
from cache.source import SourceObject
from edge.fill.poison import MOST_DEATHS, Poison
from edge.sandbox.problems import (
    DeadlineExceeded,
    MediaProblem,
    SentGarbage,
    WorkerDied,
    ZygoteLost,
)

FILE = SourceObject(path="/a.mp3", mount="/", version="1", size_bytes=1, modified_ms=None)
OUTRO = replace(FILE, path="/outro.mp3")


@pytest.fixture
async def poison(tmp_path: Path) -> AsyncIterator[Poison]:
    hot = HotCache(tmp_path, max_bytes=1 << 20)
    yield Poison(hot)
    await hot.aclose()


async def test_a_file_that_killed_two_workers_is_refused(poison: Poison) -> None:
    for _ in range(MOST_DEATHS):
        await poison.refuse([FILE])
        await poison.note([FILE])

    with pytest.raises(MediaProblem) as refusal:
        await poison.refuse([OUTRO, FILE])
    assert (refusal.value.code, str(refusal.value)) == (
        "worker_died",
        "Reading /a.mp3 crashed the worker, or never ended, 2 times.",
    )
    await poison.refuse([OUTRO])


async def test_another_version_is_another_file(poison: Poison) -> None:
    for _ in range(MOST_DEATHS):
        await poison.note([FILE, FILE])

    await poison.refuse([replace(FILE, version="2")])
    with pytest.raises(MediaProblem):
        await poison.refuse([FILE])


async def test_among_several_nobody_is_blamed(poison: Poison) -> None:
    for _ in range(5):
        await poison.note([FILE, OUTRO])

    await poison.refuse([FILE, OUTRO])


@pytest.mark.parametrize(
    ("problem", "slow", "counts"),
    [
        (WorkerDied("killed by signal 11 (SIGSEGV)"), False, True),
        (WorkerDied("killed by signal 11 (SIGSEGV)"), True, True),
        (SentGarbage("nonsense"), False, True),
        (DeadlineExceeded(1), False, True),
        # Long work is not the file's fault, nor is the end of the process that workers come from.
        (DeadlineExceeded(1), True, False),
        (ZygoteLost(), False, False),
        (MediaProblem(code="no_audio", message="No sound.", details={}), False, False),
    ],
)
async def test_deaths_and_hanging_are_counted(
    poison: Poison, problem: Exception, slow: bool, counts: bool
) -> None:
    for _ in range(MOST_DEATHS):
        with pytest.raises(type(problem)):
            async with poison.watching(FILE, slow=lambda: slow):
                raise problem

    if counts:
        with pytest.raises(MediaProblem):
            await poison.refuse([FILE])
    else:
        await poison.refuse([FILE])
