"""
What of the machine this process may use, which in a container is not what the machine has.

Control groups of both versions are read, because hosts have either or both: version 2 has one
tree, version 1 one for each controller. A group that cannot be seen from inside a container is
left out; the outermost folder that can be seen is then the container's own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOST_WORKERS: Final = 256

# From here on a core left to the server costs little, and it is seldom found busy.
_ENOUGH_CORES: Final = 16
_SERVER_BYTES: Final = 256 << 20
# A job, and the stream that may run beside it: 110 MB each at the most.
_SLOT_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGroups:
    """Where the kernel tells of control groups."""

    mounted: Path = Path("/sys/fs/cgroup")
    membership: Path = Path("/proc/self/cgroup")

    def folders(self, controller: str) -> Iterator[Path]:
        """List the folders that limit this process, from its own group to the outermost."""
        try:
            lines = self.membership.read_text().splitlines()
        except OSError:
            return
        for line in lines:
            _, _, described = line.partition(":")
            names, _, group = described.partition(":")
            trees: list[str] = []
            if controller in names.split(","):
                trees = [names, controller]
            elif not names:
                # Beside trees of version 1, that of version 2 has a folder of its own.
                trees = ["", "unified"]
            for tree in dict.fromkeys(trees):
                outermost = self.mounted / tree
                own = outermost / group.strip("/")
                for folder in (own, *own.parents):
                    yield folder
                    if folder == outermost:
                        break


def usable_cores(groups: ControlGroups | None = None) -> int:
    """
    Count the cores that this process may keep busy: its affinity, within its groups' quotas.

    A set of processors (cpuset) is part of the affinity. A quota of a fraction of a core is
    rounded down, because a throttled process stalls its requests; there is always one.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min([cores or 1, *_quotas(groups or ControlGroups())]))


def usable_memory_bytes(groups: ControlGroups | None = None) -> int:
    """Tell the memory of the machine, or of the tightest group that this process is in."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_memory_limits(groups or ControlGroups())])


def default_workers(*, cores: int, memory_bytes: int) -> int:
    """
    Tell how many jobs should run at once where nobody has said it.

    One for each core; of many cores, one is left to the server. Less where memory is short.
    """
    by_cores = cores - 1 if cores >= _ENOUGH_CORES else cores
    by_memory = (memory_bytes - _SERVER_BYTES) // _SLOT_BYTES
    return max(1, min(by_cores, by_memory, MOST_WORKERS))


def workers_here() -> int:
    """Tell how many jobs should run at once on this machine."""
    return default_workers(cores=usable_cores(), memory_bytes=usable_memory_bytes())


def _quotas(groups: ControlGroups) -> Iterator[int]:
    """List the whole cores that each group may keep busy; what is no number is no limit."""
    for folder in groups.folders("cpu"):
        words = _words(folder / "cpu.max")
        words = words or _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
        match words:
            case [quota, period] if quota.isdigit() and period.isdigit() and int(period):
                yield int(quota) // int(period)


def _memory_limits(groups: ControlGroups) -> Iterator[int]:
    for folder in groups.folders("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            match _words(folder / name):
                case [limit] if limit.isdigit():
                    yield int(limit)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except (OSError, ValueError):
        return []
