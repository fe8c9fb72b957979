from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from cache.source import Reader, SourceObject
from edge.fill.wanted import Wanted, find, understand
from edge.node import Node
from tests.support.media import boasting_mp3
from transforms.problems import OutputTooLarge


async def wanted(node: Node, rest: str) -> Wanted:
    return await find(node.workshop.files, understand(f"/W142hJk/audio/{rest}"))


async def test_nobody_is_refused_for_what_a_file_only_claims(node: Node) -> None:
    assert node.settings.root is not None
    (node.settings.root / "boast.mp3").write_bytes(boasting_mp3(2_000_000_000))
    wish = await wanted(node, "boast.mp3?f=wav-riff")
    resolved = await node.workshop.surveys.resolve(wish, node.workshop.limits)

    assert resolved.exact
    assert resolved.duration is not None
    assert Fraction(19, 10) < resolved.duration < Fraction(21, 10)


async def test_what_is_too_long_for_certain_is_refused(node: Node) -> None:
    limits = replace(node.workshop.limits, duration_ms=3_000)

    with pytest.raises(OutputTooLarge):
        await node.workshop.surveys.resolve(await wanted(node, "note.wav?f=mp3&rp=2"), limits)


async def test_a_version_is_surveyed_once(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    files = node.workshop.files
    really = files.open

    async def counted(account: str, source: SourceObject) -> Reader:
        opened.append(source.path)
        return await really(account, source)

    monkeypatch.setattr(files, "open", counted)
    for query in ("f=mp3", "f=aac", "f=mp3&te=1"):
        wish = await wanted(node, f"note.wav?{query}")
        await node.workshop.surveys.resolve(wish, node.workshop.limits)
    assert opened == ["/note.wav"]

    for _ in range(2):
        await node.workshop.surveys.metadata(await wanted(node, "note.wav?f=meta"))
    assert opened == ["/note.wav"] * 2
