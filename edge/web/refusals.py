"""
What inner rooms refuse, retold as answers: the place where their problems get a status.

They are listed here one by one, because a problem that is not listed is a fault of ours and
answered as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cache.source import SourceProblem
from edge.fill.problems import (
    FileNotThere,
    FillProblem,
    OverQuota,
    QueueFull,
    TooManyTransforms,
)
from edge.sandbox.problems import DeadlineExceeded, MediaProblem, SandboxProblem, ZygoteLost
from edge.web import problems
from edge.web.problems import Problem

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
