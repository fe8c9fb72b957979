"""
A file as it was, to be compared with the file as it is: one ``stat``, about a microsecond.

The look happens on the event loop, because a thread costs fifty times as much. A file system that
asks another machine would make everybody wait for it there, so nothing on one is witnessed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_REMOTE_KINDS = (
    "9p",
    "afs",
    "ceph",
    "cifs",
    "fuse",
    "gluster",
    "lustre",
    "ncp",
    "nfs",
    "smb",
    "virtiofs",
)


class Witness:
    """One file's name, and what ``stat`` says of it for as long as nobody touches it."""

    __slots__ = ("_identity", "path")

    def __init__(self, path: str, facts: os.stat_result) -> None:
        self.path = path
        self._identity = _identity(facts)

    def holds(self) -> bool:
        """Tell whether the name still leads to the same file, unchanged and still allowed."""
        try:
            return _identity(os.stat(self.path)) == self._identity
        except OSError:
            return False


def witness(path: str) -> tuple[Witness, os.stat_result] | None:
    """Look at the file that *path* leads to; None if it cannot be relied on."""
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(facts.st_mode) or _is_remote(facts.st_dev):
        return None
    return Witness(path, facts), facts


def _identity(facts: os.stat_result) -> tuple[int, ...]:
    # The time of change also moves with the name, the owner and the permissions.
    return (
        facts.st_mtime_ns,
        facts.st_ctime_ns,
        facts.st_ino,
        facts.st_size,
        facts.st_dev,
    )


def _is_remote(device: int) -> bool:
    """Tell whether a device is a file system of another machine (proc(5), mountinfo)."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = _MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return False
    for line in lines:
        mounted, _, kind = line.partition(" - ")
        if mounted.split(" ", 3)[2] == number and kind.startswith(_REMOTE_KINDS):
            return True
    return False
