"""
The system calls that a worker may make, as a seccomp filter.

A filter is a program of the classic Berkeley packet filter that the kernel runs over each call's
number and arguments. Ours allows what reading, computing, answering and ending take, and nothing
that names a file, an address or another process. What libraries try and live without is refused
with an error; what no honest worker ever does ends the process on the spot.

Written out here because the libraries there are need ``libseccomp`` installed beside Python, and
an allow-list is a few comparisons. Source: ``Documentation/userspace-api/seccomp_filter.rst``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.sandbox.syscalls import ARCHITECTURES, X86_64, Architecture

# Answers, <linux/seccomp.h>.
KILL_PROCESS = 0x80000000
ERRNO = 0x00050000
ALLOW = 0x7FFF0000

_INSTRUCTION = struct.Struct("=HBBI")
# Opcodes, <linux/filter.h>: load a word, compare it, jump if bits are set, answer.
_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _JUMP_BITS, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06

# Offsets in struct seccomp_data.
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16

# x86-64 kernels also take the calls of the x32 ABI, numbered from here.
_X32_FIRST = 0x40000000

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2

_AT_EMPTY_PATH = 0x1000
_CLONE_THREAD = 0x10000
_PROT_EXEC = 0x4
_F_SETFL, _F_DUPFD_CLOEXEC = 4, 1030
# MADV_HWPOISON and what came after it to break memory on purpose.
_FIRST_PRIVILEGED_ADVICE = 100

# The most frequent first, since the kernel compares in order where it has no cache of its own.
ALLOWED = (
    *("read", "write", "pread64", "pwrite64", "lseek", "futex", "recvfrom", "recvmsg", "sendmsg"),
    *("clock_gettime", "brk", "munmap", "mremap", "getrandom", "sched_yield"),
    *("readv", "writev", "close", "fstat", "dup", "ftruncate", "fsync", "fdatasync"),
    *("poll", "ppoll", "select", "pselect6", "shutdown", "getsockname", "getsockopt"),
    *("membarrier", "set_robust_list", "rseq", "exit", "exit_group", "restart_syscall"),
    *("getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getpriority"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack"),
    *("clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times"),
    *("sched_getaffinity", "getcpu", "getrusage", "sysinfo", "uname"),
)

# The network, other programs and processes, the kernel's own insides.
FATAL = (
    *("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4"),
    *("fork", "vfork", "execve", "execveat"),
    *("kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "ptrace"),
    *("process_vm_readv", "process_vm_writev", "pidfd_open", "pidfd_getfd", "pidfd_send_signal"),
    *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "init_module", "finit_module"),
    *("kexec_load", "mount", "umount2", "chroot", "pivot_root", "unshare", "setns"),
    *("add_key", "request_key", "keyctl"),
)


@dataclass(frozen=True, slots=True)
class _Jump:
    """A comparison of the loaded word; the check has failed if it jumps or not, as said."""

    opcode: int
    operand: int
    fails_if: bool


@dataclass(frozen=True, slots=True)
class _Check:
    """What one argument must be like, by its low and its high word."""

    argument: int
    low: _Jump
    high: _Jump | None = None


@dataclass(frozen=True, slots=True)
class _Conditional:
    """A call that is allowed when one of its checks holds, and answered *otherwise* when none."""

    name: str
    checks: tuple[_Check, ...]
    otherwise: int


def _equals(argument: int, value: int) -> _Check:
    low = _Jump(_JUMP_EQUAL, value & 0xFFFFFFFF, fails_if=False)
    return _Check(argument, low, _Jump(_JUMP_EQUAL, value >> 32, fails_if=False))


def _has(argument: int, bits: int) -> _Check:
    return _Check(argument, _Jump(_JUMP_BITS, bits, fails_if=False))


def _lacks(argument: int, bits: int) -> _Check:
    return _Check(argument, _Jump(_JUMP_BITS, bits, fails_if=True))


def _below(argument: int, bound: int) -> _Check:
    return _Check(argument, _Jump(_JUMP_ABOVE, bound, fails_if=True))


def _refusal(number: int) -> int:
    return ERRNO | number


def _conditionals(pid: int) -> Sequence[_Conditional]:
    return (
        # Memory that was written is never run.
        _Conditional("mmap", (_lacks(2, _PROT_EXEC),), _refusal(errno.EPERM)),
        _Conditional("mprotect", (_lacks(2, _PROT_EXEC),), _refusal(errno.EPERM)),
        _Conditional("madvise", (_below(2, _FIRST_PRIVILEGED_ADVICE),), _refusal(errno.EPERM)),
        # A descriptor may not be told to send signals, nor a pipe to grow.
        _Conditional(
            "fcntl", (_below(1, _F_SETFL + 1), _equals(1, _F_DUPFD_CLOEXEC)), _refusal(errno.EPERM)
        ),
        # A socket that is connected needs no address.
        _Conditional("sendto", (_equals(4, 0),), KILL_PROCESS),
        _Conditional("newfstatat", (_has(3, _AT_EMPTY_PATH),), _refusal(errno.EACCES)),
        # Threads, but no processes; for those who abort, signals to themselves.
        _Conditional("clone", (_has(0, _CLONE_THREAD),), KILL_PROCESS),
        _Conditional("tgkill", (_equals(0, pid),), KILL_PROCESS),
        # Limits may be read.
        _Conditional("prlimit64", (_equals(2, 0),), _refusal(errno.EPERM)),
    )


# Arguments behind a pointer cannot be checked, and libc then falls back on clone; asking whether a
# descriptor is a terminal is how Python opens files.
_REFUSED = {"clone3": errno.ENOSYS, "ioctl": errno.ENOTTY}


def program(architecture: Architecture, pid: int) -> bytes:
    """Assemble the filter for the process *pid* on one kind of machine."""
    return b"".join(_INSTRUCTION.pack(*line) for line in _lines(architecture, pid))


def install() -> bool:
    """
    Filter every system call of this process from now on; there is no way back.

    Needs the no-new-privileges bit. Threads that run already stay as they are.

    Returns:
        False where the machine's calls are not known here or the kernel has no filters.
    """
    architecture = ARCHITECTURES.get(platform.machine())
    if architecture is None:
        return False
    code = program(architecture, os.getpid())
    lines = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: how many instructions, where they are.
    prog = struct.pack("@HP", len(code) // _INSTRUCTION.size, ctypes.addressof(lines))
    libc = ctypes.CDLL(None, use_errno=True)
    asked = libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), prog, 0, 0)
    return bool(asked == 0)


_Line = tuple[int, int, int, int]


def _lines(architecture: Architecture, pid: int) -> Iterator[_Line]:
    yield _LOAD, 0, 0, _ARCHITECTURE_AT
    yield _JUMP_EQUAL, 1, 0, architecture.audit
    yield _ANSWER, 0, 0, KILL_PROCESS
    yield _LOAD, 0, 0, _NUMBER_AT
    if architecture is X86_64:
        yield _JUMP_ABOVE, 0, 1, _X32_FIRST
        yield _ANSWER, 0, 0, KILL_PROCESS
    for name in ALLOWED:
        yield from _answer(architecture.number(name), ALLOW)
    for conditional in _conditionals(pid):
        yield from _conditional(architecture.number(conditional.name), conditional)
    for name, number in _REFUSED.items():
        yield from _answer(architecture.number(name), _refusal(number))
    for name in FATAL:
        yield from _answer(architecture.number(name), KILL_PROCESS)
    yield _ANSWER, 0, 0, _refusal(errno.EPERM)


def _answer(number: int | None, answer: int) -> Iterator[_Line]:
    if number is not None:
        yield _JUMP_EQUAL, 0, 1, number
        yield _ANSWER, 0, 0, answer


def _conditional(number: int | None, conditional: _Conditional) -> Iterator[_Line]:
    if number is None:
        return
    body: list[_Line] = []
    for check in conditional.checks:
        steps = [(_ARGUMENTS_AT + 8 * check.argument, check.low)]
        if check.high is not None:
            steps.append((_ARGUMENTS_AT + 8 * check.argument + 4, check.high))
        for index, (at, jump) in enumerate(steps):
            # Past the later steps, two instructions each, and the answer if all hold.
            to_next_check = 2 * (len(steps) - index - 1) + 1
            body.append((_LOAD, 0, 0, at))
            if jump.fails_if:
                body.append((jump.opcode, to_next_check, 0, jump.operand))
            else:
                body.append((jump.opcode, 0, to_next_check, jump.operand))
        body.append((_ANSWER, 0, 0, ALLOW))
    body.append((_ANSWER, 0, 0, conditional.otherwise))
    yield _JUMP_EQUAL, 0, len(body), number
    yield from body
