from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.node import Node, open_node
from edge.settings import Settings
from tests.support.media import make
from tests.support.synth import tone


class Settable:
    """A clock that a test winds."""

    def __init__(self) -> None:
        self.milliseconds = 1_000_000

    def now_ms(self) -> int:
        return self.milliseconds


@pytest.fixture
def clock() -> Settable:
    return Settable()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation with a tone of two seconds, and something that is none."""
    media = tmp_path / "media"
    media.mkdir()
    (media / "note.wav").write_bytes(make("wav-16", tone(16_000, rate=8_000), rate=8_000))
    (media / "other.wav").write_bytes(make("wav-16", tone(8_000, rate=8_000), rate=8_000))
    (media / "text.mp3").write_bytes(b"This is no sound. " * 100)
    return Settings(root=media, data=tmp_path / "data", workers=1)


@pytest.fixture
async def node(settings: Settings) -> AsyncIterator[Node]:
    """The installation, opened, with the engine it will have in service."""
    async with open_node(settings) as opened:
        yield opened
        await asyncio.sleep(0)
