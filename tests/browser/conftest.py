"""A real server and a real browser; without Node or Chromium these tests fail in CI."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.running import PATIENCE_SECONDS, Edge, serving
from tests.e2e.sounds import long_silence
from tests.support.media import make
from tests.support.synth import Sound

HERE = Path(__file__).parent
RATE = 48_000
MINUTE = 60
LONG_SECONDS = 1_200
HOUR = 3_600
STAIRS_AT = 2_400


class Browser:
    """Chromium behind a Node program that takes requests by the line."""

    def __init__(self, chromium: str) -> None:
        self._driver = subprocess.Popen(
            ["node", str(HERE / "driver.mjs"), chromium],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> Any:
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps(request) + "\n")
        self._driver.stdin.flush()
        answer = json.loads(self._driver.stdout.readline())
        if isinstance(answer, dict) and "failed" in answer:
            pytest.fail(answer["failed"])
        return answer

    def play(self, player: str, src: str, *steps: dict[str, Any]) -> Any:
        """Let a player play a stream, and take the steps; return what each of them answered."""
        return self.ask(player=player, src=src, steps=steps)["answers"]

    def close(self) -> None:
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.close()
        try:
            self._driver.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._driver.kill()
        self._driver.stdout.close()


def needed(**programs: str | None) -> None:
    """Give up, and in CI fail, where a program or the packages are missing."""
    missing = [name for name, path in programs.items() if path is None]
    if not (HERE / "node_modules").is_dir():
        missing.append("tests/browser/node_modules (npm ci)")
    if missing:
        reason = f"browser tests need {', '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def nodejs() -> str:
    node = shutil.which("node")
    needed(node=node)
    return node or ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    needed(node=shutil.which("node"), chromium=chromium)
    opened = Browser(chromium or "")
    try:
        yield opened
    finally:
        opened.close()


def stairs(seconds: int) -> Sound:
    """A tone that says what second it is: 400 Hz, and 20 Hz more each second; phase unbroken."""
    hertz = np.repeat(400 + 20 * np.arange(seconds), RATE)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    return (0.5 * np.sin(phase)).astype(np.float32)[np.newaxis]


def second_of(hertz: float) -> float:
    """Tell which second of ``stairs`` is heard."""
    return (hertz - 400) / 20


def late_stairs(path: Path) -> None:
    """Write an hour of silence in which a minute of ``stairs`` begins after forty."""
    long_silence(path, HOUR, rate=RATE)
    header = path.stat().st_size - HOUR * RATE * 2
    with path.open("r+b") as file:
        file.seek(header + STAIRS_AT * RATE * 2)
        file.write((stairs(MINUTE)[0] * 32767).astype(np.int16).tobytes())


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """A server with a minute that can be told by its sound, and something longer."""
    with serving(tmp_path_factory.mktemp("browser")) as opened:
        opened.put("minute.wav", make("wav-16", stairs(MINUTE), rate=RATE))
        noise = np.random.default_rng(1).uniform(-0.5, 0.5, (1, 8_000 * LONG_SECONDS))
        opened.put("long.wav", make("wav-16", noise.astype(np.float32), rate=8_000))
        late_stairs(opened.root / "hour.wav")
        opened.put("broken.mp3", b"This is no sound at all. " * 400)
        yield opened


@pytest.fixture(autouse=True)
def nothing_goes_on(request: pytest.FixtureRequest) -> Iterator[None]:
    """Cancel what a test has begun, lest the streams of the next one wait for a worker."""
    edge = request.getfixturevalue("edge") if "edge" in request.fixturenames else None
    yield
    if edge is not None:
        for job in edge.jobs():
            if job["status"] == "Running":
                cancelled = edge.api(f"/jobs/ProcessFileJob/{job['jobId']}", method="DELETE")
                assert cancelled.status == 200, cancelled.body
