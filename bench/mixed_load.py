"""
What a listener notices while every core encodes: cached segments, asked for idle and under load.

The load generator is open-loop: requests are due at random instants that were drawn beforehand
(Poisson, the same ones each time), and a latency counts from that instant to the last byte. A
closed loop would stop asking whenever the server stalls, and leave out what matters
(coordinated omission). It runs as a real-time process where it may, so that it does not measure
how long it waited for a core itself. nginx serves the same bytes beside it, where it is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import inputs, report
from bench.harness import Failed, Spread, ratios, spread, usable_cores
from bench.server import ACCOUNT, Server, get, serving

CACHED = "f=hls-aac&br=48"
COLD = ("f=mp3&br=128", "f=aac&br=96")
SEGMENT_BYTES = 30_000

_CONNECTIONS = 8
_SEED = 20
_SETTLED_SECONDS = 1.5
_NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; root {folder}/root; }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One URL that answers with a segment."""

    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a load generator saw, in seconds, and how many artifacts were made meanwhile."""

    requests: int
    p50_s: float
    p99_s: float
    worst_s: float
    made: int = 0


@dataclass(slots=True)
class _Asked:
    """A connection with one request under way."""

    connection: socket.socket
    due_s: float = 0.0
    missing: int | None = None
    head: bytes = b""

    def send(self, request: bytes, due_s: float) -> None:
        self.due_s, self.missing, self.head = due_s, None, b""
        self.connection.sendall(request)

    def receive(self) -> bool:
        """Take what has come; tell whether the answer is whole."""
        piece = self.connection.recv(1 << 16)
        if not piece:
            raise Failed("A connection was closed.")
        if self.missing is None:
            self.head += piece
            head, end, body = self.head.partition(b"\r\n\r\n")
            if not end:
                return False
            status, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
            if " 200 " not in f"{status} ":
                raise Failed(f"A segment was answered with {status}.")
            self.missing = int(headers["content-length"]) - len(body)
        else:
            self.missing -= len(piece)
        return self.missing == 0


@dataclass(slots=True)
class Load:
    """Jobs nobody has asked for before, as many at a time as there are slots, until it is ended."""

    server: Server
    source: Path
    slots: int
    keys: Iterator[int]
    made: int = 0
    _ending: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _problems: list[Exception] = field(default_factory=list)

    def __enter__(self) -> Load:
        for _ in range(self.slots):
            thread = threading.Thread(target=self._ask)
            thread.start()
            self._threads.append(thread)
        time.sleep(_SETTLED_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()
        if self._problems:
            raise self._problems[0]

    def _ask(self) -> None:
        try:
            while not self._ending.is_set():
                number = next(self.keys)
                query = COLD[number % len(COLD)]
                self.server.fetch(f"/{ACCOUNT}/audio/{self.source.name}?{query}&v={number}")
                self.made += 1
        except Exception as problem:
            self._problems.append(problem)


def generate(target: Target, *, rate: float, seconds: float) -> list[float]:
    """Ask for *target* at random instants, and list every latency in seconds."""
    _be_real_time()
    request = f"GET {target.path} HTTP/1.1\r\nHost: {target.host}\r\n\r\n".encode()
    # Each in its turn, so that none is closed for having been idle.
    free = deque(
        _Asked(socket.create_connection((target.host, target.port))) for _ in range(_CONNECTIONS)
    )
    busy: dict[int, _Asked] = {}
    started = time.perf_counter()
    due = deque(started + at for at in instants(rate, seconds))
    latencies: list[float] = []
    while due or busy:
        while due and free and due[0] <= time.perf_counter():
            asked = free.popleft()
            asked.send(request, due.popleft())
            busy[asked.connection.fileno()] = asked
        pause = max(0.0, due[0] - time.perf_counter()) if due and free else None
        # select() waits for microseconds, epoll for whole milliseconds.
        for number in select.select(busy, (), (), pause)[0]:
            if busy[number].receive():
                asked = busy.pop(number)
                latencies.append(time.perf_counter() - asked.due_s)
                free.append(asked)
    for asked in free:
        asked.connection.close()
    return latencies


def instants(rate: float, seconds: float) -> Iterator[float]:
    """List when requests are due, in seconds: on average *rate* of them a second."""
    chance = random.Random(_SEED)
    at = chance.expovariate(rate)
    while at < seconds:
        yield at
        at += chance.expovariate(rate)


def _be_real_time() -> None:
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def serve_times(target: Target, *, rate: float, seconds: float, load: Load | None) -> Served:
    """Let a load generator ask for *target* in a process of its own."""
    arguments = [target.host, str(target.port), target.path, str(rate), str(seconds)]
    made = load.made if load is not None else 0
    ran = subprocess.run(
        [sys.executable, "-m", "bench.mixed_load", "--generate", *arguments],
        check=True,
        stdout=subprocess.PIPE,
    )
    latencies = sorted(json.loads(ran.stdout))
    return Served(
        requests=len(latencies),
        p50_s=latencies[len(latencies) // 2],
        p99_s=latencies[len(latencies) * 99 // 100],
        worst_s=latencies[-1],
        made=load.made - made if load is not None else 0,
    )


def find_segment(server: Server, source: Path) -> tuple[Target, bytes]:
    """Have a stream made, and find its segment that is nearest to 30 KB."""
    folder = f"/{ACCOUNT}/audio/"
    server.fetch(f"{folder}{source.name}?{CACHED}")
    with server.connected() as connection:
        playlist = f"{folder}{source.name}!{CACHED}&a=/audio.m3u8"
        playlist = _listed(playlist, get(connection, playlist))[0]
        paths = _listed(playlist, get(connection, playlist))
        segments = {path: get(connection, path) for path in paths}
    path = min(segments, key=lambda each: abs(len(segments[each]) - SEGMENT_BYTES))
    return Target(host=server.host, port=server.port, path=path), segments[path]


def _listed(playlist: str, content: bytes) -> list[str]:
    folder = playlist.rpartition("/")[0]
    lines = content.decode().splitlines()
    return [f"{folder}/{line}" for line in lines if line and not line.startswith("#")]


@contextlib.contextmanager
def nginx(segment: bytes) -> Iterator[Target | None]:
    """Serve *segment* with nginx, one process with ``sendfile``, if it is installed."""
    program = shutil.which("nginx")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as name, socket.socket() as probe:
        folder = Path(name)
        (folder / "root").mkdir()
        (folder / "root" / "segment.ts").write_bytes(segment)
        # Root's nginx becomes nobody, who may not enter a temporary folder otherwise.
        folder.chmod(0o755)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port))
        process = subprocess.Popen(
            [program, "-e", "stderr", "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL
        )
        try:
            target = Target(host="127.0.0.1", port=port, path="/segment.ts")
            _wait_for(target)
            yield target
        finally:
            process.terminate()
            process.wait()


def _wait_for(target: Target) -> None:
    for _ in range(500):
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection((target.host, target.port)).close()
            return
        time.sleep(0.01)
    raise Failed("nginx does not answer.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One turn of one server: idle, then with every core encoding."""

    idle: Served
    loaded: Served


def compare(
    source: Path, *, slots: int, rate: float, seconds: float, rounds: int
) -> dict[str, list[Round]]:
    """Take turns: each server idle, then each under load, round by round."""
    turns: dict[str, list[Round]] = {}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving(source.parent, core=None))
        edge, segment = find_segment(server, source)
        reference = stack.enter_context(nginx(segment))
        targets = {"edge": edge, **({"nginx": reference} if reference else {})}
        keys = itertools.count(1)
        for number in range(rounds + 1):
            idle = {
                name: serve_times(target, rate=rate, seconds=seconds, load=None)
                for name, target in targets.items()
            }
            with Load(server=server, source=source, slots=slots, keys=keys) as load:
                loaded = {
                    name: serve_times(target, rate=rate, seconds=seconds, load=load)
                    for name, target in targets.items()
                }
            # One round is not counted; it fills the page cache and warms up.
            if number:
                for name in targets:
                    turns.setdefault(name, []).append(Round(idle=idle[name], loaded=loaded[name]))
    return turns


def _rows(name: str, turns: Sequence[Round]) -> list[tuple[str, ...]]:
    idle, loaded = [turn.idle for turn in turns], [turn.loaded for turn in turns]
    p50 = ratios([each.p50_s for each in loaded], [each.p50_s for each in idle])
    p99 = ratios([each.p99_s for each in loaded], [each.p99_s for each in idle])
    return [
        (name, "idle", *_times(idle), "", "", ""),
        (name, "encoding", *_times(loaded), str(p50), str(p99), str(_made(loaded))),
    ]


def _times(served: Sequence[Served]) -> tuple[str, str, str]:
    return (
        str(spread([each.p50_s * 1000 for each in served])),
        str(spread([each.p99_s * 1000 for each in served])),
        str(spread([each.worst_s * 1000 for each in served])),
    )


def _made(served: Sequence[Served]) -> Spread:
    return spread([each.made for each in served])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.mixed_load", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="counted turns of each (5)")
    parser.add_argument("--rate", type=float, default=300, help="segments asked for a second (300)")
    parser.add_argument("--seconds", type=float, default=10, help="length of one turn (10)")
    parser.add_argument("--slots", type=int, default=len(usable_cores()), help="jobs at once")
    parser.add_argument("--generate", nargs=5, help=argparse.SUPPRESS)
    given, _ = parser.parse_known_args(arguments)
    if given.generate:
        host, port, path, rate, seconds = given.generate
        target = Target(host=host, port=int(port), path=path)
        print(json.dumps(generate(target, rate=float(rate), seconds=float(seconds))))
        return
    facts = report.machine()
    source = inputs.prepare(60, "mp3")
    turns = compare(
        source, slots=given.slots, rate=given.rate, seconds=given.seconds, rounds=given.rounds
    )
    head = ("server", "machine", "p50 ms", "p99 ms", "worst ms", "p50 ratio", "p99 ratio", "jobs")
    rows = [head, *(row for name, done in turns.items() for row in _rows(name, done))]
    print(f"{given.rate:g} segments a second, {given.slots} jobs at once, {given.rounds} rounds")
    print(report.table(rows))
    print(report.save("mixed_load", facts, turns), flush=True)


if __name__ == "__main__":
    main()
