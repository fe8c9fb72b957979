"""
How much of a core a finished segment costs, against Starlette's file response and nginx.

All serve the same 30 KB over HTTP to 32 kept connections, each from one core, which is the last;
``wrk`` (a system package, as nginx is) asks from another. The contenders take turns, and what is
compared is seconds for 100 000 answers: on the clock, and of the server's processes.

``--serve`` is how the bench starts the opponents that need Python.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bench import inputs, report
from bench.goals import Goal, times_as_fast
from bench.harness import Failed, Run, confine, limited_to, take_turns, usable_cores
from bench.server import ACCOUNT, Server, get, serving

CONNECTIONS = 32
ANSWERS = 100_000
LEAST_TIMES_STARLETTE = 10.0
LEAST_TIMES_NGINX = 0.25

STARLETTE = "Starlette FileResponse"
CONSTANT = "uvicorn, constant answer"
NGINX = "nginx sendfile"
SEGMENT = "edge, segment"
RAW = "edge, raw file"

_HOST = "127.0.0.1"
_NAME = "segment.ts"
_QUERY = "f=hls-aac&br=112"
_SOURCE_SECONDS = 30
_STOP_SECONDS = 10
_PATIENCE_SECONDS = 30

_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=100;
    types {{ video/mp2t ts; }}
    server {{ listen {host}:{port}; root {folder}; }}
}}
"""


def load(url: str, server: Server, *, seconds: float) -> Run:
    """Ask for one thing again and again, and say what 100 000 answers take."""
    used = server.cpu_s()
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = server.cpu_s() - used
    found = re.search(r"(\d+) requests in ([\d.]+)s", told)
    if found is None or "Non-2xx" in told or "Socket errors" in told:
        raise Failed(f"{url}: {told}")
    share = ANSWERS / int(found[1])
    return Run(wall_s=float(found[2]) * share, cpu_s=used * share, peak_bytes=0)


@contextlib.contextmanager
def segment_of(folder: Path) -> Iterator[tuple[Server, str, bytes]]:
    """Start an edge, have it make a stream, and find the URL and bytes of a segment."""
    source = inputs.prepare(_SOURCE_SECONDS, "mp3")
    shutil.copy(source, folder)
    with serving(folder, core=usable_cores()[-1]) as server:
        path = f"/{ACCOUNT}/audio/{source.name}"
        server.fetch(f"{path}?{_QUERY}")
        target = f"{path}!{_QUERY}&a=/0f/0.ts"
        with server.connected() as connection:
            yield server, target, get(connection, target)


@contextlib.contextmanager
def opponent(command: Sequence[str | Path], port: int, core: int) -> Iterator[Server]:
    """Run a server that answers at a port."""
    process = subprocess.Popen(command, preexec_fn=lambda: confine(core, 0))
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection((_HOST, port), 1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{command[0]} does not answer")
            time.sleep(0.05)
        yield Server(host=_HOST, port=port, pid=process.pid)
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)


def opponents(folder: Path) -> Mapping[str, tuple[Sequence[str | Path], int]]:
    """Say how each opponent is started, and where it listens."""
    port = {name: _free_port() for name in (STARLETTE, CONSTANT, NGINX)}
    python = [sys.executable, "-m", "bench.hit_path", "--file", str(folder / _NAME)]
    found: dict[str, tuple[Sequence[str | Path], int]] = {
        name: ([*python, "--serve", name, "--port", str(port[name])], port[name])
        for name in (STARLETTE, CONSTANT)
    }
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        print("There is no nginx: apt-get install nginx-light", file=sys.stderr)
        return found
    # The worker of a master that is root would not be allowed to read a temporary folder.
    user = "user root;" if os.geteuid() == 0 else ""
    configured = folder / "nginx.conf"
    configured.write_text(_NGINX.format(folder=folder, host=_HOST, port=port[NGINX], user=user))
    return {**found, NGINX: ([nginx, "-c", configured], port[NGINX])}


def compare(*, rounds: int, seconds: float) -> report.Comparison:
    """Let all of them take turns."""
    cores = usable_cores()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        edge, target, content = stack.enter_context(segment_of(folder))
        (folder / _NAME).write_bytes(content)
        edge_url = f"http://{_HOST}:{edge.port}"
        loads: dict[str, Callable[[], Run]] = {
            SEGMENT: partial(load, f"{edge_url}{target}", edge, seconds=seconds),
            RAW: partial(load, f"{edge_url}/{ACCOUNT}/raw/{_NAME}", edge, seconds=seconds),
        }
        for name, (command, port) in opponents(folder).items():
            server = stack.enter_context(opponent(command, port, cores[-1]))
            url = f"http://{_HOST}:{port}/{_NAME}"
            loads[name] = partial(load, url, server, seconds=seconds)
        stack.enter_context(limited_to(set(cores[:-1]) or cores))
        runs = take_turns(loads, rounds=rounds)
    baselines = tuple(name for name in (STARLETTE, NGINX) if name in runs)
    return report.Comparison(
        case=f"{len(content)} bytes, {ANSWERS} answers", runs=runs, baselines=baselines
    )


def goals_of(comparison: report.Comparison) -> list[Goal]:
    """Judge the segment by what it takes of a core."""
    ours = [run.cpu_s for run in comparison.runs[SEGMENT]]
    least = {STARLETTE: LEAST_TIMES_STARLETTE, NGINX: LEAST_TIMES_NGINX}
    return [
        Goal(
            what=f"cached segment, one core, against {name}",
            unit="times",
            values=times_as_fast(ours, [run.cpu_s for run in comparison.runs[name]]),
            at_least=least[name],
        )
        for name in comparison.baselines
    ]


def app_of(name: str, file: Path) -> ASGIApp:
    """Make the application of an opponent."""

    async def respond(_: Request) -> FileResponse:
        return FileResponse(file)

    if name == STARLETTE:
        return Starlette(routes=[Route(f"/{_NAME}", respond)])
    content = file.read_bytes()
    fields = [(b"content-type", b"video/mp2t"), (b"content-length", b"%d" % len(content))]

    async def constant(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": content})

    return constant


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.hit_path", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="length of one turn (4)")
    parser.add_argument("--rounds", type=int, default=5, help="counted turns of each (5)")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given, _ = parser.parse_known_args(arguments)
    if given.serve is not None:
        app = app_of(given.serve, given.file)
        uvicorn.run(app, host=_HOST, port=given.port, access_log=False, log_level="warning")
        return
    if shutil.which("wrk") is None:
        raise Failed("There is no wrk: apt-get install wrk")
    facts = report.machine()
    comparison = compare(rounds=given.rounds, seconds=given.seconds)
    print(f"Hits, one core, {CONNECTIONS} connections, {given.rounds} rounds")
    print(report.comparison_table([comparison]))
    report.conclude("hit_path", facts, comparison, goals_of(comparison))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
