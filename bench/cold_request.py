"""
From the first byte of a request to the last byte of an artifact that nobody had asked for before.

The server is pinned to one core and the client stays off it where there is another; FFmpeg gets
the server's core and writes a file.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import ffmpeg, inputs, report
from bench.engine import ACCOUNT, CASES, Case
from bench.harness import Failed, Run, confine, measure, take_turns, usable_cores

_READY = "ready "
_STOP_SECONDS = 15.0
_PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running edge."""

    host: str
    port: int
    pid: int

    def fetch(self, path: str) -> int:
        """
        Ask for a transform, wait until it is made, and read the artifact; return its size.

        Raises:
            Failed: The job failed, or an answer is not what it should be.
        """
        connection = http.client.HTTPConnection(self.host, self.port, timeout=120)
        try:
            while (job := self._job(connection, path))["status"] == "Running":
                pass
            if job["status"] != "Succeeded":
                raise Failed(f"{path}: {job}")
            parts = urlsplit(job["summary"]["result"]["artifactUrl"])
            connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
            answer = connection.getresponse()
            size = sum(len(piece) for piece in iter(lambda: answer.read(1 << 16), b""))
            if answer.status != 200:
                raise Failed(f"{job['summary']} answered {answer.status}")
            return size
        finally:
            connection.close()

    def _job(self, connection: http.client.HTTPConnection, path: str) -> Any:  # It is JSON.
        connection.request("GET", path, headers={"Prefer": "wait=30"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise Failed(f"{path} answered {answer.status}: {content[:500]!r}")
        return json.loads(content)


@contextlib.contextmanager
def serving(root: Path, *, core: int | None) -> Iterator[Server]:
    """Start an edge with an empty store at a free port, and stop it afterwards."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "edge", "serve", "--port", "0"]
        process = subprocess.Popen(
            [*command, "--root", str(root), "--data", data],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: confine(core, 0),
        )
        try:
            assert process.stdout is not None
            ready = next((line for line in process.stdout if line.startswith(_READY)), None)
            if ready is None:
                raise Failed(f"The server ended with {process.wait()}.")
            address = urlsplit(ready.removeprefix(_READY).strip())
            assert address.hostname is not None and address.port is not None
            yield Server(host=address.hostname, port=address.port, pid=process.pid)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            finally:
                process.kill()
                if process.stdout is not None:
                    process.stdout.close()


def cold(server: Server, case: Case, source: Path, keys: Iterator[int]) -> Run:
    """Time one request with a key never used before."""
    path = f"/{ACCOUNT}/audio/{source.name}?{case.query}&v={next(keys)}"
    used = _cpu_seconds(server.pid)
    started = time.perf_counter()
    server.fetch(path)
    wall = time.perf_counter() - started
    return Run(wall_s=wall, cpu_s=_cpu_seconds(server.pid) - used, peak_bytes=0)


def _cpu_seconds(pid: int) -> float:
    """Sum up what a process and all below it have used, the ended ones that were waited for too."""
    ticks = 0
    parents: dict[int, list[int]] = {}
    used: dict[int, int] = {}
    for folder in _PROCESSES.iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # The name in parentheses may hold spaces; after it, field 4 is the parent.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
            used[int(folder.name)] = sum(map(int, fields[11:15]))
    waiting = [pid]
    while waiting:
        current = waiting.pop()
        ticks += used.get(current, 0)
        waiting += parents.get(current, [])
    return ticks / os.sysconf("SC_CLK_TCK")


def compare(
    server: Server, case: Case, *, seconds: int, rounds: int, core: int
) -> report.Comparison:
    """Let the edge and FFmpeg take turns."""
    source = inputs.prepare(seconds, case.source)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"out.{case.target}"
        keys = itertools.count(1)
        contenders: dict[str, Callable[[], Run]] = {
            "cold request": partial(cold, server, case, source, keys)
        }
        for name, options in case.ways.items():
            converted = ffmpeg.convert(source, target, *options)
            contenders[name] = partial(measure, converted, core=core)
        runs = take_turns(contenders, rounds=rounds)
    return report.Comparison(
        case=f"{case.name}, {seconds} s", runs=runs, baselines=tuple(case.ways)
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.cold_request", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="length of the inputs (10)")
    parser.add_argument("--rounds", type=int, default=5, help="counted turns of each (5)")
    given, _ = parser.parse_known_args(arguments)
    facts = report.machine()
    cores = usable_cores()
    lengths = (30, round(given.minutes * 60))
    for case, seconds in itertools.product(CASES, lengths):
        root = inputs.prepare(seconds, case.source).parent
    os.sched_setaffinity(0, set(cores[:-1]) or set(cores))
    try:
        with serving(root, core=cores[-1]) as server:
            comparisons = [
                compare(server, case, seconds=seconds, rounds=given.rounds, core=cores[-1])
                for case, seconds in itertools.product(CASES, lengths)
            ]
    finally:
        os.sched_setaffinity(0, set(cores))
    print(f"Cold requests, one core, {given.rounds} rounds")
    print(report.comparison_table(comparisons))
    print(report.save("cold_request", facts, comparisons), flush=True)


if __name__ == "__main__":
    main()
