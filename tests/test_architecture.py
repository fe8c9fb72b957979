"""The house rules that import-linter cannot say: which library lives where, how big a room is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PRODUCT = ("transforms", "cache", "edge")
CODE = (*PRODUCT, "bench", "deploy")
MOST_LINES = 400
MOST_FUNCTION_LINES = 70

# Each library's only homes, as prefixes of module paths.
HOMES = {
    "starlette": ("edge/web/", "edge/app.py", "edge/doors.py"),
    "uvicorn": ("edge/cli/", "edge/web/"),
    "av": ("transforms/audio/", "transforms/mux/", "transforms/render/"),
    "lameenc": ("transforms/audio/",),
    "aiobotocore": ("cache/s3/",),
    "botocore": ("cache/s3/",),
    "diskcache": ("cache/hot.py",),
    "aiohttp": ("cache/origins/", "cache/s3/", "edge/"),
    "python_multipart": ("edge/web/forms/",),
    "alembic": ("edge/records/",),
}
SQL_HOMES = ("edge/records/", "edge/registry.py")

# What a checkout may have at its top; what tools leave behind begins with a dot or is ignored.
TOP = {
    *(".ci", ".gitignore", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"),
    *("Makefile", "README.md", "bench", "cache", "constraints.txt", "deploy", "docs", "edge"),
    *("pyproject.toml", "tests", "transforms"),
}
LEFT_BEHIND = {"data", "dist", "media", "build", "__pycache__"}

TEXT = {
    *(".cfg", ".conf", ".css", ".html", ".ini", ".js", ".json", ".mako", ".md", ".py", ".sh"),
    *(".svg", ".toml", ".txt", ".yaml", ".yml", ""),
}
# Home folders, and temporary and working folders that only one machine has.
MACHINE_PATH = re.compile(r"(?<![\w.:/*{}-])/(?:home|root|Users|work|workspace|tmp)/[\w.-]+")


def _modules(*folders: str) -> list[PurePosixPath]:
    return sorted(
        PurePosixPath(path.relative_to(ROOT).as_posix())
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
    )


@cache
def _tree(module: PurePosixPath) -> ast.Module:
    return ast.parse((ROOT / module).read_text(), filename=str(module))


def _imports(module: PurePosixPath) -> Iterator[str]:
    """Name every module that one imports, wherever in it."""
    for node in ast.walk(_tree(module)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(name), level=0):
                yield name
            case _:
                pass


def _importers(library: str) -> set[str]:
    return {
        str(module)
        for module in _modules(*PRODUCT)
        if any(name == library or name.startswith(f"{library}.") for name in _imports(module))
    }


@pytest.mark.parametrize("library", HOMES)
def test_a_library_stays_in_its_home(library: str) -> None:
    strays = {module for module in _importers(library) if not module.startswith(HOMES[library])}

    assert strays == set()


def test_sql_is_written_in_stores_and_records_only() -> None:
    strays = {
        module
        for module in _importers("sqlalchemy")
        if not module.startswith(SQL_HOMES) and not module.endswith("/store.py")
    }

    assert strays == set()


def test_dialects_do_not_know_each_other() -> None:
    strays = {
        f"{module} imports {name}"
        for module in _modules("edge/web/dialects")
        for name in _imports(module)
        if name.startswith("edge.web.dialects.")
        and len(module.parts) > 4
        and name.split(".")[3] != module.parts[3]
    }

    assert strays == set()


def test_wire_modules_know_no_http() -> None:
    strays = {
        f"{module} imports {name}"
        for module in _modules("edge/web/dialects")
        if module.name == "wire.py"
        for name in _imports(module)
        if name.partition(".")[0] in ("starlette", "aiohttp", "http", "sqlalchemy")
    }

    assert strays == set()


def test_no_module_is_longer_than_a_reader_keeps_in_mind() -> None:
    lengths = {
        str(module): len((ROOT / module).read_text().splitlines())
        for module in _modules(*CODE)
        if "migrations" not in module.parts
    }
    too_long = {module: lines for module, lines in lengths.items() if lines > MOST_LINES}

    assert too_long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = {
        f"{module}:{node.name}": length
        for module in _modules(*CODE)
        if "migrations" not in module.parts
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > MOST_FUNCTION_LINES
    }

    assert too_long == {}


def test_every_module_says_what_it_owns() -> None:
    silent = {str(module) for module in _modules(*CODE) if not ast.get_docstring(_tree(module))}

    assert silent == set()


def test_no_module_is_named_after_nothing() -> None:
    names = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}

    assert [str(module) for module in _modules(*CODE) if module.stem in names] == []


def test_loading_the_server_loads_no_decoder() -> None:
    script = (
        "import sys, edge.app\n"
        "print(*sorted({'av', 'numpy', 'lameenc'} & set(sys.modules)), end='')"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)

    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr


def test_the_top_of_the_house_holds_what_is_expected() -> None:
    found = {
        path.name
        for path in ROOT.iterdir()
        if path.name in TOP or (not path.name.startswith(".") and path.suffix != ".egg-info")
    }

    assert found - TOP - LEFT_BEHIND == set()


def test_no_file_names_a_folder_of_one_machine() -> None:
    mentions = {
        f"{path.relative_to(ROOT).as_posix()}: {found}"
        for path in _texts()
        for found in MACHINE_PATH.findall(path.read_text(errors="replace"))
    }

    assert mentions == set()


def test_every_dependency_is_pinned_within_what_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    declared = [Requirement(text) for text in chain(project["dependencies"], *extras)]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    versions = {canonicalize_name(name): version for name, version in pinned.items()}
    unpinned = {
        str(wanted)
        for wanted in declared
        if not (version := versions.get(canonicalize_name(wanted.name)))
        or not wanted.specifier.contains(version)
    }

    assert unpinned == set()


def _texts() -> Iterator[Path]:
    """List the files that are written by people."""
    ignored = {"__pycache__", "node_modules", "results"}
    for name in TOP:
        top = ROOT / name
        for path in [top] if top.is_file() else top.rglob("*"):
            if path.is_file() and path.suffix in TEXT and not ignored & set(path.parts):
                yield path
