"""What the Dockerfile does, done without a container: the package built, and run from itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASSETS = "edge/web/pages/assets/node_modules"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    told = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    (built,) = folder.glob("audio_edge-*.whl")
    return built


def test_the_package_has_everything_that_is_no_module_too(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "edge", "transforms", "cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    present = {path for path in tracked if (ROOT / path).exists()}

    assert set() == present - packed
    assert any(path.startswith("edge/records/migrations/versions/0001") for path in packed)


def test_the_package_has_the_players_with_their_licences_and_no_more_of_node(wheel: Path) -> None:
    if not (ROOT / ASSETS / "video.js").exists():
        pytest.skip("the player was not installed: there is no npm")
    packed = {
        path.removeprefix(f"{ASSETS}/")
        for path in zipfile.ZipFile(wheel).namelist()
        if path.startswith(ASSETS)
    }

    assert {
        "dashjs/LICENSE.md",
        "dashjs/dist/modern/umd/dash.mediaplayer.min.js",
        "dashjs/package.json",
        "video.js/LICENSE",
        "video.js/dist/video-js.min.css",
        "video.js/dist/video.min.js",
        "video.js/package.json",
    } == packed


def test_the_package_runs_from_itself(wheel: Path, tmp_path: Path) -> None:
    """An environment with the wheel, beside what it needs; nothing of this folder is found."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    # Only the folder: links in it to this one, as 'pip install -e' makes them, are not followed.
    (site / "beside.pth").write_text(sysconfig.get_path("purelib"))
    told = subprocess.run(
        [python, "-m", "edge", "doctor", "--json", "--data", tmp_path / "data"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    found = subprocess.run(
        [python, "-c", "import edge.cli; print(edge.cli.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.returncode == 0, told.stdout + told.stderr
    assert json.loads(told.stdout)["healthy"]
    assert found.stdout.startswith(str(site))


def test_all_that_the_image_installs_is_pinned() -> None:
    constraints = (ROOT / "constraints.txt").read_text()
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text().replace("\\\n", " ")
    installing = re.findall(r"pip (?:--python \S+ )?install ([^&\n]*)", dockerfile)

    assert re.search(r"^hatchling==[0-9.]+$", constraints, re.MULTILINE)
    assert len(installing) == 2
    assert all("--constraint constraints.txt" in said for said in installing)
