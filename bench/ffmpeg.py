"""The FFmpeg command line to compare with: the newest build that a Python package brings."""

from __future__ import annotations

import subprocess
from functools import lru_cache
from pathlib import Path

_QUIET = ("-hide_banner", "-loglevel", "error", "-nostdin", "-y")


def executable() -> str:
    """Find the binary."""
    # Only the bench extra brings it, and the harness' arithmetic is tested without.
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


@lru_cache(maxsize=1)
def version() -> str:
    """Name the build, as its first line does."""
    told = subprocess.run([executable(), "-version"], capture_output=True, text=True, check=True)
    return told.stdout.split(" ")[2]


def convert(source: Path, target: Path, *options: str, single: bool = True) -> list[str | Path]:
    """
    Spell a conversion of the first audio track.

    ``single`` asks for one thread in the decoder, in the filters and in the encoder.
    """
    threads = ("-threads", "1") if single else ()
    filters = ("-filter_threads", "1") if single else ()
    return [
        *(executable(), *_QUIET, *filters, *threads, "-i", source),
        *("-map", "0:a:0", *threads, *options, target),
    ]
