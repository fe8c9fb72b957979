"""What the documentation lists is what the code has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from edge.cli.parser import build_parser
from edge.settings.table import DECLARED, variable_of
from transforms import rates
from transforms.formats import FORMATS
from transforms.planner import KNOWN_PARAMETERS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("bench/*.md")])
_CODE = re.compile(r"[a-z]+(_[a-z]+)+")


def text(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("name", DECLARED)
def test_every_setting_is_described_with_its_meaning(name: str) -> None:
    expected = f"| `{variable_of(name)}` | {DECLARED[name].metadata['meaning']} | "

    assert expected in text("docs/operations.md")


def test_no_setting_is_described_that_does_not_exist() -> None:
    described = set(re.findall(r"^\| `(EDGE_[A-Z_]+)`", text("docs/operations.md"), re.MULTILINE))

    assert described == {variable_of(name) for name in DECLARED}


@pytest.mark.parametrize("output", FORMATS)
def test_every_format_is_described_with_its_artifact_and_price(output: str) -> None:
    spec = next(spec for name, spec in FORMATS.items() if name == output)
    row = next(
        line for line in text("docs/formats.md").splitlines() if line.startswith(f"| `{output}` |")
    )
    cells = [cell.strip() for cell in row.strip("|").split("|")]

    assert cells[2:] == [
        f"`{spec.artifact}`" if spec.artifact else "",
        f"`{spec.media_type}`",
        f"{float(spec.multiplier):g}" if spec.multiplier else "free",
    ]


@pytest.mark.parametrize(
    "listed",
    [
        ", ".join(map(str, rates.AAC_BITRATES_KBPS)),
        ", ".join(map(str, rates.MP3_BITRATES_KBPS)),
        ", ".join(map(str, rates.OPUS_BITRATES_KBPS)),
        ", ".join(map(rates.khz, rates.AAC_SAMPLE_RATES_HZ)),
        ", ".join(map(rates.khz, rates.MP3_SAMPLE_RATES_HZ)),
        ", ".join(map(rates.khz, rates.WAV_SAMPLE_RATES_HZ)),
        ", ".join(map(rates.khz, rates.OPUS_SAMPLE_RATES_HZ)),
    ],
)
def test_every_list_of_rates_is_complete(listed: str) -> None:
    assert re.search(rf": {re.escape(listed)}$", text("docs/formats.md"), re.MULTILINE)


@pytest.mark.parametrize("parameter", KNOWN_PARAMETERS)
def test_every_parameter_is_described(parameter: str) -> None:
    assert f"`{parameter}`" in text("docs/url.md") + text("docs/delivery.md")


def test_every_verb_is_in_the_readme() -> None:
    usage = build_parser().format_help()
    verbs = re.findall(r"^    ([a-z]+)  ", usage, re.MULTILINE)
    named = re.search(r"`audio-edge ([a-z| ]+)`", text("README.md"))

    assert named is not None
    assert named[1].split(" | ") == verbs


def test_every_error_code_is_described() -> None:
    described = set(re.findall(r"`([a-z_]+)`", text("docs/errors.md")))

    assert codes() - described == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def codes() -> set[str]:
    """Collect the error codes that the code spells."""
    found: set[str] = set()
    for path in (*ROOT.glob("edge/**/*.py"), *ROOT.glob("transforms/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            found |= set(_spelled(node))
    return found


def _spelled(node: ast.AST) -> list[str]:
    """An error code is the value of ``code``, or the second thing a ``Problem`` is told."""
    values: list[ast.expr] = []
    if isinstance(node, ast.keyword) and node.arg in ("code", "error_code"):
        values.append(node.value)
    if isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == ["code"]:
        values.append(node.value)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Problem" and len(node.args) > 1:
        values.append(node.args[1])
    constants = [value.value for value in values if isinstance(value, ast.Constant)]
    return [value for value in constants if isinstance(value, str) and _CODE.fullmatch(value)]
