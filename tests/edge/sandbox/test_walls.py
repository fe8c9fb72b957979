"""What a worker that was taken over can still do, tried from within real workers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.sandbox import landlock, lockdown
from edge.sandbox.pool import Sandbox
from edge.sandbox.problems import WorkerDied
from edge.sandbox.wire import Walls

from .doubles import AMPLE, LocalReader

Local = Callable[[str], LocalReader]

REFUSED = (
    *("read a file", "write a file", "list a folder", "look at a file", "remove a file"),
    *("look at itself", "change folders", "raise a limit", "run what was written"),
    *("be nicer to itself", "undo the filter", "have a signal sent"),
)
FATAL = (
    *("make a socket", "make a pair of sockets", "fork", "run a program", "kill its parent"),
    *("trace its parent", "make a descriptor of its parent"),
)

walled = pytest.mark.skipif(
    lockdown.examine().level != "full", reason="this kernel lacks Landlock or seccomp"
)


@walled
@pytest.mark.parametrize("deed", REFUSED)
async def test_what_libraries_may_try_is_refused(sandbox: Sandbox, local: Local, deed: str) -> None:
    told = await sandbox.probe(local(f"trespass {deed}"), deadline_seconds=AMPLE)

    assert told["refused"] in ("EACCES", "EPERM")


@walled
@pytest.mark.parametrize("deed", FATAL)
async def test_what_no_honest_worker_does_ends_it(
    sandbox: Sandbox, local: Local, deed: str
) -> None:
    with pytest.raises(WorkerDied) as caught:
        await sandbox.probe(local(f"trespass {deed}"), deadline_seconds=AMPLE)

    assert caught.value.signal_number == signal.SIGSYS
    # The next one is served, by the same zygote.
    assert await sandbox.probe(local("echo on"), deadline_seconds=AMPLE)


async def test_a_worker_may_end_itself(sandbox: Sandbox, local: Local) -> None:
    with pytest.raises(WorkerDied) as caught:
        await sandbox.probe(local("trespass end itself"), deadline_seconds=AMPLE)

    assert caught.value.signal_number == signal.SIGUSR1


async def test_the_sandbox_says_what_its_walls_are(sandbox: Sandbox) -> None:
    assert sandbox.walls == await asyncio.to_thread(lockdown.examine)
    assert sandbox.walls is not None
    assert sandbox.walls.landlock == landlock.available()


@pytest.mark.parametrize(
    ("walls", "level", "words"),
    [
        (Walls(landlock=7, seccomp=True), "full", "Landlock 7"),
        (Walls(landlock=0, seccomp=True), "partial", "no Landlock"),
        (Walls(landlock=1, seccomp=False), "partial", "no filter of system calls"),
        (Walls(landlock=0, seccomp=False), "limits", "no filter of system calls"),
    ],
)
def test_the_level_sums_the_walls_up(walls: Walls, level: str, words: str) -> None:
    assert walls.level == level
    assert words in str(walls)


def test_root_is_nobody_special_afterwards() -> None:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        lockdown.drop_capabilities()
        os.write(writing, Path("/proc/self/status").read_bytes())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as end:
        status = dict(line.split(":\t", 1) for line in end.read(3000).splitlines() if ":\t" in line)
    os.waitpid(pid, 0)

    for held in ("CapEff", "CapPrm", "CapInh"):
        assert int(status[held], 16) == 0
