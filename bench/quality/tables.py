"""What the comparison found, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from bench.quality.compare import Difference, Outcome
from bench.quality.contenders import policy, same
from bench.report import table

# Smaller differences than these are not called any, however sure they are.
LEAST_DB = 0.5
LEAST_GRADE = 0.1

# A setting that costs one sound more than this is not alike, whatever it does for the others.
MOST_LOST_DB = 1.5

_HEAD = (
    "what",
    "policy",
    "kbps made",
    "NMR dB",
    "segmental dB",
    "grade",
    "worst sound",
    "verdict",
    "times as fast",
)


def by_case(outcomes: Sequence[Outcome]) -> str:
    """Spell every set of options of one or several cases, each against its case's default."""
    rows: list[Sequence[str]] = [("asked for", *_HEAD)]
    for outcome in outcomes:
        rows.append((str(outcome.case), *_cells(outcome)))
    return table(rows)


def by_item(outcomes: Sequence[Outcome]) -> str:
    """Spell the segmental ratio of every sound, so that a mean hides none."""
    rows: list[Sequence[str]] = [("sound", *(outcome.name for outcome in outcomes))]
    for trials in zip(*(outcome.trials for outcome in outcomes), strict=True):
        rows.append((trials[0].item, *(f"{t.equal.segmental_nmr_db:.1f}" for t in trials)))
    return table(rows)


def verdict(outcome: Outcome) -> str:
    """
    Say in a word how a set of options sounds beside the default, with the same bits.

    *Better* and *worse* take a sure difference of at least ``LEAST_DB`` or ``LEAST_GRADE`` in one
    measure and none the other way; *not for all* loses more than ``MOST_LOST_DB`` of one sound.
    """
    found = [
        (outcome.nmr_db, LEAST_DB),
        (outcome.segmental_nmr_db, LEAST_DB),
        (outcome.grade, LEAST_GRADE),
    ]
    audible = [part for part, least in found if part.sure and abs(part.mean) >= least]
    better = any(part.mean < 0 for part in audible)
    worse = any(part.mean > 0 for part in audible)
    if worse:
        return "mixed" if better else "worse"
    if outcome.worst_db > MOST_LOST_DB:
        return "not for all"
    return "better" if better else "alike"


def spelled(options: Mapping[str, str]) -> str:
    """Spell options as a command line would."""
    return " ".join(f"{name}={value}" for name, value in options.items()) or "none"


def _cells(outcome: Outcome) -> Sequence[str]:
    made = f"{outcome.kbps:.1f}"
    chosen = "yes" if same(outcome.options, policy(outcome.case)) else ""
    if outcome.name == "default":
        trials = outcome.trials
        return (
            "default",
            chosen,
            made,
            f"{fmean(t.asked.nmr_db for t in trials):.1f}",
            f"{fmean(t.asked.segmental_nmr_db for t in trials):.1f}",
            f"{fmean(t.asked.grade for t in trials):.2f}",
            "",
            "",
            "1",
        )
    turned = Difference(mean=-outcome.grade.mean, doubt=outcome.grade.doubt)
    return (
        outcome.name,
        chosen,
        made,
        _signed(outcome.nmr_db, 1),
        _signed(outcome.segmental_nmr_db, 1),
        _signed(turned, 2),
        f"{outcome.worst_item} {outcome.worst_db:+.1f}",
        verdict(outcome),
        f"{outcome.cpu_ratio:.1f}",
    )


def _signed(found: Difference, digits: int) -> str:
    return f"{found.mean:+.{digits}f} ± {found.doubt:.{digits}f}"
