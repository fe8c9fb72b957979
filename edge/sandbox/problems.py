"""
What can go wrong with work that was handed to the sandbox.

    SandboxProblem
    ├── WorkerDied          the worker ended, or had to be ended, before it answered
    │   ├── SentGarbage     because it said something that no honest worker says
    │   └── ZygoteLost      because the process it was forked from is gone
    ├── DeadlineExceeded    the worker was killed because its time was up
    ├── SandboxTooWeak      this machine lacks walls that the operator insists on
    └── MediaProblem        the worker answered, and the answer is a refusal

None but the last says anything about the media that the caller could repeat to a client; it
carries a ``TransformProblem`` across the process boundary, field by field.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

from transforms.problems import Detail


class SandboxProblem(Exception):
    """Work handed to the sandbox brought no result."""


class WorkerDied(SandboxProblem):
    """The worker ended before it answered; *signal_number* says what killed it, if a signal did."""

    def __init__(self, reason: str, *, signal_number: int | None = None) -> None:
        super().__init__(f"The worker died: {reason}.")
        self.reason = reason
        self.signal_number = signal_number

    @classmethod
    def of_wait_status(cls, status: int) -> WorkerDied:
        """Say in words what a status from ``waitpid`` means."""
        code = os.waitstatus_to_exitcode(status)
        if code >= 0:
            return cls(f"exited with status {code} before it answered")
        return cls(f"killed by signal {-code} ({signal_name(-code)})", signal_number=-code)


class SentGarbage(WorkerDied):
    """The worker said something that no honest worker says, *what* for the log, and was killed."""

    def __init__(self, what: str) -> None:
        super().__init__("sent garbage")
        self.what = what


class ZygoteLost(WorkerDied):
    """The zygote is gone and took its workers with it."""

    def __init__(self, reason: str = "its zygote is gone") -> None:
        super().__init__(reason)


class DeadlineExceeded(SandboxProblem):
    """The worker had not answered after *deadline_seconds* and was killed."""

    def __init__(self, deadline_seconds: float) -> None:
        super().__init__(f"The worker was killed after {deadline_seconds:g} seconds.")
        self.deadline_seconds = deadline_seconds


class SandboxTooWeak(SandboxProblem):
    """Workers would not be locked in as they are to be; *walls* says what there is."""

    def __init__(self, walls: object) -> None:
        super().__init__(f"EDGE_SANDBOX=full is not to be had on this machine: {walls}.")


class MediaProblem(SandboxProblem):
    """The worker refused the media, with a *code* for programs and a *message* for people."""

    def __init__(self, *, code: str, message: str, details: Mapping[str, Detail]) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: dict[str, Detail] = dict(details)


def signal_name(number: int) -> str:
    """Name a signal, including the real-time ones that Python has no name for."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
