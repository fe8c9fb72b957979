"""
Start ``audio-edge`` in processes that have loaded its code already.

Loading takes longer than most tests, and is the same for each of them. So one process loads it,
and forks whenever a server or another verb is wanted; what is forked has arguments, environment,
folder and output of its own, and ends as any other process does.

Run as ``python -m tests.e2e.launcher DESCRIPTOR`` by ``launch``.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import resource
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from edge.cli import run

ROOT = Path(__file__).parents[2]
_MOST_BYTES = 1 << 17
_ONE_AT_A_TIME = threading.Lock()


class Launched:
    """A process of the launcher's, with what ``subprocess.Popen`` offers that tests use."""

    def __init__(self, pid: int, report: IO[bytes]) -> None:
        self.pid = pid
        self._report = report
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal's, or None while it runs."""
        return self._ended_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit status."""
        status = self._ended_within(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def _ended_within(self, seconds: float | None) -> int | None:
        if self._status is None and select.select([self._report], [], [], seconds)[0]:
            self._status = int(self._report.readline())
            self._report.close()
        return self._status


def launch(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    out: IO[bytes],
    err: IO[bytes],
) -> Launched:
    """Start ``audio-edge`` with *arguments* in *folder*."""
    wanted = {"arguments": [*arguments], "environment": {**environment}, "folder": str(folder)}
    reading, writing = os.pipe()
    try:
        with _ONE_AT_A_TIME:
            descriptors = [out.fileno(), err.fileno(), writing]
            socket.send_fds(_launcher(), [json.dumps(wanted).encode()], descriptors)
    finally:
        os.close(writing)
    report = os.fdopen(reading, "rb", buffering=0)
    return Launched(int(report.readline()), report)


@cache
def _launcher() -> socket.socket:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(its.fileno())],
            stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "PYTHONWARNINGS": "default"},
            cwd=ROOT,
            pass_fds=[its.fileno()],
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A process that was asked for, and the descriptors that came along."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    out: int
    err: int
    report: int

    @classmethod
    def received(cls, link: socket.socket) -> _Wanted | None:
        """Receive the next one; None when nobody is left to ask."""
        message, descriptors, _, _ = socket.recv_fds(link, _MOST_BYTES, 3)
        if not message:
            return None
        out, err, report = descriptors
        return cls(**json.loads(message), out=out, err=err, report=report)

    def begun(self, pid: int) -> int:
        """Tell whoever asked the pid, and return where the exit status is told."""
        os.close(self.out)
        os.close(self.err)
        os.write(self.report, b"%d\n" % pid)
        return self.report

    def become(self) -> None:
        """Be that process, and take nothing along but the code."""
        os.dup2(self.out, 1)
        os.dup2(self.err, 2)
        os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        os.environ.clear()
        os.environ.update(self.environment)
        os.chdir(self.folder)


def _fork_until_the_end(link: socket.socket) -> _Wanted | None:
    """Return None at the end, and in each forked process what it is to become."""
    with link, selectors.DefaultSelector() as selector:
        selector.register(link, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not link:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    _tell_end(*key.data)
                elif (wanted := _Wanted.received(link)) is None:
                    return None
                elif (pid := os.fork()) == 0:
                    return wanted
                else:
                    told = (pid, wanted.begun(pid))
                    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, told)


def _tell_end(pid: int, report: int) -> None:
    _, status = os.waitpid(pid, 0)
    # Nobody listens any more if it was not waited for.
    with contextlib.suppress(BrokenPipeError):
        os.write(report, b"%d\n" % os.waitstatus_to_exitcode(status))
    os.close(report)


def main() -> int:
    """Load the server, and fork; in what was forked, run what it was forked for."""
    importlib.import_module("edge.cli.serving")
    # Objects that no collection touches stay shared.
    gc.collect()
    gc.freeze()
    wanted = _fork_until_the_end(socket.socket(fileno=int(sys.argv[1])))
    if wanted is None:
        return 0
    wanted.become()
    return run(wanted.arguments)


if __name__ == "__main__":
    sys.exit(main())
