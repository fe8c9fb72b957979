"""
What inner rooms refuse, retold as answers: the place where their problems get a status.

They are listed here one by one, because a problem that is not listed is a fault of ours and
answered as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cache.artifacts import ArtifactMissing
from cache.source import SourceProblem
from edge.accounts.plans import PlanRequired
from edge.fill.problems import (
    FileNotThere,
    FillProblem,
    OverQuota,
    QueueFull,
    TooManyTransforms,
)
from edge.library.catalogue.store import PathTaken, StorageFull
from edge.library.importing.store import TooManyImports
from edge.library.library import MediaGone
from edge.library.paths import BadPath
from edge.library.storage import BodyTooLong
from edge.library.uploads.intake import BadWish, UploadOver, WrongPart
from edge.library.uploads.store import PartTaken
from edge.records.paging import BadCursor
from edge.sandbox.problems import DeadlineExceeded, MediaProblem, SandboxProblem, ZygoteLost
from edge.web import problems
from edge.web.problems import Problem

# How long fetching a file may take that others wait for.
_IMPORTED_SECONDS = 5

Refusal = FillProblem | SourceProblem | SandboxProblem


@contextmanager
def refusals(*, ttl_404_seconds: int = 0) -> Iterator[None]:
    """Turn the problems of inner rooms into answers; *ttl_404_seconds* is for what is missing."""
    try:
        yield
    except (FillProblem, SourceProblem, SandboxProblem) as refusal:
        raise answer_to(refusal, ttl_404_seconds=ttl_404_seconds) from refusal


def answer_to(refusal: Refusal, *, ttl_404_seconds: int = 0) -> Problem:
    """Give a refusal its status, code and headers."""
    match refusal:
        case FileNotThere():
            return problems.not_found(str(refusal), ttl_seconds=ttl_404_seconds)
        case OverQuota():
            return problems.over_quota(
                str(refusal),
                usedSeconds=float(refusal.used),
                priceSeconds=float(refusal.price),
                quotaSeconds=refusal.quota,
            )
        case TooManyTransforms():
            return problems.too_many(str(refusal), retry_after_seconds=refusal.retry_after_seconds)
        case QueueFull():
            return problems.unavailable(
                str(refusal), retry_after_seconds=refusal.retry_after_seconds
            )
        case MediaProblem():
            return Problem(422, refusal.code, refusal.message, details=refusal.details)
        case DeadlineExceeded():
            return problems.unsupported_media(
                f"The file could not be read within {refusal.deadline_seconds:g} s."
            )
        case ZygoteLost():
            return problems.unavailable(
                "The process that reads media is starting again.", retry_after_seconds=1
            )
        case SandboxProblem():
            return problems.unsupported_media("Decoding the file crashed the worker.")
        case SourceProblem():
            return problems.of_source(refusal)
        case FillProblem():
            raise TypeError(f"no status for {type(refusal).__name__}") from refusal


def problem_told(exception: Exception, subject: str) -> Problem:
    """
    Find the problem in whatever an endpoint raises; *subject* is for the log.

    A door that means something else by a refusal than the others looks for that first.
    """
    match exception:
        case FillProblem() | SourceProblem() | SandboxProblem():
            return answer_to(exception)
        case ArtifactMissing():
            return problems.unavailable("This is being made again.", retry_after_seconds=1)
        case BadCursor():
            return problems.bad_parameter("cursor", str(exception), value=exception.text[:100])
    return of_library(exception) or problems.problem_of(exception, subject)


def of_library(refusal: Exception) -> Problem | None:
    """Give what the library refuses its status and code; None if it is no such refusal."""
    match refusal:
        case BadPath():
            return problems.bad_parameter("path", str(refusal))
        case BadWish():
            return problems.bad_parameter(refusal.field, str(refusal))
        case UploadOver():
            return problems.conflict(str(refusal))
        case WrongPart():
            return problems.bad_request(str(refusal))
        case PartTaken():
            return problems.conflict("Others have sent these bytes meanwhile.")
        case PathTaken():
            return problems.conflict("There is another file at its path.", filePath=refusal.path)
        case MediaGone():
            return Problem(410, "gone", "It was deleted or replaced meanwhile.")
        case BodyTooLong():
            return problems.too_large(f"The body is longer than {refusal} bytes.")
        case StorageFull():
            return problems.over_quota(
                str(refusal), usedBytes=refusal.used_bytes, quotaBytes=refusal.quota_bytes
            )
        case PlanRequired():
            details = {"plan": refusal.plan, "required": refusal.enough}
            return Problem(403, "plan_required", str(refusal), details=details)
        case TooManyImports():
            return problems.too_many(str(refusal), retry_after_seconds=_IMPORTED_SECONDS)
        case _:
            return None
