"""
What a worker gives up before it touches the first hostile byte.

Two walls and a fence: ``seccomp`` leaves it the system calls that computing takes, ``landlock``
the files that are open already, and resource limits bound what it uses. All of it is inherited by
nothing but the worker's own threads and ends with the process. A kernel that lacks a wall is used
without it, and the node says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
import struct
from typing import NoReturn

import msgspec

from edge.sandbox import landlock, seccomp
from edge.sandbox.wire import Walls, WorkerLimits

# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38

# <linux/capability.h>, version 3: the calling process, and three sets of 64 bits.
_CAPABILITY_HEADER = struct.pack("=Ii", 0x20080522, 0)
_CAPABILITY_SETS_BYTES = 24

_LIBC = ctypes.CDLL(None, use_errno=True)

# Limits that no process that may ask has passed already.
_TRIAL = WorkerLimits(
    address_space_bytes=1 << 46, cpu_seconds=1000, file_bytes=0, open_files=4096, nice=0
)
_LONGEST_TOLD_BYTES = 1000

# sched(7), "The autogroup feature": all workers together beside the server's session. Within it
# their own niceness decides.
_SESSION_GROUP = "/proc/self/autogroup"
_SESSION_NICE = 10


def apply(limits: WorkerLimits) -> Walls:
    """
    Lock the calling process down for the rest of its life; it must have one thread only.

    ``RLIMIT_AS`` counts mapped and not used memory, so it includes the libraries (about 220 MiB)
    and 8 MiB of stack for each encoder thread. ``RLIMIT_FSIZE`` and ``RLIMIT_CPU`` back up limits
    that the engine and the server enforce earlier, with better words.

    Returns:
        Which walls this kernel has.

    Raises:
        OSError: The kernel refuses one of the limits.
    """
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, limits.address_space_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        _lower(kind, value)
    _give_way(limits.nice)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    drop_capabilities()
    # In this order: the filter refuses Landlock's calls too.
    restricted = landlock.restrict()
    return Walls(landlock=restricted, seccomp=seccomp.install())


def _give_way(nice: int) -> None:
    """
    Be nicer than the server, though the kernel may not compare the two.

    Where it groups processes by session (autogroup), niceness counts within a session only, and
    workers have one of their own: so the session is made nicer as a whole. Being in the server's
    would be worse, as what workers use would be held against the server.

    Beside encoders on every core, a server that takes 0.2 ms for an answer had a p99 of 3.1 ms at
    nice 0, 1.1 ms at 10 and 0.5 ms at 15. SCHED_BATCH, or shorter time slices for the server,
    added nothing to that; under SCHED_IDLE a job stands still beside anybody else's work.
    """
    os.nice(nice)
    # A worker's parent is the zygote, which leads the session of all workers.
    if nice > 0 and os.getsid(0) == os.getppid():
        # Some kernels have no such groups, and without privileges all of a machine's processes
        # together may change ten of them a second; the next worker tries again.
        with contextlib.suppress(OSError, ValueError), open(_SESSION_GROUP, "r+b", 0) as group:
            if int(group.read().split()[-1]) < _SESSION_NICE:
                group.write(b"%d" % _SESSION_NICE)


def drop_capabilities() -> None:
    """Give up what root may do beyond its own files; of anyone else it is gone already."""
    if _LIBC.capset(_CAPABILITY_HEADER, bytes(_CAPABILITY_SETS_BYTES)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def examine() -> Walls:
    """
    Find out which walls hold here, by locking a forked process in and letting it try them.

    A wall counts only if it was run against: a file that cannot be opened any more for Landlock,
    and for the filter an end on the spot when a socket is asked for.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _try_walls(writing)
    os.close(writing)
    with open(reading, "rb") as end:
        told = end.read(_LONGEST_TOLD_BYTES)
    _, status = os.waitpid(pid, 0)
    if not told:
        return Walls(landlock=0, seccomp=False)
    walls = msgspec.json.decode(told, type=Walls)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS
    return Walls(landlock=walls.landlock, seccomp=walls.seccomp and killed)


def _try_walls(writing: int) -> NoReturn:
    try:
        walls = apply(_TRIAL)
        try:
            os.close(os.open("/", os.O_RDONLY))
        except OSError:
            os.write(writing, msgspec.json.encode(walls))
        socket.socket()
    finally:
        os._exit(0)


def die_with_parent(parent_pid: int) -> None:
    """
    Have the kernel kill this process as soon as its parent's thread that forked it ends.

    Ends the process at once if *parent_pid* is gone already: then no signal would ever come.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def _lower(kind: int, value: int) -> None:
    """Set both limits of *kind*; an operator's lower one stays, raising it needs privileges."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _prctl(option: int, argument: int) -> None:
    if _LIBC.prctl(option, ctypes.c_ulong(argument), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
