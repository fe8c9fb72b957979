"""The filter's program, run by an interpreter of the few instructions it is made of."""

from __future__ import annotations

import errno
import struct

import pytest

from edge.sandbox.seccomp import ALLOW, ALLOWED, ERRNO, FATAL, KILL_PROCESS, program
from edge.sandbox.syscalls import AARCH64, X86_64, Architecture

PID = 4242
BOTH = pytest.mark.parametrize("machine", [X86_64, AARCH64], ids=["x86-64", "aarch64"])


def run(machine: Architecture, number: int, *arguments: int, audit: int | None = None) -> int:
    """Answer as the kernel would."""
    given = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, machine.audit if audit is None else audit, 0, *given)
    lines = list(struct.iter_unpack("=HBBI", program(machine, PID)))
    at = 0
    word = 0
    while True:
        opcode, if_so, if_not, operand = lines[at]
        at += 1
        match opcode:
            case 0x20:
                (word,) = struct.unpack_from("=I", data, operand)
            case 0x15:
                at += if_so if word == operand else if_not
            case 0x35:
                at += if_so if word >= operand else if_not
            case 0x45:
                at += if_so if word & operand else if_not
            case 0x06:
                return int(operand)
            case _:
                raise AssertionError(f"opcode {opcode:#x}")


def call(machine: Architecture, name: str, *arguments: int) -> int:
    number = machine.number(name)
    assert number is not None
    return run(machine, number, *arguments)


@BOTH
def test_every_listed_call_is_answered_as_listed(machine: Architecture) -> None:
    for names, answer in ((ALLOWED, ALLOW), (FATAL, KILL_PROCESS)):
        for name in names:
            number = machine.number(name)
            if number is not None:
                assert run(machine, number) == answer, name


@BOTH
def test_all_other_calls_are_refused(machine: Architecture) -> None:
    named = {
        "madvise",
        "fcntl",
        "mmap",
        "mprotect",
        "sendto",
        "newfstatat",
        "clone",
        "tgkill",
        "prlimit64",
    }
    known = {machine.number(name) for name in (*ALLOWED, *FATAL, *named, "clone3", "ioctl")}
    for number in set(range(600)) - known:
        assert run(machine, number) == ERRNO | errno.EPERM


@BOTH
@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("mmap", (0, 4096, 3), ALLOW),
        ("mmap", (0, 4096, 7), ERRNO | errno.EPERM),
        ("mprotect", (0, 4096, 1), ALLOW),
        ("mprotect", (0, 4096, 5), ERRNO | errno.EPERM),
        ("sendto", (3, 1, 1, 0, 0, 0), ALLOW),
        ("sendto", (3, 1, 1, 0, 0x7FFE_0000_0000, 16), KILL_PROCESS),
        ("sendto", (3, 1, 1, 0, 0x10, 16), KILL_PROCESS),
        ("newfstatat", (3, 1, 1, 0x1000), ALLOW),
        ("newfstatat", (3, 1, 1, 0x100), ERRNO | errno.EACCES),
        ("clone", (0x3D0F00,), ALLOW),
        ("clone", (0x1200011,), KILL_PROCESS),
        ("tgkill", (PID, PID, 6), ALLOW),
        ("tgkill", (1, 1, 9), KILL_PROCESS),
        ("tgkill", (PID | 1 << 32, 1, 9), KILL_PROCESS),
        ("prlimit64", (0, 9, 0, 1), ALLOW),
        ("prlimit64", (0, 9, 1 << 40, 0), ERRNO | errno.EPERM),
        ("madvise", (0, 4096, 4), ALLOW),
        ("madvise", (0, 4096, 100), ERRNO | errno.EPERM),
        ("fcntl", (3, 4, 0), ALLOW),
        ("fcntl", (3, 1030, 0), ALLOW),
        ("fcntl", (3, 8, 1), ERRNO | errno.EPERM),
        ("fcntl", (3, 1031, 1 << 20), ERRNO | errno.EPERM),
        ("clone3", (1, 88), ERRNO | errno.ENOSYS),
        ("ioctl", (0, 0x5401), ERRNO | errno.ENOTTY),
    ],
)
def test_arguments_decide(
    machine: Architecture, name: str, arguments: tuple[int, ...], answer: int
) -> None:
    assert call(machine, name, *arguments) == answer


@BOTH
def test_calls_of_another_machine_are_fatal(machine: Architecture) -> None:
    other = AARCH64 if machine is X86_64 else X86_64
    read = machine.number("read")
    assert read is not None

    assert run(machine, read, audit=other.audit) == KILL_PROCESS


def test_calls_of_the_x32_abi_are_fatal() -> None:
    assert run(X86_64, 0x4000_0000) == KILL_PROCESS


@BOTH
def test_the_program_is_short_enough_for_the_kernel(machine: Architecture) -> None:
    assert len(program(machine, PID)) // 8 < 4096
