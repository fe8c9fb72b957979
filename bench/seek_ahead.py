"""
How soon a listener hears the fortieth minute of an hour that nobody asked for before.

The edge is asked as a player asks: for the whole playlist, then for the segment at that minute.
It has never seen the file; its process is warm. FFmpeg is asked for six seconds from there on, by
its own seeking, as MPEG-TS with the same coder: the fastest that could be scripted, although it
knows neither where segments begin nor how long the file is.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import ffmpeg, inputs, report
from bench.engine import SAME_CODER
from bench.goals import Goal, times_as_fast
from bench.harness import STREAM_NICENESS, measure, spread
from bench.server import ACCOUNT, Server, get, segment_at, serving

QUERY = "f=hls-aac-rt&playlist=full&br=96"
PLACE = 2 / 3

_OPTIONS = ("-c:a", "aac", "-b:a", "96k", *SAME_CODER, "-ar", "48000", "-f", "mpegts")
_SEGMENT_SECONDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Seconds from the first request to the end of the playlist, and of the segment."""

    playlist_s: float | None = None
    segment_s: float


def ask(server: Server, source: Path, touch: Callable[[], None], at: float) -> Heard:
    """Ask for the playlist and then for the segment at an instant, and have the rest cancelled."""
    touch()
    folder = f"/{ACCOUNT}/audio/{source.name}!{QUERY}&a=/0f/"
    with server.connected() as connection:
        started = time.perf_counter()
        playlist = get(connection, f"{folder}manifest.m3u8").decode()
        playlist_s = time.perf_counter() - started
        uri = segment_at(playlist, at)
        get(connection, f"{folder}{uri}")
        segment_s = time.perf_counter() - started
    server.cancel_all()
    return Heard(playlist_s=playlist_s, segment_s=segment_s)


def seek(source: Path, target: Path, at: float) -> Heard:
    """Have FFmpeg seek and encode as much as a segment holds."""
    command = ffmpeg.segment(source, target, *_OPTIONS, at=round(at), seconds=_SEGMENT_SECONDS)
    return Heard(segment_s=measure(command, niceness=STREAM_NICENESS).wall_s)


def compare(source: Path, *, at: float, rounds: int) -> dict[str, list[Heard]]:
    """Let each have its turn, round by round; one round before is not counted."""
    heard: dict[str, list[Heard]] = {"edge": [], "ffmpeg -ss": []}
    with (
        inputs.unseen(source) as (copy, touch),
        serving(copy.parent, core=None) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        contenders: Mapping[str, Callable[[], Heard]] = {
            "edge": partial(ask, server, copy, touch, at),
            "ffmpeg -ss": partial(seek, copy, Path(folder) / "out.ts", at),
        }
        for number in range(rounds + 1):
            for name, contender in contenders.items():
                one = contender()
                if number:
                    heard[name].append(one)
    return heard


def _goal(kind: str, heard: Mapping[str, Sequence[Heard]]) -> Goal:
    return Goal(
        what=f"segment of the fortieth minute, {kind}: as fast as ffmpeg -ss",
        unit="times",
        values=times_as_fast(*([one.segment_s for one in done] for done in heard.values())),
    )


def _rows(kind: str, heard: Mapping[str, Sequence[Heard]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, done in heard.items():
        playlists = [one.playlist_s for one in done if one.playlist_s is not None]
        segments = [one.segment_s for one in done]
        shown = (str(spread(playlists)) if playlists else "", str(spread(segments)))
        rows.append((kind, name, *shown))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.seek_ahead", description=__doc__)
    parser.add_argument("--long-minutes", type=float, default=60, help="length of the inputs (60)")
    parser.add_argument("--rounds", type=int, default=3, help="counted turns of each (3)")
    given, _ = parser.parse_known_args(arguments)
    facts = report.machine()
    seconds = round(given.long_minutes * 60)
    sources = inputs.prepare_all(seconds)
    results = {
        kind: compare(source, at=seconds * PLACE, rounds=given.rounds)
        for kind, source in sources.items()
    }
    rows: list[tuple[str, ...]] = [("source", "what", "whole playlist s", "segment s")]
    for kind, heard in results.items():
        rows += _rows(kind, heard)
    goals = [_goal(kind, heard) for kind, heard in results.items()]
    print(f"Minute {given.long_minutes * PLACE:g} of {given.long_minutes:g}, {given.rounds} rounds")
    print(report.table(rows))
    report.conclude("seek_ahead", facts, results, goals)


if __name__ == "__main__":
    main()
