"""Settings are compared with the same bits, sound by sound."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.quality import compare, contenders, tables
from bench.quality.coder import Coded
from bench.quality.compare import Case, Outcome, Trial, between, difference
from bench.quality.material import Item
from bench.quality.measure import Measured
from tests.support import synth

CASE = Case(kbps=64, channels=1, rate_hz=48000)


def measured(nmr_db: float) -> Measured:
    return Measured(
        nmr_db=nmr_db, segmental_nmr_db=nmr_db - 1, disturbed=0.5, grade=-1.0 - nmr_db / 10
    )


def trial(item: str, nmr_db: float) -> Trial:
    return Trial(
        item=item,
        kbps=64.0,
        cpu_s=1.0,
        seconds=5.0,
        asked=measured(nmr_db),
        equal=measured(nmr_db),
    )


def outcome(*gaps_db: float) -> Outcome:
    base = [trial(str(number), 0.0) for number, _ in enumerate(gaps_db)]
    trials = [trial(str(number), gap) for number, gap in enumerate(gaps_db)]
    ratios = difference(trials, base, lambda one: one.nmr_db)
    return Outcome(
        case=CASE,
        name="other",
        options={},
        trials=tuple(trials),
        nmr_db=ratios,
        segmental_nmr_db=ratios,
        grade=difference(trials, base, lambda one: -one.grade),
        kbps=64.0,
        cpu_ratio=2.0,
        worst_item="0",
        worst_db=max(gaps_db),
    )


def test_a_wanted_bitrate_is_read_off_between_two_made_ones() -> None:
    points = [(32.0, measured(-2.0)), (128.0, measured(-6.0))]

    assert between(points, 64.0).nmr_db == pytest.approx(-4.0)
    assert between(points, 128.5) == measured(-6.0)


def test_nothing_is_read_off_far_beyond_what_was_made() -> None:
    points = [(32.0, measured(-2.0)), (64.0, measured(-4.0))]

    assert between(points, 512.0).nmr_db == pytest.approx(-4.1)
    assert between(points[:1], 64.0) == measured(-2.0)


@pytest.mark.parametrize(
    ("gaps_db", "verdict"),
    [
        ((-1.0, -1.1, -0.9), "better"),
        ((1.0, 1.1, 0.9), "worse"),
        ((-0.3, -0.31, -0.29), "alike"),
        ((-3.0, 3.0, -1.0, 1.0), "not for all"),
        ((-1.4, 1.4, -1.0, 1.0), "alike"),
    ],
)
def test_a_verdict_takes_a_difference_that_is_sure_and_large_enough(
    gaps_db: tuple[float, ...], verdict: str
) -> None:
    assert verdict == tables.verdict(outcome(*gaps_db))


def test_who_spends_more_than_asked_for_wins_nothing_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def wasteful(
        sound: NDArray[np.float32], *, rate_hz: int, bitrate_bps: int, options: Mapping[str, str]
    ) -> Coded:
        """Be as good as the bits that are really spent: a fifth more with any option."""
        kbps = bitrate_bps / 1000 * (1.2 if options else 1.0)
        noise = synth.noise(sound.shape[1], amplitude=1 / kbps, seed=5)
        return Coded(sound=sound + noise, kbps=kbps, cpu_s=2.0 - len(options))

    monkeypatch.setattr(compare, "code", wasteful)
    voice = synth.speech(48_000, rate=48_000).astype(np.float64)
    item = Item(name="voice", kind="speech", sound=voice, rate_hz=48_000)

    default, other = compare.run(CASE, {"other": {"some": "option"}}, [item])

    assert other.trials[0].asked.nmr_db < default.trials[0].asked.nmr_db - 1
    assert abs(other.nmr_db.mean) < 0.1
    assert (default.kbps, pytest.approx(other.kbps)) == (64.0, 76.8)
    assert (default.cpu_ratio, other.cpu_ratio) == (1.0, 2.0)


def test_the_policy_and_its_neighbours_differ_in_one_option_each() -> None:
    for case in contenders.cases(contenders.FULL_KBPS, (1, 2), 48000):
        chosen = contenders.policy(case)
        for name, options in contenders.neighbours(case).items():
            changed = {key for key, _ in options.items() ^ chosen.items()}

            assert len(changed) == (0 if name == "policy" else 1), name


def test_a_table_has_a_row_for_each_set_of_options() -> None:
    expected = """\
| asked for            | what  | policy | kbps made | NMR dB     | segmental dB | grade        \
| worst sound | verdict | times as fast |
|----------------------|-------|--------|-----------|------------|--------------|--------------\
|-------------|---------|---------------|
| 64 kbps mono, 48 kHz | other |        | 64.0      | -1.0 ± 0.1 | -1.0 ± 0.1   | +0.10 ± 0.01 \
| 0 -0.9      | better  | 2.0           |"""

    assert expected == tables.by_case([outcome(-1.0, -1.1, -0.9)])
