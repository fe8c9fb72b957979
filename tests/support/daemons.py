"""
Programs that tests start: on ports of their own, and never left behind.

A child is tied to the process that started it: the kernel ends it when that one is gone, however
it went, even if nobody had the time to end anything.
"""

from __future__ import annotations

import contextlib
import ctypes
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

LOOPBACK = "127.0.0.1"
PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.02
_LOWEST_PORT = 20_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class DaemonFailed(Exception):
    """A program ended, or did not answer in time; the message has its last words."""


def free_port() -> int:
    """
    Find a port that is free, below those that the kernel gives to outgoing connections.

    So nobody else's connection can come to lie on it before its server does; another server
    might, and then ours ends at once and is started anew with another port.
    """
    end = int(_EPHEMERAL.read_text().split()[0]) if _EPHEMERAL.exists() else 32_768
    while True:
        port = random.randrange(_LOWEST_PORT, max(end, _LOWEST_PORT + 1_000))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


def start_tied(
    arguments: Sequence[str | Path],
    *,
    log: Path,
    user: str | None = None,
    last_signal: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """
    Start a program in the foreground that ends with the calling process.

    Args:
        log: What it says is appended here.
        user: As whom it runs; None is as oneself.
        last_signal: What the kernel sends it when the calling thread is gone.
    """

    def tie() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, last_signal)

    with log.open("ab") as words:
        return subprocess.Popen(
            [str(each) for each in arguments],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            cwd="/",
            start_new_session=True,
            # Whoever changes its user loses the tie, so it is tied afterwards, which is here.
            preexec_fn=tie,
            **_identity(user),
        )


def run(arguments: Sequence[str | Path], *, user: str | None = None) -> str:
    """
    Run a program to its end and return what it said.

    Raises:
        DaemonFailed: Its status is not 0, or it does not come to an end.
    """
    try:
        done = subprocess.run(
            [str(each) for each in arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            timeout=PATIENCE_SECONDS,
            **_identity(user),
        )
    except subprocess.TimeoutExpired as hanging:
        raise DaemonFailed(f"{arguments[0]} hangs: {hanging.stderr!r}") from hanging
    if done.returncode != 0:
        raise DaemonFailed(f"{arguments[0]} ended with {done.returncode}: {done.stderr[-2_000:]}")
    return done.stdout


def _identity(user: str | None) -> dict[str, object]:
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


def wait_for(answers: Callable[[], bool], daemon: subprocess.Popen[bytes], log: Path) -> None:
    """
    Wait until a daemon answers.

    Raises:
        DaemonFailed: It ended instead, or the time is up.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not answers():
        ended = daemon.poll()
        if ended is not None or time.monotonic() > deadline:
            last_words = log.read_text(errors="replace")[-2_000:]
            raise DaemonFailed(f"{daemon.args!r} ({ended=}) does not answer: {last_words}")
        time.sleep(_PAUSE_SECONDS)


def is_listening(port: int) -> bool:
    """Tell whether a connection to a port of this machine is taken."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def end(daemon: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """End a program with a signal, and by force if it does not heed that."""
    daemon.send_signal(how)
    try:
        daemon.wait(10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
