"""Peak memory of a conversion, short against long: it is to be the same."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import ffmpeg, inputs, report
from bench.engine import render_command
from bench.harness import Run, measure
from bench.warm_engine import WarmEngine

_QUERIES = {
    "mp3": ("f=mp3&br=128&sr=44.1", ("-c:a", "libmp3lame", "-b:a", "128k")),
    "aac": ("f=aac&br=96&sr=44.1", ("-c:a", "aac", "-b:a", "96k", "-aac_coder", "fast")),
    "wav": ("f=wav-riff&sr=44.1", ("-c:a", "pcm_s16le")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """Peak resident memory of one contender for the short and the long input."""

    target: str
    what: str
    short: Run
    long: Run

    @property
    def growth(self) -> float:
        """How many times the short input's peak the long input's is."""
        return self.long.peak_bytes / self.short.peak_bytes


def compare(target: str, short: Path, long: Path) -> list[Peaks]:
    """Convert both inputs each way, every time in a fresh process."""
    query, options = _QUERIES[target]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"out.{target}"

        def edge(source: Path) -> Run:
            return measure(render_command(source, out, query))

        def alone(source: Path) -> Run:
            with WarmEngine() as engine:
                return engine.convert(source, out, query)

        def cli(source: Path) -> Run:
            return measure(ffmpeg.convert(source, out, *options))

        ways = {"audio-edge render": edge, "engine alone": alone, "ffmpeg": cli}
        return [
            Peaks(target=target, what=what, short=way(short), long=way(long))
            for what, way in ways.items()
        ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--long-minutes", type=float, default=60, help="the long input (60)")
    given, _ = parser.parse_known_args(arguments)
    facts = report.machine()
    short, long = 60, round(given.long_minutes * 60)
    sources = inputs.prepare(short, "mp3"), inputs.prepare(long, "mp3")
    peaks = [row for target in _QUERIES for row in compare(target, *sources)]
    print(f"Peak memory, mp3 input of 1 and of {given.long_minutes:g} min")
    head = ("to", "what", "1 min MB", f"{given.long_minutes:g} min MB", "times", "long wall s")
    rows = [
        (
            row.target,
            row.what,
            f"{row.short.peak_bytes / 1e6:.1f}",
            f"{row.long.peak_bytes / 1e6:.1f}",
            f"{row.growth:.2f}",
            f"{row.long.wall_s:.1f}",
        )
        for row in peaks
    ]
    print(report.table([head, *rows]))
    print(report.save("memory", facts, peaks), flush=True)


if __name__ == "__main__":
    main()
