"""What the documentation says is what the code does, as far as a machine can compare the two."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

from edge.cli.parser import build_parser
from edge.fill.filler import _PASSING_FAILURES as PASSING_FAILURES
from edge.fill.pricing import price_of
from edge.settings.load import CONFIG_VARIABLE
from edge.settings.table import DECLARED, variable_of
from transforms import canonical, grammar, planner, rates
from transforms.delivery import DELIVERY_PARAMETERS
from transforms.formats import FORMATS, Format
from transforms.grammar import ALIASES
from transforms.planner import KNOWN_PARAMETERS
from transforms.problems import TransformProblem

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("bench/*.md")])
LONGEST_PAGE_LINES = 250
TALK = "/W142hJk/audio/talk.mp3"

_CODE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


@cache
def text(page: str) -> str:
    return (ROOT / page).read_text()


def rows(page: str, heading: str = "") -> list[list[str]]:
    """List the cells of every table row of a page, or of its part below *heading*."""
    part = text(page)
    if heading:
        part = part.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        assert part, f"{page} has no part {heading!r}"
    lines = (line for line in part.splitlines() if line.startswith("| "))
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def understood(query: str) -> planner.TransformUrl:
    return planner.plan(grammar.split(TALK, query.removeprefix("?")))


# Settings and verbs


def test_every_setting_is_described_with_what_it_accepts() -> None:
    described = [row[:3] for row in rows("docs/operations.md") if row[0].startswith("`EDGE_")]
    expected = [
        [f"`{variable_of(name)}`", row.metadata["meaning"], row.metadata["kind"].accepts]
        for name, row in DECLARED.items()
    ]

    assert expected == described


@pytest.mark.parametrize("name", DECLARED)
def test_every_setting_is_described_with_its_default(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    told = next(r[3] for r in rows("docs/operations.md") if r[0] == f"`{variable_of(name)}`")
    declared = DECLARED[name]

    if name == "workers":
        assert told.startswith("as many as the cores and the memory allow")
    elif declared.default in (None, ()):
        assert told == "none"
    elif name == "data":
        assert declared.metadata["kind"].parse(told.strip("`")) == ROOT / "data"
    else:
        assert declared.metadata["kind"].parse(told.strip("`")) == declared.default


def test_no_variable_is_named_that_does_not_exist() -> None:
    known = {*map(variable_of, DECLARED), CONFIG_VARIABLE}
    # The pages show what is said to a variable that is misspelled.
    known |= {"EDGE_PORTT", "EDGE_BOOTSTRAP", "EDGE"}
    named = {
        name.rstrip("_")
        for page in PAGES
        for name in re.findall(r"EDGE_[A-Z0-9_]*", page.read_text())
    }

    assert set() == named - known


def test_every_verb_and_action_is_described() -> None:
    operations = "".join(
        text(f"docs/{page}.md") for page in ("operations", "billing", "webhooks", "access")
    )
    missing = [said for said in _said(build_parser()) if f"audio-edge {said}" not in operations]

    assert missing == []


def _said(parser: argparse.ArgumentParser, before: str = "") -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                said = f"{before} {name}".strip()
                yield said
                yield from _said(below, said)


# Formats and rates


def test_every_format_is_described_with_its_artifact_and_price() -> None:
    described = [[row[0], *row[2:]] for row in rows("docs/formats.md")[1:] if len(row) == 5]
    expected = [
        [
            f"`{name}`",
            f"`{spec.artifact}`" if spec.artifact else "none",
            f"`{spec.media_type}`",
            f"{float(spec.multiplier):g}" if spec.multiplier else "free",
        ]
        for name, spec in FORMATS.items()
    ]

    assert expected == described


@pytest.mark.parametrize(
    ("who", "listed"),
    [
        ("AAC (", rates.AAC_BITRATES_KBPS),
        ("MP3", rates.MP3_BITRATES_KBPS),
        ("Opus", rates.OPUS_BITRATES_KBPS),
        ("AAC", tuple(map(rates.khz, rates.AAC_SAMPLE_RATES_HZ))),
        ("MP3", tuple(map(rates.khz, rates.MP3_SAMPLE_RATES_HZ))),
        ("WAV and FLAC", tuple(map(rates.khz, rates.WAV_SAMPLE_RATES_HZ))),
        ("Opus", tuple(map(rates.khz, rates.OPUS_SAMPLE_RATES_HZ))),
    ],
)
def test_every_list_of_rates_is_complete(who: str, listed: Iterable[object]) -> None:
    line = rf"^- {re.escape(who)}.*: {re.escape(', '.join(map(str, listed)))}$"

    assert re.search(line, text("docs/formats.md"), re.MULTILINE)


def test_every_pair_of_rates_is_adjusted_as_described() -> None:
    heading = "Which rate goes with which bitrate"
    described = [row for row in rows("docs/formats.md", heading) if row[0][0].isdigit()]
    aac = [
        [_listed(group), _listed(map(rates.khz, fitting)), _khz(Format.AAC, group[0])]
        for fitting, group in _grouped(rates.AAC_BITRATES_KBPS, _aac_rates)
    ]
    mp3 = {
        _listed(kbps for kbps in rates.MP3_BITRATES_KBPS if _mp3_row(kbps) == row): row
        for row in map(_mp3_row, rates.MP3_BITRATES_KBPS)
    }

    assert aac == described[: len(aac)]
    assert mp3 == {row[0]: tuple(row[1:]) for row in described[len(aac) :]}


def _grouped(kbps: Iterable[int], by: object) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    assert callable(by)
    for fitting, group in groupby(kbps, by):
        yield fitting, list(group)


def _aac_rates(kbps: int) -> tuple[int, ...]:
    return tuple(hz for hz, fitting in rates.AAC_LC_STEREO_KBPS.items() if kbps in fitting)


def _khz(output: Format, kbps: int) -> str:
    return rates.khz(understood(f"f={output}&br={kbps}").plan.variants[0].sample_rate_hz)


def _mp3_row(kbps: int) -> tuple[str, str]:
    at_high = {_mp3_cell(kbps, hz) for hz in (32000, 44100, 48000)}
    assert len(at_high) == 1
    return at_high.pop(), _mp3_cell(kbps, 22050)


def _mp3_cell(kbps: int, hertz: int) -> str:
    fit = rates.fit_mp3(kbps, hertz)
    if fit.sample_rate_hz != hertz:
        return f"becomes {rates.khz(fit.sample_rate_hz)} kHz"
    if fit.bitrate_bps != kbps * 1000:
        return f"becomes {fit.bitrate_bps // 1000} kbps"
    return "mean" if fit.average else "constant"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


# Parameters


def test_every_parameter_is_described() -> None:
    in_tables = {name for row in rows("docs/url.md") for name in quoted(row[0])}
    in_text = set(quoted(re.sub(r"(?s)```.*?```", "", text("docs/url.md"))))
    of_delivery = {*DELIVERY_PARAMETERS, *ALIASES}

    assert in_tables >= set(KNOWN_PARAMETERS) - of_delivery
    assert in_text >= of_delivery


def test_every_parameter_of_delivery_is_described_with_its_other_spelling() -> None:
    described = [quoted(row[0]) for row in rows("docs/delivery.md", "Parameters")[1:]]
    spellings = {known: other for other, known in ALIASES.items()}
    expected = [
        [name, *([spellings[name]] if name in spellings else [])]
        for name in DELIVERY_PARAMETERS
        if name != "auth"
    ]

    assert sorted(expected) == sorted(described)


@pytest.mark.parametrize("row", rows("docs/url.md", "One transform, many spellings")[1:])
def test_what_is_written_means_what_is_said_to_be_used(row: list[str]) -> None:
    (written,), (used,) = map(quoted, row)

    assert f"{TALK}{used}" == canonical.spell(understood(written).plan)


@pytest.mark.parametrize("row", rows("docs/url.md", "Refused")[1:])
def test_what_is_refused_is_told_as_shown(row: list[str]) -> None:
    (written,) = quoted(row[0])

    with pytest.raises(TransformProblem) as refused:
        understood(written)

    shown, cut, _ = row[1].partition("…")
    assert shown == (refused.value.message[: len(shown)] if cut else refused.value.message)


@pytest.mark.parametrize("row", rows("docs/billing.md")[1:])
def test_what_is_billed_is_what_is_shown(row: list[str]) -> None:
    plan = understood(quoted(row[0])[0]).plan
    source, billed = (Fraction(cell.removesuffix(" s")) for cell in row[1:])

    assert billed == price_of("", plan, source * plan.clips[0].repeat)


# Errors


def test_every_error_code_is_described_and_no_other() -> None:
    described = {code for row in rows("docs/errors.md") for code in quoted(row[0])}
    reserved = set(quoted(text("docs/errors.md").rpartition("Kept for")[2]))

    assert codes() == described | reserved


def test_every_status_is_described() -> None:
    described = {quoted(row[0])[0]: row[1] for row in rows("docs/errors.md", "Answers")[1:]}
    described |= dict(re.findall(r"`([a-z_]+)` \(([0-9]+)\)", text("docs/errors.md")))
    wrong = {code: status for code, status in statuses() if described.get(code) != str(status)}

    assert wrong == {}


def test_every_failure_that_is_tried_again_is_marked() -> None:
    failed = rows("docs/errors.md", "Failed jobs")[1:]
    again = {code for row in failed if row[1] == "yes" for code in quoted(row[0])}

    assert again == set(PASSING_FAILURES)


def codes() -> set[str]:
    """Collect the error codes that the code spells."""
    return {code for node in _nodes() for code in _spelled(node)}


def statuses() -> set[tuple[str, int]]:
    """Collect the pairs of code and status that problems are made of."""
    return {
        (str(code.value), int(str(status.value)))
        for node in _nodes()
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Problem"
        for status, code in [(*node.args, None, None)[:2]]
        if isinstance(status, ast.Constant) and isinstance(code, ast.Constant)
    }


@cache
def _nodes() -> tuple[ast.AST, ...]:
    return tuple(
        node
        for path in (*ROOT.glob("edge/**/*.py"), *ROOT.glob("transforms/**/*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
    )


def _spelled(node: ast.AST) -> Iterator[str]:
    """Find a code: the value of ``code``, what a job fails with, what a ``Problem`` is told."""
    match node:
        case ast.keyword(arg="code" | "error_code", value=value):
            yield from _constants(value)
        case ast.Assign(targets=[ast.Name(id="code")], value=value):
            yield from _constants(value)
        case ast.Call(func=ast.Name(id="Problem"), args=[_, code, *_]):
            yield from _constants(code)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="wire"), attr="failed"), args=[code, *_]
        ):
            yield from _constants(code)
        case ast.FunctionDef(name="failure_of"):
            for part in ast.walk(node):
                if isinstance(part, ast.Return) and isinstance(part.value, ast.Tuple):
                    yield from _constants(part.value.elts[0])
        case ast.FunctionDef(args=ast.arguments(kwonlyargs=names, kw_defaults=defaults)):
            for name, default in zip(names, defaults, strict=True):
                if name.arg == "code" and default is not None:
                    yield from _constants(default)


def _constants(value: ast.AST) -> Iterator[str]:
    for part in ast.walk(value):
        if isinstance(part, ast.Constant) and _CODE.fullmatch(str(part.value)):
            yield str(part.value)


# Pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", page.read_text())
    lost = [
        f"{target}#{anchor}"
        for target, anchor in links
        if not (found := page.parent / target if target else page).exists()
        or (anchor and anchor not in _anchors(found))
    ]

    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_short_enough_to_be_read(page: Path) -> None:
    assert len(page.read_text().splitlines()) <= LONGEST_PAGE_LINES


def test_every_page_is_linked_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(([^)#]+\.md)\)", text("README.md")))

    assert {str(page.relative_to(ROOT)) for page in PAGES} == linked | {"README.md"}


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
