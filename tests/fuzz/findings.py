"""Findings on disk: each a mutant, and a note with all that is needed to try it again."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from pathlib import Path

import msgspec

from edge.sandbox.pool import Sandbox
from edge.sandbox.worker_log import LOGGER
from tests.fuzz.cases import Case
from tests.fuzz.harness import JOBS, Fuzzer, Outcome

# JSON, but not called so: what workers wrote names this machine's folders.
SUFFIX = ".note"


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What lies beside a mutant."""

    kind: str
    seed: int
    number: int
    ways: tuple[str, ...]
    query: str
    exact: bool
    remote: bool
    verdict: str
    code: str
    why: str
    again: str
    log: tuple[str, ...]


class _Lines(logging.Handler):
    """Gathers what a sandbox's workers write."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


async def explain(
    case: Case, folder: Path, *, appended: bytes, deadline_seconds: float
) -> tuple[Outcome, tuple[str, ...]]:
    """Try a case alone in a sandbox of its own; tell what its workers wrote."""
    sandbox, gathered = Sandbox(jobs=JOBS), _Lines()
    LOGGER.addHandler(gathered)
    try:
        await sandbox.start()
        fuzzer = Fuzzer(sandbox, folder, appended=appended, deadline_seconds=deadline_seconds)
        outcome = await fuzzer.judge(case)
    finally:
        # Only closing it reads what is left in the pipe.
        await sandbox.close()
        LOGGER.removeHandler(gathered)
    return outcome, tuple(gathered.lines)


async def save(
    case: Case, outcome: Outcome, again: Outcome, log: tuple[str, ...], folder: Path
) -> Path:
    """Write a finding into *folder* and return where its note is."""
    note = Note(
        **{f.name: getattr(case, f.name) for f in dataclasses.fields(case) if f.name != "content"},
        verdict=outcome.verdict,
        code=outcome.code,
        why=outcome.why,
        again=f"{again.verdict} {again.code}",
        log=log,
    )
    name = f"{outcome.verdict}-{outcome.code}-{case.kind}-{case.seed}-{case.number}".lower()
    path = folder / f"{name}{SUFFIX}"
    await asyncio.to_thread(_write, path, note, case.content)
    return path


def _write(path: Path, note: Note, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".media").write_bytes(content)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(note)))


def load(path: Path) -> Case:
    """Read the case of a note, or of the mutant beside it."""
    note = msgspec.json.decode(path.with_suffix(SUFFIX).read_bytes(), type=Note)
    content = path.with_suffix(".media").read_bytes()
    names = {f.name for f in dataclasses.fields(Case)} - {"content"}
    return Case(**{name: getattr(note, name) for name in names}, content=content)
