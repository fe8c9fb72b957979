from __future__ import annotations

import logging

import pytest

from cache.source import SourceChanged, SourceForbidden, SourceMissing, SourceUnreachable
from edge.fill.failures import failure_of
from edge.fill.problems import FileNotThere
from edge.sandbox.problems import DeadlineExceeded, MediaProblem, WorkerDied
from transforms.problems import BadParameter


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (MediaProblem(code="no_audio", message="Nothing.", details={}), "no_audio", "Nothing."),
        (BadParameter("ts", "9", "less"), "bad_parameter", "Parameter 'ts' cannot be '9'"),
        (DeadlineExceeded(5), "deadline_exceeded", "longer than 5 s"),
        (WorkerDied("killed"), "worker_died", "crashed the worker"),
        (FileNotThere("/a.mp3", appended=True), "source_missing", "/a.mp3"),
        (SourceMissing("http://secret"), "source_missing", "no longer there"),
        (SourceChanged("http://secret"), "source_changed", "replaced"),
        (SourceUnreachable("http://secret"), "source_unreachable", "could not be read"),
        (SourceForbidden("http://secret"), "source_unreachable", "could not be read"),
    ],
)
def test_a_failure_is_a_code_and_a_sentence(problem: Exception, code: str, said: str) -> None:
    told = failure_of(problem)

    assert told[0] == code
    assert said in told[1]
    assert "secret" not in told[1]


@pytest.mark.parametrize("problem", [RuntimeError("secret"), OSError("/secret/path")])
def test_a_fault_of_ours_is_logged_and_not_told(
    problem: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        told = failure_of(problem)

    assert told[0] in ("internal_error", "storage_failed")
    assert "secret" not in told[1]
    assert caplog.records[0].exc_info is not None
