"""The FFmpeg command line to compare with: the newest build that a Python package brings."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
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


def repeat(source: Path, target: Path, times: int) -> list[str | Path]:
    """Spell how a file's packets are copied again and again, without decoding them."""
    loop = ("-stream_loop", str(times - 1))
    return [executable(), *_QUIET, *loop, "-i", source, "-c", "copy", target]


def segment(source: Path, target: Path, *options: str, at: int, seconds: int) -> list[str | Path]:
    """Spell how a few seconds are cut out of the middle: FFmpeg seeks before it decodes."""
    where = ("-ss", str(at), "-t", str(seconds))
    return [executable(), *_QUIET, *where, "-i", source, "-map", "0:a:0", *options, target]


def hls(source: Path, folder: Path, *options: str, kbps: Sequence[int]) -> list[str | Path]:
    """Spell an HLS stream with a variant for each bitrate, and a multivariant playlist."""
    maps: list[str] = []
    rates: list[str] = []
    for number, each in enumerate(kbps):
        maps += ["-map", "0:a:0"]
        rates += [f"-b:a:{number}", f"{each}k"]
    variants = " ".join(f"a:{number}" for number in range(len(kbps)))
    coded = (*maps, "-c:a", "aac", *options, *rates)
    cut = ("-f", "hls", "-hls_time", "6", "-hls_list_size", "0")
    named = ("-var_stream_map", variants, "-master_pl_name", "audio.m3u8", folder / "out_%v.m3u8")
    return [executable(), *_QUIET, "-i", source, *coded, *cut, *named]
