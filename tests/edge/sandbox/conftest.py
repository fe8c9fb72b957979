"""A running sandbox with fake jobs, under both event loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from cache.staging import Staging
from edge.sandbox.pool import Sandbox, SandboxSettings

from . import fake_jobs
from .doubles import LocalReader

JOBS = fake_jobs.__name__
SETTINGS = SandboxSettings(artifact_files=3000)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def sandbox_of() -> AsyncIterator[Callable[[str], Sandbox]]:
    sandboxes: list[Sandbox] = []

    def make(table: str) -> Sandbox:
        sandboxes.append(Sandbox(SETTINGS, jobs=f"{JOBS}:{table}"))
        return sandboxes[-1]

    yield make
    for sandbox in sandboxes:
        await sandbox.close()


@pytest.fixture
async def sandbox(sandbox_of: Callable[[str], Sandbox]) -> Sandbox:
    sandbox = sandbox_of("JOBS")
    await sandbox.start()
    return sandbox


@pytest.fixture
def local() -> Iterator[Callable[[str], LocalReader]]:
    readers: list[LocalReader] = []

    def make(content: str) -> LocalReader:
        readers.append(LocalReader(content.encode()))
        return readers[-1]

    yield make
    for reader in readers:
        reader.close()


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path)
