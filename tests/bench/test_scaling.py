"""What many threads would take, calculated from what stages cost."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from bench import inputs
from bench.stages import Stages, stages
from bench.warm_engine import LocalFile
from transforms.audio.survey import survey

# An hour: 4 s of decoding, 40 s of encoding, 1 s of writing, 1 s before and after.
HOUR = Stages(sound_s=3600, survey_s=0.25, decode_s=4, encode_s=40, write_s=1, verify_s=0.75)


@pytest.mark.parametrize(
    ("threads", "cores", "seconds", "bound"),
    [
        (1, 1, 46, "cores"),
        (2, 2, 23.5, "cores"),
        (2, 16, 21, "encoding threads"),
        (16, 16, 6, "decoding thread"),
    ],
)
def test_a_job_lasts_as_long_as_the_slowest_of_its_stages(
    threads: int, cores: int, seconds: float, bound: str
) -> None:
    assert HOUR.bound_s(threads, cores) == seconds
    assert HOUR.bound(threads, cores) == bound


def test_the_stages_of_a_job_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 44_100, 0, "NONE", ""))
        file.writeframes(bytes(4 * 44_100))
    found = stages(path, "f=aac&br=96&sr=44.1")

    assert found.sound_s == 1
    assert min(found.survey_s, found.decode_s, found.encode_s, found.verify_s) > 0


def test_hours_of_silence_take_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "FOLDER", tmp_path)
    path = inputs.silence(36_000)
    facts = survey(LocalFile(path))

    assert path.stat().st_size > 1 << 32
    assert path.stat().st_blocks * 512 < 1 << 20
    assert (facts.duration, facts.sample_rate_hz, facts.channels) == (36_000, 44_100, 2)
