"""Real files from public repositories, where they are at hand: collected only if they are."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support import measure
from tests.support.engine import make
from tests.support.memory import MemorySource
from transforms.audio.decode import decode
from transforms.audio.survey import survey
from transforms.problems import UnsupportedMedia

_BESIDE_THE_REPOSITORY = Path(__file__).parents[3] / "shared" / "samples"
FOLDER = Path(os.environ.get("EDGE_TEST_SAMPLES", _BESIDE_THE_REPOSITORY))
_MANIFEST = FOLDER / "manifest.json"
SAMPLES: list[dict[str, Any]] = (
    json.loads(_MANIFEST.read_text())["files"] if _MANIFEST.is_file() else []
)
FILES = [s for s in SAMPLES if "hls" not in s["row"]]
SOUNDING = [s for s in FILES if s["decodes"] == "yes"]
SILENT = [s for s in FILES if s["decodes"] == "no"]


def named(sample: dict[str, Any]) -> str:
    return str(sample["file"])


@pytest.mark.parametrize("sample", SOUNDING, ids=named)
def test_a_real_file_is_as_long_as_independent_tools_say(sample: dict[str, Any]) -> None:
    content = (FOLDER / sample["file"]).read_bytes()

    facts = survey(MemorySource(content), exact=True)

    decoded = sum(frame.samples for frame in decode(MemorySource(content)))
    seconds = decoded / facts.sample_rate_hz
    told = [length for length in sample["duration_all"].values() if length]
    tolerance = sample["duration_tol"] or 0.1
    assert min(abs(seconds - length) for length in told) <= tolerance
    assert facts.channels in sample["channels_ok"]
    assert facts.sample_rate_hz in sample["samplingRate_ok"]
    if facts.exact and not sample["truncated"]:
        assert facts.samples == decoded


@pytest.mark.parametrize("sample", SOUNDING, ids=named)
@pytest.mark.parametrize("output", ["mp3", "wav-riff"])
def test_a_real_file_is_rendered_as_planned(sample: dict[str, Any], output: str) -> None:
    made = make(f"f={output}", (FOLDER / sample["file"]).read_bytes())

    assert measure.decode(made.content)[0].shape[1] == made.report.samples
    if made.resolved.exact and not sample["truncated"]:
        assert made.planned_samples == made.report.samples


@pytest.mark.parametrize("sample", SILENT, ids=named)
def test_a_real_file_without_sound_is_refused(sample: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedMedia):
        make("f=mp3", (FOLDER / sample["file"]).read_bytes())
