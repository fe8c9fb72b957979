"""A real ``audio-edge serve`` in a process of its own, and a client that sends what it is told."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tests.e2e.launcher import Launched, launch
from tests.support.migrated import migrated

ACCOUNT = "W142hJk"
SECRET_KEY = f"secret_{ACCOUNT}SecretForTestsOnly"
PUBLIC_KEY = f"public_{ACCOUNT}PublicForTestsOnly"
PUBLIC_URL = "https://audio.example"
BEARER = {"Authorization": f"Bearer {SECRET_KEY}"}

# Generous, because machines that test are busy; nothing is measured with it.
PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> dict[str, Any]:
        """The error's code, message and details."""
        return dict(self.json()["error"])


def until(settled: Callable[[], Any], what: str = "this to happen") -> Any:
    """Ask again until the answer is true, and return it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := settled()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)
    return found


class Edge:
    """One installation: its folders and settings, and the process that serves it, if any does."""

    def __init__(
        self, folder: Path, *, name: str = "first", fresh: bool = False, **settings: str
    ) -> None:
        """
        Prepare; another *name* is another process on the same folders.

        Only a *fresh* installation begins as a user's does: without a data folder, and with
        processes that load all of the code for themselves.
        """
        self.root = folder / "media"
        self.data = folder / "data"
        self.root.mkdir(parents=True, exist_ok=True)
        self._out = folder / f"{name}.out"
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | Launched | None = None
        self._fresh = fresh
        self._address = ("", 0)
        if not fresh and "EDGE_DATABASE_URL" not in settings:
            self._furnish_records()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONWARNINGS": "default",
            "EDGE_ROOT": str(self.root),
            "EDGE_DATA": str(self.data),
            "EDGE_BOOTSTRAP_SECRET_KEY": SECRET_KEY,
            "EDGE_BOOTSTRAP_PUBLIC_KEY": PUBLIC_KEY,
            **settings,
        }

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def port(self) -> int:
        return self._address[1]

    def beside(self, name: str) -> Edge:
        """Prepare another process on the same folders, with the same settings."""
        return Edge(self.root.parent, name=name, fresh=self._fresh, **self.environment)

    @property
    def log(self) -> str:
        """All that was ever written to standard error."""
        return self._log.read_text() if self._log.exists() else ""

    def put(self, path: str, content: bytes) -> None:
        """Write a media file."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def start(self, *verb: str) -> Edge:
        """Start serving, and wait until requests are answered."""
        arguments = verb or ("serve", "--port", "0")
        with self._out.open("wb") as out, self._log.open("ab") as log:
            self._process = self._launch(arguments, out, log)
        ready = until(self._ready_line, "the server to be ready")
        if ready.startswith("http"):
            parts = urlsplit(ready)
            self._address = (parts.hostname or "", parts.port or 0)
        return self

    def kill(self) -> None:
        """Kill the process as the kernel would, without a word."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask the process to end as an operator would, and return its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_SECONDS)

    def end(self) -> None:
        """Make sure that nothing is left running."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another verb on this installation."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            status = self._launch(arguments, out, err).wait(PATIENCE_SECONDS)
            out.seek(0)
            err.seek(0)
            said = out.read().decode(), err.read().decode()
        return subprocess.CompletedProcess(arguments, status, *said)

    def send(
        self,
        target: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Answer:
        """Send one request whose target is exactly as given."""
        connection = http.client.HTTPConnection(*self._address, timeout=patience_seconds)
        with contextlib.closing(connection):
            connection.request(method, target, body=body, headers=dict(headers or {}))
            with connection.getresponse() as response:
                return Answer(
                    status=response.status, headers=response.headers, body=response.read()
                )

    def audio(self, rest: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a GET for ``/W142hJk/audio/{rest}``."""
        return self.send(f"/{ACCOUNT}/audio/{rest}", headers)

    def api(self, rest: str, *, method: str = "GET", body: object = None) -> Answer:
        """Send a request to ``/v2/accounts/W142hJk{rest}`` with the secret key."""
        content = None if body is None else json.dumps(body).encode()
        return self.send(f"/v2/accounts/{ACCOUNT}{rest}", BEARER, method=method, body=content)

    def settled(self, rest: str) -> dict[str, Any]:
        """Poll a transform until its job runs no more, and return the job."""

        def poll() -> dict[str, Any] | None:
            answer = self.audio(rest, {"Prefer": "wait=5"})
            assert answer.status == 200, answer.body
            job = answer.json()
            return None if job["status"] == "Running" else job

        return dict(until(poll, f"{rest} to settle"))

    def made(self, rest: str) -> bytes:
        """Let a transform be made and return its artifact."""
        job = self.settled(rest)
        assert job["status"] == "Succeeded", job
        answer = self.send(
            urlsplit(job["summary"]["result"]["artifactUrl"])
            ._replace(scheme="", netloc="")
            .geturl()
        )
        assert answer.status == 200, answer.body
        return answer.body

    def jobs(self) -> list[dict[str, Any]]:
        """List the newest transform jobs."""
        return list(self.api("/jobs?jobType=ProcessFileJob").json()["items"])

    def entries(self) -> list[dict[str, Any]]:
        """List the newest ledger entries."""
        return list(self.api("/usage/entries").json()["items"])

    def usage(self) -> dict[str, Any]:
        """Return this month's usage."""
        return dict(self.api("/usage").json())

    def staged(self) -> list[Path]:
        """List the files that lie in staging."""
        return [path for path in (self.data / "staging").rglob("*") if path.is_file()]

    def processes(self) -> dict[int, str]:
        """List the living descendants of the server by pid, with their command lines."""
        return {pid: _command_of(pid) for pid in _descendants(self.pid)}

    def _launch(
        self, arguments: Sequence[str], out: IO[bytes], err: IO[bytes]
    ) -> subprocess.Popen[bytes] | Launched:
        folder = self.root.parent
        if not self._fresh:
            return launch(arguments, environment=self.environment, folder=folder, out=out, err=err)
        return subprocess.Popen(
            [sys.executable, "-m", "edge", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=self.environment,
            cwd=folder,
        )

    def _furnish_records(self) -> None:
        database = self.data / "edge.sqlite3"
        if not database.exists():
            self.data.mkdir(exist_ok=True)
            database.write_bytes(migrated())

    def _ready_line(self) -> str | None:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        for line in self._out.read_text().splitlines():
            if line.startswith("ready "):
                return line.removeprefix("ready ")
        return None


@contextlib.contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Edge]:
    """Serve an installation below *folder* until the block ends."""
    edge = Edge(folder, **settings)
    try:
        yield edge.start()
    finally:
        edge.end()


def _descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *_descendants(child)]
    return found


def _command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    return ""
