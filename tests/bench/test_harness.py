"""The harness' arithmetic; what it measures is measured by running it."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from bench import harness, report
from bench.harness import Failed, Others, Run, Spread, measure, ratios, spread, take_turns


def _run(wall_s: float, cpu_s: float = 1.0, peak_bytes: int = 0) -> Run:
    return Run(wall_s=wall_s, cpu_s=cpu_s, peak_bytes=peak_bytes)


def test_a_spread_is_the_median_between_the_smallest_and_the_largest() -> None:
    expected = Spread(median=2.0, low=1.0, high=9.0)

    assert spread([9.0, 1.0, 2.0]) == expected


def test_a_spread_is_spelled_with_three_digits() -> None:
    assert str(spread([1.23456, 1.0, 10.0])) == "1.23 (1-10)"


def test_large_numbers_are_spelled_out() -> None:
    assert str(spread([1234.5, 999.4, 20_000.0])) == "1234 (999-20000)"


def test_ratios_are_taken_turn_by_turn_and_not_between_medians() -> None:
    # The machine was three times slower in the second turn; the ratio was 2 all along.
    expected = Spread(median=2.0, low=2.0, high=2.0)

    assert ratios([2.0, 6.0, 2.2], [1.0, 3.0, 1.1]) == expected


def test_ratios_need_as_many_turns_on_both_sides() -> None:
    with pytest.raises(ValueError):
        ratios([1.0, 2.0], [1.0])


def test_contenders_take_turns_and_the_first_round_does_not_count() -> None:
    order: list[str] = []

    def contender(name: str) -> Run:
        order.append(name)
        return _run(len(order))

    runs = take_turns({"a": lambda: contender("a"), "b": lambda: contender("b")}, rounds=2)
    expected = {"a": (_run(3), _run(5)), "b": (_run(4), _run(6))}

    assert "".join(order) == "ababab"
    assert runs == expected


def test_a_comparison_divides_by_each_baseline_and_not_baselines_by_themselves() -> None:
    comparison = report.Comparison(
        case="mp3 to aac",
        runs={"edge": (_run(3, 2, 50_000_000),), "cli": (_run(2, 1, 36_000_000),)},
        baselines=("cli",),
    )
    expected = """\
| case       | what | wall s  | CPU s   | peak MB | against | wall ratio    | CPU ratio |
|------------|------|---------|---------|---------|---------|---------------|-----------|
| mp3 to aac | edge | 3 (3-3) | 2 (2-2) | 50      | cli     | 1.5 (1.5-1.5) | 2 (2-2)   |
| mp3 to aac | cli  | 2 (2-2) | 1 (1-1) | 36      |         |               |           |"""

    assert report.comparison_table([comparison]) == expected


def test_others_are_what_kept_cores_busy_besides_oneself(monkeypatch: pytest.MonkeyPatch) -> None:
    # Ten seconds on two cores: 15 s were used, 5 of them by the bench.
    monkeypatch.setattr(harness, "_busy_s", iter([100.0, 115.0]).__next__)
    monkeypatch.setattr(harness, "_own_s", iter([1.0, 6.0]).__next__)
    clock = SimpleNamespace(monotonic=iter([50.0, 60.0]).__next__)
    monkeypatch.setattr(harness, "time", clock)

    assert Others().cores() == 1.0


def test_a_process_that_fails_is_no_measurement() -> None:
    with pytest.raises(Failed, match=r"ended with 3: .*why"):
        measure([sys.executable, "-c", "print('why'); raise SystemExit(3)"], niceness=0)
