"""
How soon a listener has something to play, of an hour that nobody asked for before.

The edge is asked as a player asks: multivariant playlist, media playlist, first segment, each when
the one before has come. It has an empty store, has never seen the source, and may use every core.
FFmpeg segments the same file, and is watched until its first playlist and its first segment exist.
"""

from __future__ import annotations

import argparse
import http.client
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import ffmpeg, inputs, report
from bench.cold_request import Server, serving
from bench.engine import ACCOUNT
from bench.harness import NICENESS, Failed, confine, ratios, spread

SOURCES = ("mp3", "flac", "m4a", "wav")
QUERIES = {"1 variant": "br=96", "3 variants": "br=64&br=128&br=256"}

_LOOK_SECONDS = 0.001
_PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """When the first things were there, in seconds; FFmpeg knows no multivariant playlist."""

    multivariant_s: float | None
    media_s: float
    segment_s: float


def ask(server: Server, source: Path, query: str) -> First:
    """Ask for a stream as a player does, up to the last byte of its first segment."""
    folder = f"/{ACCOUNT}/audio/"
    connection = http.client.HTTPConnection(server.host, server.port, timeout=_PATIENCE_SECONDS)
    started = time.perf_counter()

    def get(reference: str) -> tuple[str, float]:
        connection.request("GET", folder + reference)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise Failed(f"{reference} answered {answer.status}: {content[:500]!r}")
        return content.decode(errors="replace"), time.perf_counter() - started

    try:
        multivariant, multivariant_s = get(f"{source.name}?f=hls-aac-rt&{query}")
        media_path = _first_uri(multivariant)
        media, media_s = get(media_path)
        _, segment_s = get(f"{media_path.rpartition('/')[0]}/{_first_uri(media)}")
    finally:
        connection.close()
    return First(multivariant_s=multivariant_s, media_s=media_s, segment_s=segment_s)


def _first_uri(playlist: str) -> str:
    return next(line for line in playlist.splitlines() if not line.startswith("#"))


def cold(source: Path, query: str) -> First:
    """Start a server that knows nothing, ask it once, and end it with what it is still making."""
    with serving(source.parent, core=None) as server:
        return ask(server, source, query)


def watch_ffmpeg(source: Path) -> First:
    """Start FFmpeg, and end it when its first segment and playlist are there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = (
            *("-c:a", "aac", "-b:a", "96k", "-ar", "48000", "-f", "hls", "-hls_time", "2"),
            *("-hls_list_size", "0", "-hls_flags", "temp_file"),
        )
        started = time.perf_counter()
        process = subprocess.Popen(
            ffmpeg.convert(source, folder / "out.m3u8", *options, single=False),
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: confine(None, NICENESS),
        )
        try:
            segment_s = _appears(folder / "out0.ts", process, started)
            media_s = _appears(folder / "out.m3u8", process, started)
        finally:
            process.kill()
            process.wait()
    return First(multivariant_s=None, media_s=media_s, segment_s=segment_s)


def _appears(path: Path, process: subprocess.Popen[bytes], started: float) -> float:
    while not path.exists():
        if process.poll() is not None or time.perf_counter() - started > _PATIENCE_SECONDS:
            raise Failed(f"FFmpeg never made {path.name}.")
        time.sleep(_LOOK_SECONDS)
    return time.perf_counter() - started


def compare(source: Path, *, rounds: int) -> dict[str, list[First]]:
    """Let each have its turn, round by round; one round before is not counted."""
    contenders: Mapping[str, Callable[[], First]] = {
        **{name: _asking(source, query) for name, query in QUERIES.items()},
        "ffmpeg -f hls": lambda: watch_ffmpeg(source),
    }
    firsts: dict[str, list[First]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            first = contender()
            if number:
                firsts[name].append(first)
    return firsts


def _asking(source: Path, query: str) -> Callable[[], First]:
    return lambda: cold(source, query)


def _rows(source: str, firsts: Mapping[str, Sequence[First]]) -> list[tuple[str, ...]]:
    theirs = firsts["ffmpeg -f hls"]
    rows: list[tuple[str, ...]] = []
    for name, ours in firsts.items():
        against = ("", "")
        if ours is not theirs:
            against = (
                str(ratios([f.media_s for f in ours], [f.media_s for f in theirs])),
                str(ratios([f.segment_s for f in ours], [f.segment_s for f in theirs])),
            )
        multivariant = [f.multivariant_s for f in ours if f.multivariant_s is not None]
        rows.append(
            (
                *(source, name),
                str(spread(multivariant)) if multivariant else "",
                str(spread([f.media_s for f in ours])),
                str(spread([f.segment_s for f in ours])),
                *against,
            )
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.first_segment", description=__doc__)
    parser.add_argument("--long-minutes", type=float, default=60, help="length of the inputs (60)")
    parser.add_argument("--rounds", type=int, default=5, help="counted turns of each (5)")
    given, _ = parser.parse_known_args(arguments)
    facts = report.machine()
    seconds = round(given.long_minutes * 60)
    results = {
        kind: compare(inputs.prepare(seconds, kind), rounds=given.rounds) for kind in SOURCES
    }
    head = ("source", "what", "multivariant s", "media playlist s", "first segment s")
    rows: list[tuple[str, ...]] = [(*head, "playlist ratio", "segment ratio")]
    for kind, firsts in results.items():
        rows += _rows(kind, firsts)
    print(f"First segment of {given.long_minutes:g} minutes, {given.rounds} rounds")
    print(report.table(rows))
    plain = {
        kind: {name: [asdict(first) for first in done] for name, done in firsts.items()}
        for kind, firsts in results.items()
    }
    print(report.save("first_segment", facts, plain), flush=True)


if __name__ == "__main__":
    main()
