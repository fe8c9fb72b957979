from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.cli import run
from tests.support.media import make
from tests.support.synth import tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command came to."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Outcome]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation's folder, with a tone of 20 s in it, that the environment points at."""
    media = tmp_path / "media"
    media.mkdir()
    (media / "note.wav").write_bytes(make("wav-16", tone(160_000, rate=8_000), rate=8_000))
    monkeypatch.setenv("EDGE_ROOT", str(media))
    monkeypatch.setenv("EDGE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(folder: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Run a command line in this process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def given(*arguments: str) -> Outcome:
        capsys.readouterr()
        try:
            status = run(arguments)
        except SystemExit as exit:
            status = int(exit.code or 0)
        said = capsys.readouterr()
        return Outcome(status=status, out=said.out, err=said.err)

    yield given
    root.handlers[:] = handlers
    root.setLevel(level)
