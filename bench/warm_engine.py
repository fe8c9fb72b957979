"""
The engine without the edge around it: a warm process that is told what to convert, line by line.

It does what a worker does for one job (survey, plan, render, verify) and leaves out what is done
once (imports, loading codecs) or around it (sandbox, staging). Run as a program, it is that
process; imported, it is the way to start one.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

from bench.harness import JOB_NICENESS, Failed, Run, confine
from transforms.plan import Limits, RenderPlan, Segment

LIMITS = Limits(duration_ms=24 * 3_600_000, file_bytes=20 << 30)


class WarmEngine:
    """A warm engine in a process of its own; use as a context manager."""

    def __init__(self, *, core: int | None = None) -> None:
        # Not above, because the engine's own process would load it too.
        from edge.sandbox.nursery import SET_VARIABLES

        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.warm_engine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **SET_VARIABLES},
            preexec_fn=lambda: confine(core, JOB_NICENESS),
        )
        self._receive()

    def __enter__(self) -> WarmEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def convert(self, source: Path, target: Path, query: str, *, threads: int = 1) -> Run:
        """
        Convert a file as a transform URL's parameters say.

        Args:
            source: The file.

            target: The file to write, or the folder if there will be many.

            query: The parameters.

            threads: How many encode at once, beside the one that decodes.
        """
        assert self._process.stdin is not None
        files = {"source": str(source), "target": str(target)}
        order = {**files, "query": query, "threads": threads}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        told = self._receive()
        return Run(
            wall_s=float(told["wall_s"]),
            cpu_s=float(told["cpu_s"]),
            peak_bytes=int(told["peak_bytes"]),
        )

    def _receive(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"The engine ended with {self._process.wait()}.")
        told: dict[str, float] = json.loads(line)
        return told


class LocalFile:
    """A local file as a source."""

    def __init__(self, path: str | Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        self.size_bytes = os.fstat(self._descriptor).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    def close(self) -> None:
        os.close(self._descriptor)


class LocalTarget:
    """A file as a sink, or a folder where an artifact has many."""

    def __init__(self, path: str | Path, *, folder: bool) -> None:
        self._path = Path(path)
        self._folder = folder

    def create(self, path: str) -> BinaryIO:
        target = self._path
        if self._folder:
            target = target / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
        return open(target, "w+b")

    def progress(self, fraction: float) -> None:
        pass

    def segment(self, segment: Segment) -> None:
        pass

    def wanted(self) -> tuple[int, int] | None:
        return None


def read_plan(source: LocalFile, query: str) -> RenderPlan:
    """Survey a file and settle what a query asks of it, as the edge does."""
    from transforms.audio.survey import survey
    from transforms.audio.timeline import resolve
    from transforms.grammar import split
    from transforms.planner import plan

    wanted = plan(split("/W142hJk/audio/input", query)).plan
    # As the edge does: exactly only where the plan depends on it.
    return resolve(wanted, [survey(source)], LIMITS).render


def _serve() -> None:
    from transforms.formats import FORMATS
    from transforms.render import render, warm

    warm()
    print("{}", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        wall, cpu = time.perf_counter(), time.process_time()
        source = LocalFile(order["source"])
        plan = read_plan(source, order["query"])
        target = LocalTarget(order["target"], folder=FORMATS[plan.format].segmented)
        render(plan, [source], target, threads=order["threads"])
        source.close()
        told = {
            "wall_s": time.perf_counter() - wall,
            "cpu_s": time.process_time() - cpu,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    _serve()
