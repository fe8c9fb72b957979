"""One file to another: the edge against FFmpeg, on one core and on two."""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench import ffmpeg, inputs, report
from bench.goals import Goal, times_as_fast
from bench.harness import Run, limited_to, measure, take_turns, usable_cores
from bench.report import Comparison
from bench.server import ACCOUNT, Server, cold, serving
from bench.warm_engine import WarmEngine

# As ``transforms.audio.aac_policy`` has it at 96 kbps.
SAME_CODER = ("-aac_coder", "fast", "-aac_is", "0")
VARIANTS_KBPS = (64, 96, 128)

_COMMAND = "audio-edge render"
_ENGINE = "engine alone"
_REQUEST = "cold request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    One conversion, said in both languages; each way FFmpeg is asked is a contender.

    ``least`` tells, by contender, how many times as fast the engine is to be. ``before`` is the
    largest ratio of CPU times to the first of ``ways`` that was measured while the engine encoded
    with one thread only: on one core, many threads are not to cost more. ``longer`` tells how many
    times as long as others its input is: a run has to last, and many threads need much to do.
    """

    name: str
    source: str
    target: str
    query: str
    ways: Mapping[str, tuple[str, ...]]
    least: Mapping[str, float] = field(default_factory=dict)
    before: float | None = None
    longer: int = 1
    kbps: tuple[int, ...] = ()


_AAC_96 = ("-c:a", "aac", "-b:a", "96k")
_MP3_128 = ("-c:a", "libmp3lame", "-b:a", "128k", "-ar", "44100")
_SAME, _DEFAULT = "ffmpeg, same coder", "ffmpeg, its default"
_BOTH_CODERS = {
    _SAME: (*_AAC_96, *SAME_CODER, "-ar", "44100"),
    _DEFAULT: (*_AAC_96, "-ar", "44100"),
}

ONE_CORE = (
    Case(
        name="mp3 to AAC 96, 44.1 kHz",
        source="mp3",
        target="aac",
        query="f=aac&br=96&sr=44.1",
        ways=_BOTH_CODERS,
        before=1.08,
    ),
    Case(
        name="mp3 to AAC 96, to 48 kHz",
        source="mp3",
        target="aac",
        query="f=aac",
        ways={_SAME: (*_AAC_96, *SAME_CODER, "-ar", "48000")},
        before=1.11,
    ),
    Case(
        name="flac to MP3 128, 44.1 kHz",
        source="flac",
        target="mp3",
        query="f=mp3&br=128&sr=44.1",
        ways={"ffmpeg": _MP3_128},
        before=1.03,
    ),
    Case(
        name="m4a to WAV 16, 44.1 kHz",
        source="m4a",
        target="wav",
        query="f=wav-riff&sr=44.1",
        ways={"ffmpeg": ("-c:a", "pcm_s16le", "-ar", "44100")},
        before=1.01,
        longer=5,
    ),
)

# The goals are those of the project's design, section 7.
TWO_CORES = (
    Case(
        name="mp3 to AAC 96, 44.1 kHz",
        source="mp3",
        target="aac",
        query="f=aac&br=96&sr=44.1",
        ways=_BOTH_CODERS,
        least={_SAME: 1.4, _DEFAULT: 3.5},
        longer=2,
    ),
    Case(
        name="flac to MP3 128, 44.1 kHz",
        source="flac",
        target="mp3",
        query="f=mp3&br=128&sr=44.1",
        ways={"ffmpeg": _MP3_128},
        least={"ffmpeg": 1.3},
        longer=2,
    ),
    Case(
        name="mp3 to HLS 64, 96, 128",
        source="mp3",
        target="hls",
        query="f=hls-aac&" + "&".join(f"br={each}&sr=44.1" for each in VARIANTS_KBPS),
        ways={_SAME: (*SAME_CODER, "-ar", "44100")},
        least={_SAME: 1.2},
        kbps=VARIANTS_KBPS,
    ),
)


def render_command(source: Path, target: Path, query: str) -> list[str | Path]:
    """Spell the edge's own command for a conversion."""
    url = f"/{ACCOUNT}/audio/{source.name}?{query}"
    edge = [sys.executable, "-m", "edge", "render", url]
    return [*edge, "-o", target, "--root", source.parent]


def on_one_core(case: Case, *, seconds: int, rounds: int) -> Comparison:
    """Let all contenders of a case take turns on one core, each told to use one thread."""
    source = inputs.prepare(seconds * case.longer, case.source)
    core = usable_cores()[-1]
    with tempfile.TemporaryDirectory() as folder, WarmEngine(core=core) as engine:
        target = Path(folder) / f"out.{case.target}"
        command = render_command(source, target, case.query)
        contenders: dict[str, Callable[[], Run]] = {
            # Its worker makes itself nicer.
            _COMMAND: partial(measure, command, core=core, niceness=0),
            _ENGINE: partial(engine.convert, source, target, case.query),
        }
        for name, options in case.ways.items():
            converted = ffmpeg.convert(source, target, *options)
            contenders[name] = partial(measure, converted, core=core)
        runs = take_turns(contenders, rounds=rounds)
    name = f"1 core, {_named(case, seconds)}"
    return Comparison(case=name, runs=runs, baselines=tuple(case.ways))


def on_two_cores(case: Case, server: Server, *, seconds: int, rounds: int) -> Comparison:
    """Let all contenders take turns on two cores: the edge with two threads, FFmpeg as it likes."""
    source = inputs.prepare(seconds * case.longer, case.source)
    path = f"/{ACCOUNT}/audio/{source.name}?{case.query}&v="
    keys = itertools.count(1)
    with tempfile.TemporaryDirectory() as folder, WarmEngine() as engine:
        target = Path(folder) / "out" if case.kbps else Path(folder) / f"out.{case.target}"
        contenders: dict[str, Callable[[], Run]] = {
            _ENGINE: partial(engine.convert, source, target, case.query, threads=2),
            _REQUEST: lambda: cold(server, f"{path}{next(keys)}"),
        }
        for name, options in case.ways.items():
            command = (
                ffmpeg.hls(source, Path(folder), *options, kbps=case.kbps)
                if case.kbps
                else ffmpeg.convert(source, target, *options, single=False)
            )
            contenders[name] = partial(measure, command)
        runs = take_turns(contenders, rounds=rounds)
    name = f"2 cores, {_named(case, seconds)}"
    return Comparison(case=name, runs=runs, baselines=tuple(case.ways))


def _named(case: Case, seconds: int) -> str:
    return f"{case.name}, {seconds * case.longer / 60:g} min"


def _one_core_goal(case: Case, compared: Comparison) -> Goal:
    against = next(iter(case.ways))
    ours, theirs = compared.runs[_ENGINE], compared.runs[against]
    return Goal(
        what=f"{compared.case}: CPU against {against}",
        unit="times",
        values=tuple(own.cpu_s / other.cpu_s for own, other in zip(ours, theirs, strict=True)),
        at_most=case.before,
    )


def _two_cores_goals(case: Case, compared: Comparison) -> list[Goal]:
    return [
        Goal(
            what=f"{compared.case}: {who} as fast as {against}",
            unit="times",
            values=times_as_fast(
                [run.wall_s for run in compared.runs[who]],
                [run.wall_s for run in compared.runs[against]],
            ),
            at_least=case.least.get(against),
        )
        for against in case.ways
        for who in (_ENGINE, _REQUEST)
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="length of most inputs (5)")
    parser.add_argument("--rounds", type=int, default=5, help="counted turns of each (5)")
    given, _ = parser.parse_known_args(arguments)
    facts = report.machine()
    seconds, rounds = round(given.minutes * 60), given.rounds
    cores = usable_cores()
    one = [on_one_core(case, seconds=seconds, rounds=rounds) for case in ONE_CORE]
    goals = list(map(_one_core_goal, ONE_CORE, one))
    comparisons = list(one)
    with ExitStack() as stack:
        stack.enter_context(limited_to(cores[-2:]))
        server = stack.enter_context(serving(inputs.FOLDER, core=None))
        # One core cannot show what two do.
        for case in TWO_CORES if len(cores) > 1 else ():
            compared = on_two_cores(case, server, seconds=seconds, rounds=rounds)
            goals += _two_cores_goals(case, compared)
            comparisons.append(compared)
    print(f"Engine, {rounds} rounds")
    print(report.comparison_table(comparisons))
    report.conclude("engine", facts, comparisons, goals)


if __name__ == "__main__":
    main()
