"""An edge of one's own: started for a bench, asked over HTTP, and ended with it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.harness import Failed, Run, confine

ACCOUNT = "W142hJk"
READY = "ready "

_SECRET_KEY = f"secret_{ACCOUNT}SecretForBenchesOnly"
_STOP_SECONDS = 15.0
_PATIENCE_SECONDS = 300
_QUIET_SECONDS = 0.05
_PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running edge."""

    host: str
    port: int
    pid: int

    @contextlib.contextmanager
    def connected(self) -> Iterator[http.client.HTTPConnection]:
        """Open a connection for some requests."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_PATIENCE_SECONDS)
        try:
            yield connection
        finally:
            connection.close()

    def fetch(self, path: str) -> int:
        """
        Ask for a transform, wait until it is made, and read the artifact; return its size.

        Raises:
            Failed: The job failed, or an answer is not what it should be.
        """
        with self.connected() as connection:
            prefer = {"Prefer": "wait=30"}
            while (job := json.loads(get(connection, path, prefer)))["status"] == "Running":
                pass
            if job["status"] != "Succeeded":
                raise Failed(f"{path}: {job}")
            parts = urlsplit(job["summary"]["result"]["artifactUrl"])
            return len(get(connection, f"{parts.path}?{parts.query}".rstrip("?")))

    def cancel_all(self) -> None:
        """Cancel what is being made, and return when the machine has been let go of."""
        jobs = f"/v2/accounts/{ACCOUNT}/jobs"
        with self.connected() as connection:
            while running := self._running(connection, jobs):
                for number in running:
                    path = f"{jobs}/ProcessFileJob/{number}"
                    get(connection, path, _BEARER, method="DELETE")
        used = self.cpu_s()
        while True:
            time.sleep(_QUIET_SECONDS)
            now = self.cpu_s()
            if now - used < _QUIET_SECONDS / 4:
                return
            used = now

    def _running(self, connection: http.client.HTTPConnection, jobs: str) -> list[str]:
        listed = json.loads(get(connection, f"{jobs}?jobType=ProcessFileJob", _BEARER))["items"]
        return [str(job["jobId"]) for job in listed if job["status"] in ("Running", "Pending")]

    def cpu_s(self) -> float:
        """Sum up what it and all below it have used, the ended ones that were waited for too."""
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
        waiting = [self.pid]
        while waiting:
            current = waiting.pop()
            ticks += used.get(current, 0)
            waiting += parents.get(current, [])
        return ticks / os.sysconf("SC_CLK_TCK")


_BEARER = {"Authorization": f"Bearer {_SECRET_KEY}"}
# Jobs are cancelled all the time, which is worth a line each.
SETTINGS = {"EDGE_BOOTSTRAP_SECRET_KEY": _SECRET_KEY, "EDGE_LOG_LEVEL": "warning"}


def get(
    connection: http.client.HTTPConnection,
    path: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
) -> bytes:
    """
    Send a request, and return the body of an answer that is 200.

    Raises:
        Failed: It is another.
    """
    connection.request(method, path, headers=dict(headers or {}))
    answer = connection.getresponse()
    content = answer.read()
    if answer.status not in (200, 204):
        raise Failed(f"{method} {path} answered {answer.status}: {content[:500]!r}")
    return content


def cold(server: Server, path: str) -> Run:
    """Time one request for a transform that was never asked for before."""
    used = server.cpu_s()
    started = time.perf_counter()
    server.fetch(path)
    wall = time.perf_counter() - started
    return Run(wall_s=wall, cpu_s=server.cpu_s() - used, peak_bytes=0)


@contextlib.contextmanager
def serving(root: Path, *, core: int | None, data: Path | None = None) -> Iterator[Server]:
    """
    Start an edge at a free port, and stop it afterwards.

    Args:
        root: The folder whose files it serves.

        core: The only core it may use; ``None`` for all of this process.

        data: Its store; an empty one of its own by default.
    """
    with contextlib.ExitStack() as stack:
        store = data or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        process = subprocess.Popen(
            serve_command(root, store),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | SETTINGS,
            preexec_fn=lambda: confine(core, 0),
        )
        try:
            yield when_ready(process)
        finally:
            end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Ask a process to end, and see to it."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    finally:
        process.kill()
        if process.stdout is not None:
            process.stdout.close()


def serve_command(root: Path, data: Path) -> list[str]:
    """Spell how an edge is started at a free port."""
    command = [sys.executable, "-m", "edge", "serve", "--port", "0"]
    return [*command, "--root", str(root), "--data", str(data)]


def when_ready(process: subprocess.Popen[str]) -> Server:
    """Wait until an edge says where it listens; raises ``Failed`` if it ends instead."""
    assert process.stdout is not None
    ready = next((line for line in process.stdout if line.startswith(READY)), None)
    if ready is None:
        raise Failed(f"The server ended with {process.wait()}.")
    address = urlsplit(ready.removeprefix(READY).strip())
    assert address.hostname is not None and address.port is not None
    return Server(host=address.hostname, port=address.port, pid=process.pid)


def first_uri(playlist: str) -> str:
    """Find the first URI of a playlist."""
    return next(line for line in playlist.splitlines() if line and not line.startswith("#"))


def segment_at(playlist: str, seconds: float) -> str:
    """Find the segment that plays at an instant."""
    at, lasts = 0.0, 0.0
    for line in playlist.splitlines():
        if line.startswith("#EXTINF:"):
            lasts = float(line.removeprefix("#EXTINF:").partition(",")[0])
        elif line and not line.startswith("#"):
            at += lasts
            if at > seconds:
                return line
    raise Failed(f"The playlist ends after {at:g} s.")
