"""
What each stage of a job costs, in seconds of CPU of the thread that does it.

``python -m bench.stages FILE QUERY`` prints it for one job, in a process of its own. What threads
share is what the job hands to ``transforms.audio.crew``, and is timed there, whatever the format;
all else is done by the one thread that decodes.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.warm_engine import LocalFile, LocalTarget, read_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Seconds of CPU that a job of ``sound_s`` seconds took, by what they went to."""

    sound_s: float
    survey_s: float
    decode_s: float
    encode_s: float
    write_s: float
    verify_s: float

    @property
    def decoder_s(self) -> float:
        """What the decoding thread does while the others encode."""
        return self.decode_s + self.write_s

    @property
    def alone_s(self) -> float:
        """What is done before or after, with nothing beside it."""
        return self.survey_s + self.verify_s

    def bound_s(self, threads: int, cores: int) -> float:
        """
        Tell how long the job would take with so many threads that encode.

        None waits for another's core, memory or interpreter more often than here: the least.
        """
        work = self.decoder_s + self.encode_s
        if threads == 1:
            return work + self.alone_s
        return max(self.decoder_s, self.encode_s / threads, work / cores) + self.alone_s

    def bound(self, threads: int, cores: int) -> str:
        """Name what sets that time."""
        by = {
            "decoding thread": self.decoder_s,
            "encoding threads": self.encode_s / threads,
            "cores": (self.decoder_s + self.encode_s) / cores,
        }
        return max(by, key=lambda name: by[name])


def stages(path: Path, query: str) -> Stages:
    """Do a job with one thread, and take it apart."""
    from transforms.audio.survey import survey
    from transforms.formats import FORMATS
    from transforms.render import render
    from transforms.render.sound import Sound, decoded

    source = LocalFile(path)
    survey_s, plan = _timed(lambda: read_plan(source, query))
    sound = Sound(plan, plan.encodings[0], decoded(plan, [source]))
    decode_s, _ = _timed(lambda: sum(block.shape[1] for block in sound.blocks()))
    with tempfile.TemporaryDirectory() as folder, _shared_work() as shared:
        segmented = FORMATS[plan.format].segmented
        target = Path(folder) / "out"
        sink = LocalTarget(target, folder=segmented)
        # Two, so that it is cut up as for many; the calls are made one after the other.
        total_s, _ = _timed(lambda: render(plan, [source], sink, threads=2))
        verify_s = 0.0
        if not segmented:
            made = LocalFile(target)
            verify_s, _ = _timed(lambda: survey(made, exact=True))
            made.close()
    source.close()
    encode_s = sum(shared)
    return Stages(
        sound_s=sound.samples / plan.encodings[0].sample_rate_hz,
        survey_s=survey_s,
        decode_s=decode_s,
        encode_s=encode_s,
        write_s=max(0.0, total_s - encode_s - decode_s - verify_s),
        verify_s=verify_s,
    )


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:  # It returns what the work does.
    started = time.thread_time()
    result = work()
    return time.thread_time() - started, result


@contextlib.contextmanager
def _shared_work() -> Iterator[list[float]]:
    """Time the calls that threads would share, wherever the engine makes them."""
    from transforms.audio import crew

    spent: list[float] = []

    def in_order(
        calls: Iterable[Callable[[], Any]], *, threads: int, waiting: int | None = None
    ) -> Iterator[Any]:
        for call in calls:
            seconds, result = _timed(call)
            spent.append(seconds)
            yield result

    original = crew.in_order
    users = [
        module for module in list(sys.modules.values()) if vars(module).get("in_order") is original
    ]
    for module in users:
        vars(module)["in_order"] = in_order
    try:
        yield spent
    finally:
        for module in users:
            vars(module)["in_order"] = original


def main() -> None:
    """Print the stages of one job as JSON, after another that is not counted."""
    path, query = Path(sys.argv[1]), sys.argv[2]
    stages(path, query)
    print(json.dumps(asdict(stages(path, query))))


if __name__ == "__main__":
    main()
