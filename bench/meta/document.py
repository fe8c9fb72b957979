"""The report: how many fields agree, why the others do not, and each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.meta.compare import Outcome, Row
from bench.meta.reasons import REASONS
from bench.report import table

_INTRODUCTION = """\
Made by `python -m bench.meta FOLDER`. {date}, {versions}; {files} files, {fields} fields.

Durations and frame rates within 0.001 and bit rates within 0.1 % count as the same: MediaInfo
rounds to milliseconds before it divides. `track` and `disc` are compared as `3/12`, which MediaInfo
splits in two where the tag is ID3, APE or MP4 and leaves as it is elsewhere.

Reasons are found by rules over field, codec and container (`bench/meta/reasons.py`). What the
sample files say has been looked up for them; what MediaInfo does with it is inferred from its
numbers. In other files they are where to look first."""


def markdown(
    rows: Sequence[Row], *, read: Sequence[str], neither: Sequence[str], date: str, versions: str
) -> str:
    """Write the whole report."""
    introduction = _INTRODUCTION.format(
        date=date, versions=versions, files=len(read), fields=len(rows)
    )
    differing = [row for row in rows if row.outcome in (Outcome.DIFFERENT, Outcome.THEIRS)]
    parts = [
        "# `f=meta` beside MediaInfo",
        introduction,
        "Neither describes: " + ", ".join(f"`{name}`" for name in neither) + "." * bool(neither),
        "## In short",
        _outcomes(rows),
        "## Why",
        _reasons(differing),
        "## Each difference",
        _differences(differing),
    ]
    kept = (part for part in parts if part != "Neither describes: ")
    return "\n\n".join(kept) + "\n"


def _outcomes(rows: Sequence[Row]) -> str:
    head = ("field", *Outcome, "unexplained")
    counted = Counter((row.field, row.outcome) for row in rows)
    unexplained = Counter(row.field for row in rows if row.unexplained)
    fields = sorted({row.field for row in rows})
    body = [
        (field, *(str(counted[field, one] or "") for one in Outcome), str(unexplained[field] or ""))
        for field in fields
    ]
    sums = [sum(row.outcome is one for row in rows) for one in Outcome]
    return table([head, *body, ("all", *map(str, sums), str(sum(unexplained.values())))])


def _reasons(rows: Sequence[Row]) -> str:
    counted = Counter(row.reason for row in rows)
    body = [(str(counted[name]), name, why) for name, why in REASONS.items() if counted[name]]
    if counted[""]:
        body.append((str(counted[""]), "?", "Not explained."))
    return table([("times", "reason", "which is"), *body])


def _differences(rows: Sequence[Row]) -> str:
    body = [
        (row.file, row.track, row.field, _cell(row.ours), _cell(row.theirs), row.reason or "?")
        for row in rows
    ]
    return table([("file", "track", "field", "ours", "MediaInfo's", "reason"), *body])


def _cell(value: object) -> str:
    text = f"{value:.9g}" if isinstance(value, float) else str(value)
    return "" if value is None else text.replace("|", "\\|")
