"""What went wrong, as a job says it: a code for programs and a sentence for people."""

from __future__ import annotations

import logging

from cache.source import SourceChanged, SourceMissing, SourceProblem
from edge.fill.problems import FileNotThere, FillProblem, OverQuota
from edge.sandbox.problems import DeadlineExceeded, MediaProblem, WorkerDied
from edge.telemetry import new_incident_id
from transforms.problems import TransformProblem

_log = logging.getLogger(__name__)


def failure_of(problem: Exception) -> tuple[str, str]:
    """Put a failure into a code for programs and a sentence for people, both safe to show."""
    match problem:
        case MediaProblem() | TransformProblem():
            return problem.code, problem.message
        case DeadlineExceeded():
            return "deadline_exceeded", (
                f"Making this took longer than {problem.deadline_seconds:g} s and was stopped."
            )
        case WorkerDied():
            return "worker_died", "Decoding the file crashed the worker."
        case FileNotThere():
            return "source_missing", str(problem)
        case OverQuota():
            return "over_quota", str(problem)
        case FillProblem():
            return "unavailable", str(problem)
        case SourceMissing():
            return "source_missing", "The source is no longer there."
        case SourceChanged():
            return "source_changed", "The source was replaced while this was made."
        case SourceProblem():
            return "source_unreachable", "The source could not be read from where it lives."
        case OSError():
            _log.error("storing an artifact failed", exc_info=problem)
            return "storage_failed", "The artifact could not be stored."
        case _:
            incident = new_incident_id()
            _log.error("a job failed", exc_info=problem, extra={"incident": incident})
            return "internal_error", f"Something went wrong here, recorded as {incident}."
