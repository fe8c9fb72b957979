"""
What is converted: the demo's voice and tune in turns, as long as wanted, in every container.

Encoders take their time by what they hear, so noise and tones would measure something else.
``python -m bench.inputs FILE SECONDS`` streams it into a WAV file, in a process of its own because
numpy would make the harness large.
"""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

from bench import ffmpeg
from bench.report import RESULTS

RATE_HZ = 44100

_FOLDER = RESULTS / "inputs"
_SEEDS = 4
_ENCODED = {
    "mp3": ("-c:a", "libmp3lame", "-b:a", "128k"),
    "m4a": ("-c:a", "aac", "-b:a", "128k"),
    "flac": ("-c:a", "flac"),
}


def prepare(seconds: int, extension: str) -> Path:
    """Return a stereo input at 44.1 kHz, made by the command line now or in an earlier run."""
    path = _FOLDER / f"{seconds}s.{extension}"
    if path.exists():
        return path
    _FOLDER.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial-{path.name}")
    if extension == "wav":
        made_by: list[str | Path] = [sys.executable, "-m", "bench.inputs", partial, str(seconds)]
    else:
        source = prepare(seconds, "wav")
        made_by = ffmpeg.convert(source, partial, *_ENCODED[extension], single=False)
    subprocess.run(made_by, check=True)
    return partial.replace(path)


def _stream(path: Path, seconds: int) -> None:
    import numpy as np

    from deploy import demo

    assert demo.RATE_HZ == RATE_HZ
    pieces = []
    for seed in range(_SEEDS):
        spoken = demo.talk(seed=seed).repeat(2, axis=0)
        pieces += [spoken, demo.music(seed=seed)]
    left = seconds * RATE_HZ
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        number = 0
        while left:
            sound = pieces[number % len(pieces)][:, :left]
            file.writeframesraw(np.ascontiguousarray((sound.T * 32767).astype("<i2")).tobytes())
            left -= sound.shape[1]
            number += 1


if __name__ == "__main__":
    _stream(Path(sys.argv[1]), int(sys.argv[2]))
