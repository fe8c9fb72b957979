"""
Jobs that do what their source says: its first word is the action, the rest its argument.

They run in real workers in place of the engine, and do what crafted media might make it do.
"""

from __future__ import annotations

import ctypes
import dataclasses
import errno
import fcntl
import mmap
import os
import platform
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable

from edge.sandbox.jobs import Jobs
from edge.sandbox.wire import MAX_PICTURE_BYTES, Progress, Surveyed, encode
from edge.sandbox.worker import CONTROL_DESCRIPTOR
from transforms.audio.tempo import Tempo
from transforms.plan import SourceFacts
from transforms.problems import Detail, UnsupportedMedia
from transforms.sources import Source

from .fake_renders import render

Document = dict[str, object]


def facts(*, samples: int) -> SourceFacts:
    return SourceFacts(
        container="wav",
        codec="pcm_s16le",
        sample_rate_hz=48_000,
        channels=2,
        frame_samples=None,
        samples=samples,
        exact=True,
    )


def survey(source: Source, *, track: int, exact: bool) -> SourceFacts:
    return facts(samples=source.size_bytes + 1000 * track + 10_000 * exact)


def probe(source: Source) -> Document:
    action, _, argument = source.read_at(0, 100).decode().partition(" ")
    return ACTIONS[action](source, argument)


def picture(source: Source, *, cover: bool) -> bytes:
    if not cover:
        return b"an icon of " + source.read_at(0, source.size_bytes)
    return PICTURES[source.read_at(0, source.size_bytes).decode()](source)


PICTURES: dict[str, Callable[[Source], bytes]] = {
    "a picture": lambda source: b"\xff\xd8" + bytes(range(256)),
    "the largest": lambda source: bytes(MAX_PICTURE_BYTES),
    "too large": lambda source: bytes(MAX_PICTURE_BYTES + 1),
    "deadly": lambda source: os.abort(),
}


def tempo(source: Source, *, track: int) -> Tempo | None:
    word = source.read_at(0, source.size_bytes).decode()
    if word == "still":
        return None
    return Tempo(bpm=float(word) + track, confidence=0.5)


def echo(source: Source, argument: str) -> Document:
    whole = source.read_at(0, source.size_bytes + 10)
    past = source.read_at(source.size_bytes + 5, 10)
    return {"whole": whole.decode(), "middle": source.read_at(5, 3).decode(), "past": past.decode()}


def measure(source: Source, argument: str) -> Document:
    return {"read": len(source.read_at(0, source.size_bytes)), "size": source.size_bytes}


def confess(source: Source, argument: str) -> Document:
    return {
        "limits": {
            name: resource.getrlimit(getattr(resource, name))[0]
            for name in ("RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_NOFILE")
        },
        "threads": threading.active_count(),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "descriptors": [number for number in range(1000) if is_open(number)],
        "environment": sorted(os.environ),
        "asyncio": "asyncio" in sys.modules,
    }


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def trespass(source: Source, argument: str) -> Document:
    """Do what *argument* names, and tell what came of it."""
    try:
        DEEDS[argument]()
    except OSError as refusal:
        return {"refused": errno.errorcode[refusal.errno or 0]}
    except ValueError as refusal:
        # Python's word for a limit that may not be changed.
        return {"refused": "EPERM" if "not allowed" in str(refusal) else str(refusal)}
    return {"refused": None}


def run_what_was_written() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def call(number: int, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")


DEEDS: dict[str, Callable[[], object]] = {
    "read a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "write a file": lambda: os.open("trespassed", os.O_WRONLY | os.O_CREAT),
    "list a folder": lambda: os.listdir("/"),
    "look at a file": lambda: os.stat("/etc/passwd"),
    "remove a file": lambda: os.unlink("trespassed"),
    "look at itself": lambda: os.open("/proc/self/mem", os.O_RDWR),
    "change folders": lambda: os.chdir("/"),
    "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40)),
    "run what was written": run_what_was_written,
    "be nicer to itself": lambda: os.setpriority(os.PRIO_PROCESS, 0, -5),
    "undo the filter": lambda: call(157 if platform.machine() == "x86_64" else 167, 22, 0, 0),
    "have a signal sent": lambda: fcntl.fcntl(CONTROL_DESCRIPTOR, fcntl.F_SETOWN, os.getppid()),
    "make a socket": socket.socket,
    "make a pair of sockets": socket.socketpair,
    "fork": os.fork,
    "run a program": lambda: os.execv("/bin/true", ["true"]),
    "kill its parent": lambda: os.kill(os.getppid(), signal.SIGTERM),
    "trace its parent": lambda: call(101 if platform.machine() == "x86_64" else 117, 16, 1),
    "make a descriptor of its parent": lambda: os.pidfd_open(os.getppid()),
    "end itself": lambda: signal.raise_signal(signal.SIGUSR1),
}


def abort(source: Source, argument: str) -> Document:
    os.abort()


def segfault(source: Source, argument: str) -> Document:
    ctypes.string_at(0)
    raise AssertionError


def spin(source: Source, argument: str) -> Document:
    while True:
        pass


def sleep(source: Source, argument: str) -> Document:
    time.sleep(1e6)
    raise AssertionError


def quit_early(source: Source, argument: str) -> Document:
    os._exit(int(argument))


def allocate(source: Source, argument: str) -> Document:
    return {"allocated": len(bytearray(4 << 30))}


def refuse(source: Source, argument: str) -> Document:
    details: dict[str, Detail] = {"codec": "speex", "tried": ["a", "b"], "at": 0.5}
    raise UnsupportedMedia("No decoder. " + "x" * 1000, details=details)


def stumble(source: Source, argument: str) -> Document:
    raise ValueError("the secret detail\x1b[31m")


def chatter(source: Source, argument: str) -> Document:
    os.write(2, b"a line of a library\n" * 1000)
    return {}


def say(source: Source, argument: str) -> Document:
    os.write(CONTROL_DESCRIPTOR, bytes.fromhex(argument))
    return sleep(source, argument)


def answer_another_job(source: Source, argument: str) -> Document:
    os.write(CONTROL_DESCRIPTOR, encode(Surveyed(facts=facts(samples=1))))
    return sleep(source, argument)


def report_progress(source: Source, argument: str) -> Document:
    os.write(CONTROL_DESCRIPTOR, encode(Progress(fraction=0.5)))
    return sleep(source, argument)


def flood(source: Source, argument: str) -> Document:
    frames = encode(Progress(fraction=0.5)) * 100
    while True:
        os.write(CONTROL_DESCRIPTOR, frames)


def hang_up(source: Source, argument: str) -> Document:
    os.close(CONTROL_DESCRIPTOR)
    return spin(source, argument)


def answer_at_length(source: Source, argument: str) -> Document:
    return {"long": "x" * (2 << 20)}


def ask_past_the_end(source: Source, argument: str) -> Document:
    source.size_bytes += 10  # type: ignore[misc]
    return echo(source, argument)


ACTIONS: dict[str, Callable[[Source, str], Document]] = {
    function.__name__: function
    for function in (
        echo,
        measure,
        confess,
        trespass,
        abort,
        segfault,
        spin,
        sleep,
        quit_early,
        allocate,
        refuse,
        stumble,
        chatter,
        say,
        answer_another_job,
        report_progress,
        flood,
        hang_up,
        answer_at_length,
        ask_past_the_end,
    )
}


def warm() -> None:
    """Nothing to warm; a zygote that cannot warm up is tested with ``BROKEN``."""


def break_down() -> None:
    raise RuntimeError("cannot warm up")


def start_a_thread() -> None:
    threading.Thread(target=signal.pause, daemon=True).start()


JOBS = Jobs(warm=warm, survey=survey, probe=probe, picture=picture, tempo=tempo, render=render)
BROKEN = dataclasses.replace(JOBS, warm=break_down)
THREADED = dataclasses.replace(JOBS, warm=start_a_thread)
