"""
Telling dead owners of jobs from living ones, on one machine.

A lease outlives a killed process by its length, and nobody should wait for that after a restart.
Each process holds a lock on a file named after it for as long as it lives; the kernel lets go of
it however the process ends, so a lock that can be taken belongs to the dead.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path


class OwnerFile:
    """This process's name as an owner of jobs, and the lock that proves it alive."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.owner = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._descriptor: int | None = None

    def hold(self) -> None:
        """Take the lock."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / self.owner
        self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def release(self) -> None:
        """Remove the file and the lock; calling it again does nothing."""
        if self._descriptor is not None:
            (self._directory / self.owner).unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None


def bury(directory: Path) -> list[str]:
    """Remove the files of owners that are dead, and return their names."""
    dead = []
    for path in directory.iterdir() if directory.is_dir() else ():
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            dead.append(path.name)
            path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)
    return dead
