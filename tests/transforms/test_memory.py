"""Memory does not grow with duration (DESIGN 3, rule 5)."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MARGIN_KIB = 4 * 1024


def peak_kib(minutes: int, query: str) -> int:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.long_render", str(minutes), query],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(ran.stdout)


@pytest.mark.parametrize(
    "query", ["f=mp3&br=64&sr=22.05", "f=wav-riff&sr=22.05", "f=wav-riff&sr=16&fo=5&gain=1"]
)
def test_ten_minutes_take_the_memory_of_one(query: str) -> None:
    one, ten = peak_kib(1, query.replace("", "")), peak_kib(10, query.replace("&te=590", ""))

    assert ten - one < MARGIN_KIB
