"""
How soon a listener has something to play, of an hour that nobody asked for before.

The edge is asked as a player asks: multivariant playlist, media playlist, first segment, each when
the one before has come. Its process is warm and has never seen the file, and may use every core.
FFmpeg segments the same file, and is watched until its first playlist and its first segment exist.
It writes its first playlist after its first segment, and a playlist of the whole hour only when
the hour is encoded, which is watched once.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import ffmpeg, inputs, report
from bench.engine import SAME_CODER
from bench.goals import Goal, times_as_fast
from bench.harness import STREAM_NICENESS, Failed, confine, measure, ratios, spread
from bench.server import ACCOUNT, Server, first_uri, get, serving

QUERIES = {
    "1 variant": "br=96",
    "3 variants": "br=64&br=128&br=256",
    "full, 1 variant": "playlist=full&br=96",
    "full, 3 variants": "playlist=full&br=64&br=128&br=256",
}
FFMPEG = "ffmpeg -f hls"
WHOLE = "mp3"

MOST_MS = 100.0
LEAST_SOONER = 20.0

_HLS = ("-c:a", "aac", "-b:a", "96k", "-ar", "48000", "-f", "hls", "-hls_time", "2")
_LOOK_SECONDS = 0.001
_PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """When the first things were there, in seconds; FFmpeg was asked for no multivariant one."""

    multivariant_s: float | None
    media_s: float
    segment_s: float

    @property
    def playlist_s(self) -> float:
        """When the first playlist of any sort was there."""
        return self.media_s if self.multivariant_s is None else self.multivariant_s


def ask(server: Server, source: Path, touch: Callable[[], None], query: str) -> First:
    """Ask as a player does, up to the last byte of the first segment; have the rest cancelled."""
    touch()
    folder = f"/{ACCOUNT}/audio/"
    with server.connected() as connection:
        started = time.perf_counter()

        def timed(reference: str) -> tuple[str, float]:
            content = get(connection, folder + reference)
            return content.decode(errors="replace"), time.perf_counter() - started

        multivariant, multivariant_s = timed(f"{source.name}?f=hls-aac-rt&{query}")
        media_path = first_uri(multivariant)
        media, media_s = timed(media_path)
        _, segment_s = timed(f"{media_path.rpartition('/')[0]}/{first_uri(media)}")
    server.cancel_all()
    return First(multivariant_s=multivariant_s, media_s=media_s, segment_s=segment_s)


def watch_ffmpeg(source: Path) -> First:
    """Start FFmpeg, and end it when its first segment and playlist are there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = (*_HLS, *SAME_CODER, "-hls_list_size", "0", "-hls_flags", "temp_file")
        started = time.perf_counter()
        process = subprocess.Popen(
            ffmpeg.convert(source, folder / "out.m3u8", *options, single=False),
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: confine(None, STREAM_NICENESS),
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


def whole_playlist_s(source: Path) -> float:
    """Tell how long FFmpeg takes for a playlist that lists the whole file."""
    with tempfile.TemporaryDirectory() as folder:
        options = (*_HLS, *SAME_CODER, "-hls_playlist_type", "vod")
        target = Path(folder) / "out.m3u8"
        command = ffmpeg.convert(source, target, *options, single=False)
        return measure(command, niceness=STREAM_NICENESS).wall_s


def compare(source: Path, *, rounds: int) -> dict[str, list[First]]:
    """Let each have its turn, round by round; one round before is not counted."""
    with (
        inputs.unseen(source) as (copy, touch),
        serving(copy.parent, core=None) as server,
    ):
        contenders: Mapping[str, Callable[[], First]] = {
            **{name: partial(ask, server, copy, touch, query) for name, query in QUERIES.items()},
            FFMPEG: partial(watch_ffmpeg, copy),
        }
        firsts: dict[str, list[First]] = {name: [] for name in contenders}
        for number in range(rounds + 1):
            for name, contender in contenders.items():
                first = contender()
                if number:
                    firsts[name].append(first)
    return firsts


def _rows(source: str, firsts: Mapping[str, Sequence[First]]) -> list[tuple[str, ...]]:
    theirs = firsts[FFMPEG]
    rows: list[tuple[str, ...]] = []
    for name, ours in firsts.items():
        against = ("", "")
        if ours is not theirs:
            against = (
                str(ratios([f.playlist_s for f in ours], [f.playlist_s for f in theirs])),
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


def goals_of(
    results: Mapping[str, Mapping[str, Sequence[First]]], whole_s: float | None
) -> list[Goal]:
    """Judge each way of asking by the kind of file that makes it slowest."""
    goals = []
    for name in QUERIES:
        kind = max(results, key=lambda kind: _median_s(results[kind][name]))
        ours = [first.playlist_s for first in results[kind][name]]
        theirs = [first.playlist_s for first in results[kind][FFMPEG]]
        goals += [
            Goal(
                what=f"first playlist, {name}, slowest kind ({kind})",
                unit="ms",
                values=tuple(seconds * 1000 for seconds in ours),
                at_most=MOST_MS,
            ),
            Goal(
                what=f"first playlist, {name}, {kind}: sooner than that of {FFMPEG}",
                unit="times",
                values=times_as_fast(ours, theirs),
                at_least=LEAST_SOONER,
            ),
        ]
    if whole_s is not None:
        kind, name = WHOLE, "full, 1 variant"
        ours = [first.playlist_s for first in results[kind][name]]
        goals.append(
            Goal(
                what=f"whole playlist, {name}, {kind}: sooner than that of {FFMPEG}",
                unit="times",
                values=times_as_fast(ours, [whole_s] * len(ours)),
                at_least=LEAST_SOONER,
            )
        )
    return goals


def _median_s(firsts: Sequence[First]) -> float:
    return spread([first.playlist_s for first in firsts]).median


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.first_segment", description=__doc__)
    parser.add_argument("--long-minutes", type=float, default=60, help="length of the inputs (60)")
    parser.add_argument("--rounds", type=int, default=5, help="counted turns of each (5)")
    given, _ = parser.parse_known_args(arguments)
    facts = report.machine()
    sources = inputs.prepare_all(round(given.long_minutes * 60))
    results = {kind: compare(source, rounds=given.rounds) for kind, source in sources.items()}
    whole_s = whole_playlist_s(sources[WHOLE])
    head = ("source", "what", "multivariant s", "media playlist s", "first segment s")
    rows: list[tuple[str, ...]] = [(*head, "playlist ratio", "segment ratio")]
    for kind, firsts in results.items():
        rows += _rows(kind, firsts)
    print(f"First segment of {given.long_minutes:g} minutes, {given.rounds} rounds")
    print(report.table(rows))
    print(f"FFmpeg's playlist of all of the {WHOLE}: {whole_s:.3g} s")
    saved = {"firsts": results, "ffmpegWholePlaylistSeconds": {WHOLE: whole_s}}
    report.conclude("first_segment", facts, saved, goals_of(results, whole_s))


if __name__ == "__main__":
    main()
