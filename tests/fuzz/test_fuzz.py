"""Thousands of mutants, the same in every run, of which each must end in an answer or a reason."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.sandbox.pool import Sandbox
from edge.sandbox.problems import DeadlineExceeded, MediaProblem, SentGarbage, WorkerDied
from tests.fuzz.cases import Case, cases
from tests.fuzz.corpus import corpus
from tests.fuzz.findings import load, save
from tests.fuzz.harness import JOBS, Fuzzer, Outcome, Summary, Verdict, judged
from tests.fuzz.seals import seal
from tests.fuzz.structures import parts
from transforms.problems import RenderFailed, UnsupportedMedia

SEED = 1
CASES = 2000
# Tells a job that hangs from one that a busy machine keeps waiting.
AMPLE_SECONDS = 60.0
APPENDED = corpus()["wav-16"]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(jobs=JOBS)
    await sandbox.start()
    yield sandbox
    await sandbox.close()


@pytest.fixture
def fuzzer(sandbox: Sandbox, tmp_path: Path) -> Fuzzer:
    return Fuzzer(sandbox, tmp_path, appended=APPENDED, deadline_seconds=AMPLE_SECONDS)


def intact(kind: str, query: str = "f=wav-riff") -> Case:
    return Case(
        kind=kind,
        seed=SEED,
        number=0,
        ways=(),
        query=query,
        exact=True,
        remote=False,
        content=corpus()[kind],
    )


async def test_whatever_a_file_holds_there_is_an_answer_or_a_reason(
    sandbox: Sandbox, fuzzer: Fuzzer
) -> None:
    zygote, summary = sandbox.zygote_pid, Summary()

    await fuzzer.run(itertools.islice(cases(corpus(), seed=SEED), CASES), summary)

    assert summary.findings == []
    assert summary.total == CASES
    assert sandbox.zygote_pid == zygote
    assert (await fuzzer.judge(intact("mp3"))).verdict is Verdict.MADE


async def test_every_kind_of_file_is_in_order_before_it_is_made_wrong(fuzzer: Fuzzer) -> None:
    summary = Summary()

    await fuzzer.run(map(intact, corpus()), summary)

    assert summary.counts == {"made wav-riff": len(corpus())}
    assert summary.usage.peak_kib > 0


def test_the_same_seed_makes_the_same_cases() -> None:
    one, again, other = (
        list(itertools.islice(cases(corpus(), seed=seed), 200)) for seed in (SEED, SEED, SEED + 1)
    )

    assert one == again
    assert one != other
    assert one[150] == next(cases(corpus(), seed=SEED, first=150))


def test_sealing_a_file_that_is_in_order_changes_nothing() -> None:
    assert {kind: seal(content) for kind, content in corpus().items()} == corpus()


def test_parts_lie_inside_their_file_and_mostly_say_their_size() -> None:
    found = {kind: parts(content) for kind, content in corpus().items()}

    for kind, content in corpus().items():
        for part in found[kind]:
            assert 0 <= part.start <= part.body <= part.end <= len(content), kind
    # Those without are the formats of one header and raw sound.
    assert {kind for kind in found if not found[kind]} == {"amr", "au", "tta"}


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (UnsupportedMedia("No."), (Verdict.REFUSED, "unsupported_media", "No.")),
        (RenderFailed("Oops"), (Verdict.UNREASONED, "render_failed", "Oops")),
        (RenderFailed("."), (Verdict.UNREASONED, "render_failed", ".")),
        (SentGarbage("noise"), (Verdict.DIED, "garbage", "noise")),
        (DeadlineExceeded(3), (Verdict.LATE, "deadline", "The worker was killed after 3 seconds.")),
        (
            WorkerDied.of_wait_status(11),
            (Verdict.DIED, "SIGSEGV", "killed by signal 11 (SIGSEGV)"),
        ),
        (
            MediaProblem(
                code="render_failed", message="The media could not be processed.", details={}
            ),
            (Verdict.UNFORESEEN, "render_failed", "The media could not be processed."),
        ),
    ],
)
def test_a_verdict_tells_a_reason_from_a_finding(
    problem: Exception, expected: tuple[Verdict, str, str]
) -> None:
    assert judged(problem) == expected


def test_what_breaks_the_server_itself_is_a_finding() -> None:
    verdict, code, why = judged(ZeroDivisionError("by nothing"))

    assert (verdict, code) == (Verdict.BROKEN, "ZeroDivisionError")
    assert why.endswith("ZeroDivisionError: by nothing\n")


async def test_a_finding_that_was_saved_can_be_tried_again(tmp_path: Path) -> None:
    case = next(cases(corpus(), seed=SEED))
    outcome = Outcome(verdict=Verdict.DIED, code="SIGSEGV", why="killed")

    note = await save(case, outcome, outcome, ("Fatal Python error",), tmp_path / "found")

    assert load(note) == load(note.with_suffix(".media")) == case
