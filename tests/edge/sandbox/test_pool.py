"""Deadlines, cancellation, lost zygotes and leaks: what ends, ends without a trace."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cache.staging import Staging
from edge.sandbox.pool import Sandbox
from edge.sandbox.problems import DeadlineExceeded, WorkerDied, ZygoteLost

from .conftest import JOBS, SETTINGS
from .doubles import (
    AMPLE,
    SMALL,
    LocalReader,
    RemoteReader,
    a_plan,
    children_of,
    is_running,
    open_descriptors,
    until,
)

Local = Callable[[str], LocalReader]
SandboxOf = Callable[[str], Sandbox]
ECHO = {"whole": "echo abc", "middle": "abc", "past": ""}


async def never() -> bytes:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("action", ["spin", "sleep", "hang_up"])
async def test_a_worker_is_killed_at_the_deadline(
    sandbox: Sandbox, local: Local, action: str
) -> None:
    with pytest.raises(DeadlineExceeded) as caught:
        await sandbox.probe(local(action), deadline_seconds=SMALL)

    assert caught.value.deadline_seconds == SMALL
    assert children_of(zygote(sandbox)) == []


async def test_a_source_that_never_answers_ends_at_the_deadline(sandbox: Sandbox) -> None:
    with pytest.raises(DeadlineExceeded):
        await sandbox.probe(RemoteReader(b"echo", never), deadline_seconds=SMALL)

    assert children_of(zygote(sandbox)) == []


async def test_cancelling_a_render_kills_its_worker(
    sandbox: Sandbox, local: Local, staging: Staging
) -> None:
    started = asyncio.Event()
    rendering = asyncio.create_task(
        sandbox.render(
            a_plan(),
            [local("start_and_spin")],
            staging,
            on_progress=lambda _: started.set(),
            deadline_seconds=AMPLE,
        )
    )
    await started.wait()

    rendering.cancel()

    with pytest.raises(asyncio.CancelledError):
        await rendering
    assert children_of(zygote(sandbox)) == []


async def test_cancelling_a_survey_that_waits_for_its_source_kills_its_worker(
    sandbox: Sandbox,
) -> None:
    reader = RemoteReader(b"echo", never)
    probing = asyncio.create_task(sandbox.probe(reader, deadline_seconds=AMPLE))
    await reader.asked.wait()

    probing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await probing
    assert children_of(zygote(sandbox)) == []


async def test_cancelling_at_any_moment_leaves_nothing(sandbox: Sandbox, local: Local) -> None:
    await sandbox.probe(local("echo abc"), deadline_seconds=AMPLE)
    descriptors = open_descriptors(os.getpid())
    readers = [local("spin") for _ in range(60)]

    for turns, reader in enumerate(readers):
        probing = asyncio.create_task(sandbox.probe(reader, deadline_seconds=AMPLE))
        for _ in range(turns // 3):
            await asyncio.sleep(0)
        probing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probing

    assert children_of(zygote(sandbox)) == []
    for reader in readers:
        reader.close()
    assert open_descriptors(os.getpid()) == descriptors
    assert await sandbox.probe(local("echo abc"), deadline_seconds=AMPLE) == ECHO


async def test_a_hundred_jobs_leak_no_descriptor(
    sandbox: Sandbox, local: Local, staging: Staging
) -> None:
    quiet, loud, join = local("echo abc"), local("abort"), local("join")

    async def all_kinds() -> None:
        await sandbox.probe(quiet, deadline_seconds=AMPLE)
        await sandbox.probe(RemoteReader(b"echo abc"), deadline_seconds=AMPLE)
        await sandbox.render(
            a_plan(),
            [join, RemoteReader(b"abc")],
            staging,
            on_progress=lambda _: None,
            deadline_seconds=AMPLE,
        )
        with pytest.raises(WorkerDied):
            await sandbox.probe(loud, deadline_seconds=AMPLE)

    await all_kinds()
    before = open_descriptors(os.getpid()), open_descriptors(zygote(sandbox))
    for _ in range(25):
        await all_kinds()

    assert (open_descriptors(os.getpid()), open_descriptors(zygote(sandbox))) == before
    assert children_of(zygote(sandbox)) == []


async def test_jobs_run_at_the_same_time_and_surveys_within_their_bound(sandbox: Sandbox) -> None:
    gate = asyncio.Event()

    async def answer() -> bytes:
        await gate.wait()
        return b"measure 12"

    readers = [RemoteReader(b"measure 12", answer) for _ in range(SETTINGS.concurrent_surveys + 3)]
    jobs = [
        asyncio.create_task(sandbox.probe(reader, deadline_seconds=AMPLE)) for reader in readers
    ]
    await asyncio.gather(*(reader.asked.wait() for reader in readers[:4]))

    assert len(children_of(zygote(sandbox))) == SETTINGS.concurrent_surveys
    gate.set()
    assert await asyncio.gather(*jobs) == [{"read": 10, "size": 10}] * len(readers)


async def test_a_killed_zygote_fails_the_calls_in_flight_and_is_replaced(
    sandbox: Sandbox, local: Local
) -> None:
    reader = RemoteReader(b"echo", never)
    probing = asyncio.create_task(sandbox.probe(reader, deadline_seconds=AMPLE))
    await reader.asked.wait()
    first = zygote(sandbox)
    workers = children_of(first)

    os.kill(first, signal.SIGKILL)

    with pytest.raises(WorkerDied):
        await probing
    assert len(workers) == 1
    assert not any(is_running(pid) for pid in [first, *workers])
    assert await sandbox.probe(local("echo abc"), deadline_seconds=AMPLE) == ECHO
    assert zygote(sandbox) != first


async def test_a_call_right_after_the_zygotes_death_works(sandbox: Sandbox, local: Local) -> None:
    reader = local("echo abc")

    for _ in range(3):
        os.kill(zygote(sandbox), signal.SIGKILL)

        assert await sandbox.probe(reader, deadline_seconds=AMPLE) == ECHO


@pytest.mark.parametrize("table", ["BROKEN", "THREADED", "NO_SUCH_TABLE", "warm"])
async def test_a_zygote_that_cannot_start_is_reported(
    sandbox_of: SandboxOf, caplog: pytest.LogCaptureFixture, table: str
) -> None:
    expected = {
        "BROKEN": "RuntimeError: cannot warm up",
        "THREADED": "RuntimeError: a zygote must not fork with 2 threads",
        "NO_SUCH_TABLE": "has no attribute 'NO_SUCH_TABLE'",
        "warm": "is no table of jobs",
    }

    before = children_of(os.getpid())
    with pytest.raises(ZygoteLost, match="its zygote did not start"):
        await sandbox_of(table).start()

    assert expected[table] in caplog.text
    assert children_of(os.getpid()) == before


async def test_closing_fails_the_calls_in_flight_and_leaves_nothing(local: Local) -> None:
    descriptors = open_descriptors(os.getpid())
    before = children_of(os.getpid())
    sandbox = Sandbox(SETTINGS, jobs=f"{JOBS}:JOBS")
    await sandbox.start()
    reader = RemoteReader(b"echo", never)
    probing = asyncio.create_task(sandbox.probe(reader, deadline_seconds=AMPLE))
    await reader.asked.wait()
    processes = [zygote(sandbox), *children_of(zygote(sandbox))]

    await sandbox.close()

    with pytest.raises(WorkerDied):
        await probing
    assert len(processes) == 2
    assert not any(is_running(pid) for pid in processes)
    assert children_of(os.getpid()) == before
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert open_descriptors(os.getpid()) == descriptors
    with pytest.raises(WorkerDied, match="the sandbox is closed"):
        await sandbox.probe(local("echo abc"), deadline_seconds=AMPLE)


async def test_a_sandbox_that_never_started_closes() -> None:
    sandbox = Sandbox(SETTINGS, jobs=f"{JOBS}:JOBS")

    await sandbox.close()

    assert sandbox.zygote_pid is None


def test_the_server_never_imports_what_decodes() -> None:
    code = "import sys, edge.sandbox.pool; print({'av', 'numpy', 'lameenc'} & set(sys.modules))"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "set()\n"


SERVER = """
import asyncio, sys
sys.path[:0] = {path!r}
from {doubles} import AMPLE, RemoteReader, children_of
from cache.staging import Staging
from edge.sandbox.pool import Sandbox

async def serve():
    async def never():
        print(sandbox.zygote_pid, *children_of(sandbox.zygote_pid), flush=True)
        await asyncio.Event().wait()

    sandbox = Sandbox(jobs={jobs!r})
    await sandbox.probe(RemoteReader(b"echo", never), deadline_seconds=AMPLE)

asyncio.run(serve())
"""


async def test_killing_the_server_ends_zygote_and_workers(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    doubles = LocalReader.__module__
    script.write_text(SERVER.format(path=sys.path, doubles=doubles, jobs=f"{JOBS}:JOBS"))
    server = await asyncio.create_subprocess_exec(
        sys.executable, script, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    pids = [int(pid) for pid in (await server.stdout.readline()).split()]
    assert len(pids) == 2
    assert all(is_running(pid) for pid in pids)

    server.kill()
    await server.communicate()

    await until(lambda: not any(is_running(pid) for pid in pids))


def zygote(sandbox: Sandbox) -> int:
    assert sandbox.zygote_pid is not None
    return sandbox.zygote_pid
