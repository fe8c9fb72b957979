"""What a callback is told of a task that has ended."""

from __future__ import annotations

import msgspec

from edge.library.importing.task import Failure, ImportTask

DONE = "import.done"
FAILED = "import.failed"
_MESSAGE_OF_SUCCESS = "success"

# Codes are as HTTP's, whether they are in a callback or in an answer.
_OK = 200
_FAULT = 500
_CODES = {
    **{"source_unreachable": 400, "too_large": 400, "unsupported_media": 400},
    **{"source_forbidden": 403, "storage_full": 402},
}


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """The body of the webhook; ``clip_id`` is the media's id, None if there are none."""

    task_id: str
    clip_id: str | None
    code: int
    message: str


def kind_of(failure: Failure | None) -> str:
    """Name the webhook."""
    return DONE if failure is None else FAILED


def callback_of(task: ImportTask, failure: Failure | None) -> Callback:
    """Say how a task has ended."""
    if failure is None:
        return Callback(task_id=task.id, clip_id=task.media, code=_OK, message=_MESSAGE_OF_SUCCESS)
    return Callback(task_id=task.id, clip_id=None, code=code_of(failure), message=failure.message)


def code_of(failure: Failure) -> int:
    """Number a failure: 500 unless the URL or the account is to blame."""
    return _CODES.get(failure.code, _FAULT)
