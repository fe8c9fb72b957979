"""One file to another on one core: the edge as a whole command, the engine alone, FFmpeg."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import ffmpeg, inputs, report
from bench.harness import Run, measure, take_turns, usable_cores
from bench.warm_engine import WarmEngine

ACCOUNT = "W142hJk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One conversion, said in both languages; each way FFmpeg is asked is a contender."""

    name: str
    source: str
    target: str
    query: str
    ways: dict[str, tuple[str, ...]]


_AAC_96 = ("-c:a", "aac", "-b:a", "96k")

CASES = (
    Case(
        name="mp3 to AAC 96, 44.1 kHz",
        source="mp3",
        target="aac",
        query="f=aac&br=96&sr=44.1",
        ways={
            "ffmpeg, same coder": (*_AAC_96, "-aac_coder", "fast", "-ar", "44100"),
            "ffmpeg, its default": (*_AAC_96, "-ar", "44100"),
        },
    ),
    Case(
        name="mp3 to AAC 96, to 48 kHz",
        source="mp3",
        target="aac",
        query="f=aac",
        ways={"ffmpeg, same coder": (*_AAC_96, "-aac_coder", "fast", "-ar", "48000")},
    ),
    Case(
        name="flac to MP3 128, 44.1 kHz",
        source="flac",
        target="mp3",
        query="f=mp3&br=128&sr=44.1",
        ways={"ffmpeg": ("-c:a", "libmp3lame", "-b:a", "128k", "-ar", "44100")},
    ),
    Case(
        name="m4a to WAV 16, 44.1 kHz",
        source="m4a",
        target="wav",
        query="f=wav-riff&sr=44.1",
        ways={"ffmpeg": ("-c:a", "pcm_s16le", "-ar", "44100")},
    ),
)


def render_command(source: Path, target: Path, query: str) -> list[str | Path]:
    """Spell the edge's own command for a conversion."""
    url = f"/{ACCOUNT}/audio/{source.name}?{query}"
    edge = [sys.executable, "-m", "edge", "render", url]
    return [*edge, "-o", target, "--root", source.parent]


def compare(case: Case, *, seconds: int, rounds: int) -> report.Comparison:
    """Let all contenders of a case take turns on one core."""
    source = inputs.prepare(seconds, case.source)
    core = usable_cores()[-1]
    with tempfile.TemporaryDirectory() as folder, WarmEngine(core=core) as engine:
        target = Path(folder) / f"out.{case.target}"
        command = render_command(source, target, case.query)
        contenders: dict[str, Callable[[], Run]] = {
            "audio-edge render": partial(measure, command, core=core),
            "engine alone": partial(engine.convert, source, target, case.query),
        }
        for name, options in case.ways.items():
            converted = ffmpeg.convert(source, target, *options)
            contenders[name] = partial(measure, converted, core=core)
        runs = take_turns(contenders, rounds=rounds)
    return report.Comparison(case=case.name, runs=runs, baselines=tuple(case.ways))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="length of the inputs (10)")
    parser.add_argument("--rounds", type=int, default=5, help="counted turns of each (5)")
    given, _ = parser.parse_known_args(arguments)
    facts = report.machine()
    comparisons = [
        compare(case, seconds=round(given.minutes * 60), rounds=given.rounds) for case in CASES
    ]
    print(f"Engine, {given.minutes:g} min inputs, one core, {given.rounds} rounds")
    print(report.comparison_table(comparisons))
    print(report.save("engine", facts, comparisons), flush=True)


if __name__ == "__main__":
    main()
