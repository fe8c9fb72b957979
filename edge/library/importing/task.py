"""A file that is to be fetched for somebody who does not wait for it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum


class ImportState(StrEnum):
    """Where a task stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def settled(self) -> bool:
        """Tell whether it stays so."""
        return self in (ImportState.DONE, ImportState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTask:
    """
    A URL to be fetched, and who is told at ``callback_url`` when that is done.

    ``media`` is the id that the file will have, settled beforehand, so that a task which is begun
    again brings the same file. ``attempts`` counts how often it was begun. Times are milliseconds
    since the Unix epoch.
    """

    id: str
    account: str
    url: str
    callback_url: str
    media: str
    state: ImportState
    attempts: int
    owner: str | None
    error_code: str | None
    error_message: str | None
    created_ms: int
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a file could not be had: a *code* for programs, and a *message* for people."""

    code: str
    message: str


def new_task_id() -> str:
    """Return a fresh id, a random UUID (RFC 9562, version 4)."""
    return str(uuid.uuid4())
