"""What is promised, and how a run is judged by it."""

from __future__ import annotations

import pytest

from bench import report
from bench.first_segment import FFMPEG, QUERIES, First, goals_of
from bench.goals import Goal, goal_rows, read_goals, times_as_fast
from bench.harness import Run
from bench.memory import Job, Peaks
from bench.memory import goals_of as memory_goals_of


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1.4, 1.5, 1.6), "yes"),
        ((1.3, 1.5, 1.6), "median only"),
        ((1.2, 1.3, 1.6), "no"),
    ],
)
def test_a_goal_is_judged_by_its_median_and_says_where_single_rounds_miss_it(
    values: tuple[float, ...], expected: str
) -> None:
    goal = Goal(what="fast", unit="times", values=values, at_least=1.4)

    assert goal.verdict == expected


def test_a_goal_may_be_the_most_that_is_allowed() -> None:
    goal = Goal(what="small", unit="MB", values=(111.0,), at_most=110)

    assert (goal.wanted, goal.verdict) == ("≤ 110 MB", "no")


def test_what_has_no_limit_is_told_and_not_judged() -> None:
    expected = [("start", "", "1500 (900-2000) ms", "3", "")]

    assert goal_rows([Goal(what="start", unit="ms", values=(900, 1500, 2000))]) == expected


def test_speeds_are_compared_turn_by_turn() -> None:
    assert times_as_fast([1.0, 3.0], [2.0, 6.0]) == (2.0, 2.0)


def test_goals_are_saved_with_a_result_and_read_back(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    goals = [Goal(what="fast", unit="times", values=(1.0, 2.0), at_least=1.4)]
    path = report.save("engine", {}, {"a": 1}, goals)

    assert read_goals(path) == goals


def test_first_playlists_are_judged_by_the_slowest_kind_of_file() -> None:
    quick = First(multivariant_s=0.05, media_s=0.1, segment_s=0.2)
    slow = First(multivariant_s=0.2, media_s=0.3, segment_s=0.4)
    theirs = First(multivariant_s=None, media_s=1.0, segment_s=1.0)
    results = {
        "wav": {**{name: [quick] for name in QUERIES}, FFMPEG: [theirs]},
        "mp3": {**{name: [slow] for name in QUERIES}, FFMPEG: [theirs]},
    }
    first, sooner, *_, whole = goals_of(results, 30.0)

    assert first == Goal(
        what="first playlist, 1 variant, slowest kind (mp3)",
        unit="ms",
        values=(200.0,),
        at_most=100.0,
    )
    assert (sooner.values, sooner.verdict) == ((5.0,), "no")
    assert (whole.values, whole.verdict) == ((150.0,), "yes")


def test_memory_is_judged_by_the_worst_job_and_not_by_ffmpeg() -> None:
    def peaks(name: str, *sizes: int, threads: int = 1, query: str | None = "f=aac") -> Peaks:
        runs = tuple(Run(wall_s=1, cpu_s=1, peak_bytes=size * 1_000_000) for size in sizes)
        return Peaks(job=Job(name=name, query=query, threads=threads), runs=runs)

    goals = memory_goals_of(
        [
            peaks("large", 100, 101),
            peaks("growing", 40, 80, threads=2),
            peaks("many", 190, 200, threads=8),
            peaks("cli", 900, 9000, query=None),
        ]
    )

    assert [(goal.what, goal.values, goal.verdict) for goal in goals] == [
        ("peak memory of a job, the largest (large)", (101.0,), "yes"),
        (
            "peak memory, long against short, where it grows most (growing, 2 threads)",
            (2.0,),
            "no",
        ),
        ("peak memory of a job, the largest (many, 8 threads)", (200.0,), "no"),
        (
            "peak memory, long against short, where it grows most (many, 8 threads)",
            (200 / 190,),
            "yes",
        ),
    ]
