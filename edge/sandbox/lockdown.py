"""
What a worker gives up before it touches the first hostile byte.

The one place for it: resource limits and the no-new-privileges bit are applied here, and every
further wall belongs into ``apply``. All of it is inherited by nothing but the worker's own
threads and ends with the process.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

from edge.sandbox.wire import WorkerLimits

# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38

_LIBC = ctypes.CDLL(None, use_errno=True)


def apply(limits: WorkerLimits) -> None:
    """
    Lock the calling process down for the rest of its life.

    ``RLIMIT_AS`` counts mapped and not used memory, so it includes the libraries (about 220 MiB)
    and 8 MiB of stack for each encoder thread. ``RLIMIT_FSIZE`` and ``RLIMIT_CPU`` back up limits
    that the engine and the server enforce earlier, with better words.

    Raises:
        OSError: The kernel refuses one of them.
    """
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, limits.address_space_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        _lower(kind, value)
    os.nice(limits.nice)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


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
