"""
The process that workers are forked from: warm, idle and single-threaded.

A warm interpreter takes 150 ms to start and 1.2 ms to fork (measured; 3.5 ms for a whole trivial
job, to its reaping). Forked children get copies of every lock but only of the thread that forked,
so a lock that another thread held at that instant is held for ever in the child: hence no thread
may live here, not even an idle one, and the zygote refuses to start if a library has begun one.
It never touches media, so nothing a crafted file does can outlive the worker that read it.

Run as ``python -m edge.sandbox.zygote DESCRIPTOR --parent PID`` by ``nursery``.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import selectors
import socket
import time
from dataclasses import dataclass

from edge.sandbox import lockdown, wire, worker
from edge.sandbox.blocking_channel import BlockingChannel
from edge.sandbox.jobs import ENGINE, Jobs, load

# Far more than it takes: a machine may be busy.
_THREAD_ENDS_WITHIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    ticket: int
    pid: int
    pidfd: int


class Zygote:
    """Forks a worker for each request and tells the server how each of them ended."""

    def __init__(self, link: BlockingChannel[wire.ToZygote], jobs: Jobs) -> None:
        self._link = link
        self._jobs = jobs
        # Waiting on pidfds needs no SIGCHLD handler, which a worker would inherit.
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Work until the server closes its end."""
        self._link.send(wire.Ready(walls=lockdown.examine()))
        self._selector.register(self._link, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if isinstance(key.data, _Child):
                    self._reap(key.data)
                else:
                    for request, descriptors in self._link.receive_waiting():
                        self._fork(request.ticket, *descriptors)

    def _fork(self, ticket: int, control: int) -> None:
        zygote_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError as problem:
            os.close(control)
            self._link.send(wire.NotSpawned(ticket=ticket, reason=str(problem)))
            return
        if pid == 0:
            worker.live(control, self._jobs, zygote_pid)
        os.close(control)
        # Nobody else reaps here, so the pid is still the child's even if it ended meanwhile.
        child = _Child(ticket=ticket, pid=pid, pidfd=os.pidfd_open(pid))
        self._selector.register(child.pidfd, selectors.EVENT_READ, child)
        self._link.send(wire.Spawned(ticket=ticket, pid=pid), [child.pidfd])

    def _reap(self, child: _Child) -> None:
        self._selector.unregister(child.pidfd)
        os.close(child.pidfd)
        _, status = os.waitpid(child.pid, 0)
        self._link.send(wire.Exited(ticket=child.ticket, pid=child.pid, status=status))


def main() -> None:
    """Warm up, then serve the link given on the command line."""
    parser = argparse.ArgumentParser(prog="edge.sandbox.zygote")
    parser.add_argument("link", type=int, help="descriptor of the socket to the server")
    parser.add_argument("--parent", type=int, required=True, help="pid of the server")
    parser.add_argument("--jobs", default=ENGINE, help="module:attribute of the job table")
    arguments = parser.parse_args()
    lockdown.die_with_parent(arguments.parent)
    faulthandler.enable()
    jobs = load(arguments.jobs)
    jobs.warm()
    _require_one_thread()
    # Frozen objects are not touched by collections, so their pages stay shared with workers.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=arguments.link) as end:
        link = BlockingChannel(end, wire.TO_ZYGOTE)
        try:
            Zygote(link, jobs).serve()
        except wire.ChannelClosed:
            # The server is gone or done with us; the kernel ends the workers with this process.
            return


def _require_one_thread() -> None:
    # A thread that was joined is listed until the kernel has put it away, a moment later.
    deadline = time.monotonic() + _THREAD_ENDS_WITHIN_SECONDS
    while (threads := len(os.listdir("/proc/self/task"))) != 1:
        if time.monotonic() > deadline:
            raise RuntimeError(f"a zygote must not fork with {threads} threads")
        time.sleep(0.001)


if __name__ == "__main__":
    main()
