"""
What is converted: the demo's voice and tune in turns, as long as wanted, in every container.

Encoders take their time by what they hear, so noise and tones would measure something else.
``python -m bench.inputs FILE SECONDS`` streams it into a WAV file, in a process of its own because
numpy would make the harness large.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import ffmpeg
from bench.harness import usable_cores
from bench.report import RESULTS

RATE_HZ = 44100

FOLDER = RESULTS / "inputs"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that people have: how its name ends, and how the command line makes it."""

    ending: str
    options: tuple[str, ...] = ()


_MP3 = ("-c:a", "libmp3lame", "-b:a", "128k")

# All that an hour is asked of. An MP3 without a Xing frame does not say how long it is; Ogg files
# do so on their last page only.
KINDS: Mapping[str, Kind] = {
    "wav": Kind("wav"),
    "flac": Kind("flac", ("-c:a", "flac")),
    "mp3": Kind("mp3", _MP3),
    "mp3 without Xing": Kind("bare.mp3", (*_MP3, "-write_xing", "0")),
    "m4a": Kind("m4a", ("-c:a", "aac", "-b:a", "128k")),
    "ogg opus": Kind("opus", ("-c:a", "libopus", "-b:a", "96k")),
    "ogg vorbis": Kind("ogg", ("-c:a", "libvorbis", "-b:a", "128k")),
}

_SEEDS = 4
_RF64_HEADER_BYTES = 80


def prepare(seconds: int, kind: str) -> Path:
    """Return a stereo input at 44.1 kHz, made by the command line now or in an earlier run."""
    path = _path(seconds, kind)
    if path.exists():
        return path
    FOLDER.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"partial-{path.name}")
    if kind == "wav":
        made_by: list[str | Path] = [sys.executable, "-m", "bench.inputs", unfinished, str(seconds)]
    else:
        source = prepare(seconds, "wav")
        made_by = ffmpeg.convert(source, unfinished, *KINDS[kind].options, single=False)
    subprocess.run(made_by, check=True)
    return unfinished.replace(path)


def prepare_all(seconds: int, kinds: Sequence[str] = tuple(KINDS)) -> dict[str, Path]:
    """Return inputs of some kinds; as many as there are cores are made at a time."""
    prepare(seconds, "wav")
    with ThreadPoolExecutor(len(usable_cores())) as pool:
        return dict(zip(kinds, pool.map(partial(prepare, seconds), kinds), strict=True))


def silence(seconds: int) -> Path:
    """
    Return a WAV of silence at 44.1 kHz, stereo, that takes no disk: all its samples are a hole.

    It is RF64 (EBU Tech 3306), because ten hours are more than a RIFF header can say.
    """
    path = FOLDER / f"{seconds}s.silence.wav"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        frames, unknown = seconds * RATE_HZ, 0xFFFFFFFF
        size = frames * 4
        header = struct.pack("<4sI4s", b"RF64", unknown, b"WAVE")
        riff_size = _RF64_HEADER_BYTES - 8 + size
        header += struct.pack("<4sIQQQI", b"ds64", 28, riff_size, size, frames, 0)
        header += struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, RATE_HZ, RATE_HZ * 4, 4, 16)
        header += struct.pack("<4sI", b"data", unknown)
        assert len(header) == _RF64_HEADER_BYTES
        path.write_bytes(header)
        os.truncate(path, len(header) + size)
    return path


def repeated(path: Path, times: int) -> Path:
    """Return a file that holds the packets of another again and again."""
    longer = path.with_name(f"{times}x{path.name}")
    if not longer.exists():
        unfinished = path.with_name(f"partial-{longer.name}")
        subprocess.run(ffmpeg.repeat(path, unfinished, times), check=True)
        unfinished.replace(longer)
    return longer


@contextlib.contextmanager
def unseen(path: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """
    Copy a file to a folder of its own; each call of what comes with it makes a new version.

    To a server a file that was touched is another, of which it knows nothing. Its bytes stay in
    the page cache.
    """
    with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
        copy = Path(shutil.copy(path, folder))
        yield copy, lambda: os.utime(copy)


def _path(seconds: int, kind: str) -> Path:
    return FOLDER / f"{seconds}s.{KINDS[kind].ending}"


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
