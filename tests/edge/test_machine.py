from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.fill.grants import MOST_THREADS, share
from edge.settings.machine import (
    ControlGroups,
    default_workers,
    usable_cores,
    usable_memory_bytes,
)
from tests.test_docs import rows

GIB = 1 << 30
UNLIMITED_V1 = "9223372036854771712"


@pytest.fixture(autouse=True)
def on_a_large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 cores and 256 GiB."""
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 256 * GIB // 4096}
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)))
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)


def groups(folder: Path, membership: str, files: dict[str, str]) -> ControlGroups:
    """Lay out control groups in *folder*."""
    for name, content in files.items():
        path = folder / "mounted" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    (folder / "membership").write_text(membership)
    return ControlGroups(mounted=folder / "mounted", membership=folder / "membership")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 64),
        ({"cpu.max": "max 100000"}, 64),
        ({"a/b/cpu.max": "250000 100000"}, 2),
        ({"a/cpu.max": "400000 100000", "a/b/cpu.max": "max 100000"}, 4),
        ({"a/b/cpu.max": "50000 100000"}, 1),
        ({"a/b/cpu.max": "nonsense"}, 64),
        ({"a/b/cpu.max": "100000 0"}, 64),
        # As a container sees it: its own group is the outermost.
        ({"cpu.max": "300000 100000"}, 3),
        ({"unified/a/cpu.max": "500000 100000"}, 5),
    ],
)
def test_cores_are_those_of_the_tightest_group(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    assert usable_cores(groups(tmp_path, "4:memory:/old\n0::/a/b\n", files)) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
        ({"cpu/a/cpu.cfs_quota_us": "250000", "cpu/a/cpu.cfs_period_us": "100000"}, 2),
        ({"cpu,cpuacct/cpu.cfs_quota_us": "80000", "cpu,cpuacct/cpu.cfs_period_us": "20000"}, 4),
        ({"cpu/a/cpu.cfs_quota_us": "250000"}, 64),
        ({"memory/a/cpu.cfs_quota_us": "1", "memory/a/cpu.cfs_period_us": "1"}, 64),
    ],
)
def test_cores_of_version_one_are_counted_too(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    membership = "4:memory:/a\n3:cpu,cpuacct:/a\n1:name=systemd:/a\n"

    assert usable_cores(groups(tmp_path, membership, files)) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 256 * GIB),
        ({"a/memory.max": "max", "memory.max": f"{GIB}"}, GIB),
        ({"memory/a/memory.limit_in_bytes": UNLIMITED_V1}, 256 * GIB),
        ({"memory/memory.limit_in_bytes": f"{2 * GIB}"}, 2 * GIB),
    ],
)
def test_memory_is_that_of_the_tightest_group(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    assert usable_memory_bytes(groups(tmp_path, "4:memory:/a\n0::/a\n", files)) == expected


def test_a_machine_without_groups_is_counted_by_affinity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2})
    nowhere = ControlGroups(mounted=tmp_path / "none", membership=tmp_path / "none")

    assert (usable_cores(nowhere), usable_memory_bytes(nowhere)) == (3, 256 * GIB)


@pytest.mark.parametrize(
    ("cores", "memory_bytes", "expected"),
    [
        *[(1, 8 * GIB, 1), (2, 8 * GIB, 2), (8, 16 * GIB, 8), (15, 16 * GIB, 15)],
        *[(16, 32 * GIB, 15), (64, 64 * GIB, 63), (512, 1024 * GIB, 256)],
        *[(2, GIB // 2, 1), (2, GIB // 8, 1), (16, 2 * GIB, 7), (64, 8 * GIB, 31)],
    ],
)
def test_workers_follow_cores_and_memory(cores: int, memory_bytes: int, expected: int) -> None:
    assert default_workers(cores=cores, memory_bytes=memory_bytes) == expected


def test_the_documented_table_of_workers_is_what_is_computed() -> None:
    described = rows("docs/operations.md", "Sharing the machine")
    table = [[int(cell) for cell in row] for row in described if row[0].isdigit()]
    expected = [
        [
            *(cores, gib, default_workers(cores=cores, memory_bytes=gib * GIB)),
            share(cores=cores, runs=0, granted=0, most=MOST_THREADS),
        ]
        for cores, gib, *_ in table
    ]

    assert table == expected
    assert {1, 2, 16, 64} <= {row[0] for row in table}
