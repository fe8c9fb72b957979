"""
The server's side of one zygote: starting it, asking it for workers, learning how they ended.

A ``Nursery`` lives as long as its zygote process and is never restarted; ``pool`` makes a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
from typing import Any

from edge.sandbox import wire
from edge.sandbox.async_channel import AsyncChannel, readable
from edge.sandbox.problems import WorkerDied, ZygoteLost
from edge.sandbox.worker_log import WorkerLog

# Everything else of the server's environment (secrets above all) stays with the server.
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TMPDIR")

# One thread of OpenBLAS, because a zygote must have none beside its own; two arenas, because each
# one reserves 64 MiB of the address space that RLIMIT_AS counts.
SET_VARIABLES = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}

START_SECONDS = 60.0


class Child:
    """A worker as the server sees it: a control channel and a way to end it."""

    def __init__(self, control: AsyncChannel[wire.FromWorker]) -> None:
        loop = asyncio.get_running_loop()
        self.control = control
        self.pid = 0
        self.born: asyncio.Future[WorkerDied | None] = loop.create_future()
        self.gone: asyncio.Future[WorkerDied] = loop.create_future()
        self._pidfd: int | None = None
        self._unwanted = False

    def kill(self) -> None:
        """Kill the worker now, or as soon as it turns out to exist; harmless once it has ended."""
        self._unwanted = True
        if self._pidfd is not None:
            # Through a pidfd, because a pid may meanwhile be somebody else's.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def end(self) -> None:
        """Kill the worker, drop the channel and wait until the process is reaped."""
        self.kill()
        self.control.close()
        await asyncio.shield(self.gone)

    def was_born(self, pid: int, pidfd: int) -> None:
        """Take over *pidfd*; a worker that nobody wants any more is killed at birth."""
        self.pid, self._pidfd = pid, pidfd
        if self._unwanted:
            self.kill()
        if not self.born.done():
            self.born.set_result(None)

    def has_ended(self, how: WorkerDied) -> None:
        """Let those who wait for the worker know that it is reaped."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        for future in (self.born, self.gone):
            if not future.done():
                future.set_result(how)

    async def was_orphaned(self) -> None:
        """Make sure that the worker is gone although nobody is left to report it."""
        self.kill()
        if self._pidfd is not None:
            await readable(self._pidfd)
        self.has_ended(ZygoteLost())


class Nursery:
    """One running zygote and its workers."""

    def __init__(self, process: subprocess.Popen[bytes], link: socket.socket, log: int) -> None:
        self._process = process
        self._pidfd = os.pidfd_open(process.pid)
        self._link = AsyncChannel(link, wire.FROM_ZYGOTE, takes_descriptors=True)
        self._log = WorkerLog(log)
        self._sending = asyncio.Lock()
        self._tickets = itertools.count(1)
        self._children: dict[int, Child] = {}
        self._ready: asyncio.Future[wire.Walls] = asyncio.get_running_loop().create_future()
        self._lost = False
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, jobs: str) -> Nursery:
        """
        Start a zygote with the job table *jobs* and wait until it is warm.

        Raises:
            ZygoteLost: It ended before, or was not warm after ``START_SECONDS``.
        """
        ours, theirs = socket.socketpair()
        log, stderr = os.pipe()
        try:
            # In this thread and not in a helper, because the death of the thread that forks it is
            # what the kernel takes for the parent's.
            process = subprocess.Popen(
                _command(theirs.fileno(), jobs),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env=_environment(),
            )
        except BaseException:
            ours.close()
            os.close(log)
            raise
        finally:
            theirs.close()
            os.close(stderr)
        nursery = cls(process, ours, log)
        try:
            await nursery._warm()
        except BaseException:
            await nursery.close()
            raise
        return nursery

    @property
    def alive(self) -> bool:
        """Whether workers can still be asked for."""
        return self._ready.done() and not self._lost

    @property
    def walls(self) -> wire.Walls:
        """Tell what its workers are locked in by, as tried at its start."""
        return self._ready.result()

    @property
    def pid(self) -> int:
        """Tell the zygote's pid."""
        return self._process.pid

    async def spawn(self) -> Child:
        """
        Have a worker forked.

        Raises:
            ZygoteLost: There is no zygote any more; no worker has been given work.

            WorkerDied: The zygote could not fork.
        """
        if not self.alive:
            raise ZygoteLost
        ours, theirs = socket.socketpair()
        child = Child(AsyncChannel(ours, wire.FROM_WORKER))
        ticket = next(self._tickets)
        self._children[ticket] = child
        try:
            with theirs:
                async with self._sending:
                    await self._link.send(wire.Spawn(ticket=ticket), [theirs.fileno()])
        except BaseException as problem:
            # Nothing or only a part has left, so no worker will be forked for it.
            self._children.pop(ticket, None)
            child.control.close()
            if isinstance(problem, wire.ChannelClosed):
                await asyncio.shield(self._listening)
                raise ZygoteLost from problem
            raise
        try:
            stillborn = await asyncio.shield(child.born)
        except asyncio.CancelledError:
            await child.end()
            raise
        if stillborn is not None:
            child.control.close()
            raise stillborn
        return child

    async def close(self) -> None:
        """Kill the workers and the zygote; return when all of them are gone."""
        for child in self._children.values():
            child.kill()
        self._process.kill()
        # The broken link ends the listening task, which cleans up.
        await asyncio.shield(self._listening)

    async def _warm(self) -> None:
        either: list[asyncio.Future[Any]] = [self._ready, self._listening]
        await asyncio.wait(
            either,
            timeout=START_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not self.alive:
            raise ZygoteLost("its zygote did not start")

    async def _listen(self) -> None:
        try:
            while True:
                self._hear(*await self._link.receive())
        except (wire.ChannelClosed, wire.Malformed):
            # Dead, or as good as dead.
            pass
        finally:
            self._lost = True
            self._process.kill()
            await readable(self._pidfd)
            self._process.wait()
            os.close(self._pidfd)
            for child in list(self._children.values()):
                await child.was_orphaned()
            self._children.clear()
            self._link.close()
            self._log.close()

    def _hear(self, message: wire.FromZygote, descriptors: list[int]) -> None:
        match message:
            case wire.Ready(walls=walls):
                self._ready.set_result(walls)
            case wire.Spawned(ticket=ticket, pid=pid):
                self._children[ticket].was_born(pid, *descriptors)
            case wire.NotSpawned(ticket=ticket, reason=reason):
                self._children.pop(ticket).has_ended(WorkerDied(f"could not be forked: {reason}"))
            case wire.Exited(ticket=ticket, status=status):
                self._children.pop(ticket).has_ended(WorkerDied.of_wait_status(status))


def _command(link: int, jobs: str) -> list[str]:
    module = ["-m", "edge.sandbox.zygote", str(link)]
    return [sys.executable, "-P", *module, "--parent", str(os.getpid()), "--jobs", jobs]


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    # The modules of the server and no others, wherever it was started.
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    return {**kept, **SET_VARIABLES, "PYTHONPATH": path}
