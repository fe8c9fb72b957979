"""
How long it takes from nothing to an edge that answers.

Measured from the start of the process to the line that says it is ready, to its first answer, and
to the last byte of the first transform. Nothing that does the same starts beside it, so what is
beside it are floors: nginx, which only serves files; Python and the libraries the edge cannot do
without; and FFmpeg, which makes the same file and is gone. Data folders are new in one case, with
a database to be made, and used before in the other.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import ffmpeg, inputs, report
from bench.engine import SAME_CODER
from bench.goals import Goal
from bench.harness import Failed, measure, spread
from bench.server import ACCOUNT, get, serving

QUERY = "f=aac&br=96&sr=44.1"
SECONDS = 10

_NEW = "audio-edge serve, new data"
_USED = "audio-edge serve, used data"
_IMPORTS = "python, import av, numpy"
_OPTIONS = ("-c:a", "aac", "-b:a", "96k", *SAME_CODER, "-ar", "44100")
_NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
  fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""
_TRIES = 5000
_PAUSE_SECONDS = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Seconds since the start of a process; what it does not do is not there."""

    ready_s: float | None = None
    answer_s: float | None = None
    made_s: float | None = None


def edge(source: Path, data: Path | None) -> Started:
    """Start an edge, ask whether it is well, and have it make something."""
    started = time.perf_counter()
    with _store(data) as store, serving(source.parent, core=None, data=store) as server:
        ready_s = time.perf_counter() - started
        with server.connected() as connection:
            get(connection, "/healthz")
        answer_s = time.perf_counter() - started
        # A key of its own, so that a used store has not made it before.
        server.fetch(f"/{ACCOUNT}/audio/{source.name}?{QUERY}&v={time.time_ns()}")
        made_s = time.perf_counter() - started
    return Started(ready_s=ready_s, answer_s=answer_s, made_s=made_s)


@contextlib.contextmanager
def _store(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def nginx(program: str) -> Started:
    """Start nginx with one worker, and ask it for a file until it answers."""
    with tempfile.TemporaryDirectory() as name, socket.socket() as probe:
        folder = Path(name)
        # Root's nginx becomes nobody, who may not enter a temporary folder otherwise.
        folder.chmod(0o755)
        (folder / "file").write_bytes(b"sound")
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port))
        command = [program, "-e", "stderr", "-c", str(folder / "nginx.conf")]
        started = time.perf_counter()
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            _ask_until_answered(port)
            return Started(answer_s=time.perf_counter() - started)
        finally:
            process.terminate()
            process.wait()


def _ask_until_answered(port: int) -> None:
    for _ in range(_TRIES):
        with (
            contextlib.suppress(ConnectionRefusedError),
            socket.create_connection(("127.0.0.1", port)) as connection,
        ):
            connection.sendall(b"GET /file HTTP/1.0\r\n\r\n")
            if connection.recv(1024):
                return
        time.sleep(_PAUSE_SECONDS)
    raise Failed("nginx does not answer.")


def program(*statement: str) -> Started:
    """Let Python do something and end."""
    return Started(ready_s=measure([sys.executable, *statement], niceness=0).wall_s)


def command_line(source: Path, target: Path) -> Started:
    """Let FFmpeg make the same file."""
    command = ffmpeg.convert(source, target, *_OPTIONS, single=False)
    return Started(made_s=measure(command).wall_s)


def compare(source: Path, *, rounds: int) -> dict[str, list[Started]]:
    """Let each have its turn, round by round; one round before is not counted."""
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryDirectory() as folder:
        contenders: dict[str, Callable[[], Started]] = {
            _NEW: partial(edge, source, None),
            _USED: partial(edge, source, Path(data)),
            "python": partial(program, "-c", "pass"),
            _IMPORTS: partial(program, "-c", "import av, numpy"),
            "ffmpeg": partial(command_line, source, Path(folder) / "out.aac"),
        }
        if found := shutil.which("nginx"):
            contenders["nginx"] = partial(nginx, found)
        else:
            print("nginx is not installed, so it is left out.")
        started: dict[str, list[Started]] = {name: [] for name in contenders}
        for number in range(rounds + 1):
            for name, contender in contenders.items():
                one = contender()
                if number:
                    started[name].append(one)
    return started


def _goals(started: Mapping[str, Sequence[Started]]) -> list[Goal]:
    new, used = started[_NEW], started[_USED]
    goals = [
        Goal(what=f"{name}: start to ready", unit="s", values=_known([one.ready_s for one in done]))
        for name, done in ((_NEW, new), (_USED, used))
    ]
    floors = (
        ("ready", _IMPORTS, [one.ready_s for one in used]),
        ("first answer", "nginx", [one.answer_s for one in used]),
        (f"{SECONDS} s of AAC", "ffmpeg", [one.made_s for one in used]),
    )
    for what, floor, ours in floors:
        theirs = [one.ready_s or one.answer_s or one.made_s for one in started.get(floor, ())]
        if theirs:
            pairs = zip(_known(ours), _known(theirs), strict=True)
            name = f"{_USED}: {what}, times as long as {floor}"
            goals.append(Goal(what=name, unit="times", values=tuple(a / b for a, b in pairs)))
    return goals


def _known(values: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(value for value in values if value is not None)


def _cell(values: Sequence[float | None]) -> str:
    known = _known(values)
    return str(spread(known)) if known else ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="counted turns of each (5)")
    given, _ = parser.parse_known_args(arguments)
    facts = report.machine()
    started = compare(inputs.prepare(SECONDS, "mp3"), rounds=given.rounds)
    rows: list[tuple[str, ...]] = [("what", "ready s", "first answer s", f"{SECONDS} s of AAC s")]
    for name, done in started.items():
        ready = _cell([one.ready_s for one in done])
        answer = _cell([one.answer_s for one in done])
        rows.append((name, ready, answer, _cell([one.made_s for one in done])))
    print(f"From the start of the process, {given.rounds} rounds")
    print(report.table(rows))
    report.conclude("startup", facts, started, _goals(started))


if __name__ == "__main__":
    main()
