"""How many cores this process may use, which in a container is not what the machine has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def usable_cores(
    *,
    cgroups: Path = Path("/sys/fs/cgroup"),
    membership: Path = Path("/proc/self/cgroup"),
) -> int:
    """
    Count the cores that this process may keep busy: its affinity, within its cgroup's quota.

    A quota of a fraction of a core is rounded down, because a throttled process stalls its
    requests; there is always one.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min([cores or 1, *_quotas(cgroups, membership)]))


def _quotas(cgroups: Path, membership: Path) -> Iterator[int]:
    """List the whole cores that ``cpu.max`` allows in each cgroup v2 from ours to the root."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    own = next((line[3:] for line in lines if line.startswith("0::")), "/")
    folder = cgroups / own.strip("/")
    for group in (folder, *folder.parents):
        if group != cgroups and cgroups not in group.parents:
            return
        try:
            quota, _, period = (group / "cpu.max").read_text().partition(" ")
            yield int(quota) // int(period)
        except (OSError, ValueError, ZeroDivisionError):
            continue  # "max" is no limit, and the root group has no such file
