"""A worker in a stranger's hands gets nothing but its own end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from cache.staging import Staging
from edge.sandbox.pool import Sandbox
from edge.sandbox.problems import SentGarbage, WorkerDied
from transforms.formats import Format
from transforms.plan import Limits, RenderPlan, Segment

from .doubles import AMPLE, LocalReader, RemoteReader, a_plan

Local = Callable[[str], LocalReader]
A_STREAM = replace(a_plan(), format=Format.HLS_AAC)


@pytest.mark.parametrize(
    ("action", "reason", "signal_number"),
    [
        ("abort", "killed by signal 6 (SIGABRT)", signal.SIGABRT),
        ("segfault", "killed by signal 11 (SIGSEGV)", signal.SIGSEGV),
        ("quit_early 0", "exited with status 0 before it answered", None),
        ("quit_early 7", "exited with status 7 before it answered", None),
    ],
)
async def test_a_worker_that_ends_early_is_reported_with_its_reason(
    sandbox: Sandbox, local: Local, action: str, reason: str, signal_number: int | None
) -> None:
    with pytest.raises(WorkerDied) as caught:
        await sandbox.probe(local(action), deadline_seconds=AMPLE)

    assert (caught.value.reason, caught.value.signal_number) == (reason, signal_number)


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("say 00000004deadbeef", "JSON is malformed"),
        ("say ffffffff", "a frame of 4294967295 bytes"),
        ("say 474554202f20", "a frame of 1195725856 bytes"),
        ("answer_another_job", "an answer to another job: Surveyed"),
        ("report_progress", "progress of a job that has none"),
        ("flood", "progress of a job that has none"),
    ],
)
async def test_garbage_ends_the_worker(
    sandbox: Sandbox, local: Local, action: str, what: str
) -> None:
    with pytest.raises(SentGarbage) as caught:
        await sandbox.probe(local(action), deadline_seconds=AMPLE)

    assert caught.value.reason == "sent garbage"
    assert what in caught.value.what


async def test_a_read_past_the_end_ends_the_worker(sandbox: Sandbox) -> None:
    with pytest.raises(SentGarbage) as caught:
        await sandbox.probe(RemoteReader(b"ask_past_the_end"), deadline_seconds=AMPLE)

    assert caught.value.what == "a read of 26 bytes at 0"


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("create /../escaped", "an illegal path: '/../escaped'"),
        ("create relative", "an illegal path: 'relative'"),
        ("create /audio.wav", "an illegal path: '/audio.wav'"),
        ('claim {"files": [["/b.mp3", "audio/mpeg"]]}', "other files than were created"),
        (
            'claim {"files": [["/audio.mp3", "audio/mpeg"], ["/audio.mp3", "audio/mpeg"]]}',
            "other files than were created",
        ),
        ('claim {"files": [["/audio.mp3", "text/html"]]}', "a file that is no 'text/html'"),
        (
            'claim {"files": [["/audio.mp3", "audio/mpeg\\r\\nX-Evil: 1"]]}',
            r"a file that is no 'audio/mpeg\r\nX-Evil: 1'",
        ),
        ('claim {"samples": 100000000000000000}', "100000000000000000 samples at 48000 Hz"),
        ('claim {"samples": -1}', "-1 samples at 48000 Hz"),
        ('claim {"samples": 0}', "0 samples at 48000 Hz"),
        ('claim {"sample_rate_hz": 0}', "48000 samples at 0 Hz"),
        ('claim {"sample_rate_hz": 8000}', "48000 samples at 8000 Hz"),
        (f'claim {{"encoder": "{"x" * 1000}"}}', "no name of an encoder"),
    ],
)
async def test_files_that_must_not_be_end_the_worker(
    sandbox: Sandbox, local: Local, staging: Staging, action: str, what: str
) -> None:
    with pytest.raises(SentGarbage) as caught:
        await render(sandbox, local(action), staging)

    assert caught.value.what == what


async def test_what_is_claimed_of_a_file_is_believed_where_it_can_be(
    sandbox: Sandbox, local: Local, staging: Staging
) -> None:
    await render(sandbox, local('claim {"encoder": "LAME 3.100", "samples": 47999}'), staging)


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("make_segments 3001 1", "more than 3000 files"),
        ("create_unannounced 200", "files that are not announced"),
        ("make_segments 5 1000000", "more than 2000000 bytes of segments"),
    ],
)
async def test_no_more_is_made_than_the_plan_allows(
    sandbox: Sandbox, local: Local, staging: Staging, action: str, what: str
) -> None:
    plan = replace(A_STREAM, limits=Limits(duration_ms=10_000_000, file_bytes=1_000_000))
    with pytest.raises(SentGarbage) as caught:
        await render(sandbox, local(action), staging, plan=plan, on_segment=lambda _: None)

    assert caught.value.what == what


async def test_segments_are_announced_in_order(
    sandbox: Sandbox, local: Local, staging: Staging
) -> None:
    heard: list[Segment] = []
    action = "announce 0 /0f/0.ts 10 1 0 /0f/1.ts 20 1"
    await render(sandbox, local(action), staging, plan=A_STREAM, on_segment=heard.append)

    assert [(s.path, s.samples) for s in heard] == [("/0f/0.ts", 10), ("/0f/1.ts", 20)]


@pytest.mark.parametrize(
    ("announced", "what"),
    [
        ("1 /0f/0.ts 1 1", "a segment of no variant"),
        ("-1 /0f/0.ts 1 1", "a segment of no variant"),
        ("0 /0f/9.ts 1 1", "a segment that was not created"),
        ("0 /0f/0.ts 1 1 0 /0f/0.ts 1 1", "a segment that was not created"),
        ("0 /0f/0.ts 0 1", "a segment of no length"),
        ("0 /0f/0.ts -5 1", "a segment of no length"),
        ("0 /0f/0.ts 5 2", "a segment of another size"),
    ],
)
async def test_segments_that_cannot_be_end_the_worker(
    sandbox: Sandbox, local: Local, staging: Staging, announced: str, what: str
) -> None:
    with pytest.raises(SentGarbage) as caught:
        action = f"announce {announced}"
        await render(sandbox, local(action), staging, plan=A_STREAM, on_segment=lambda _: None)

    assert caught.value.what == what


async def test_segments_of_a_job_that_has_none_end_the_worker(
    sandbox: Sandbox, local: Local, staging: Staging
) -> None:
    with pytest.raises(SentGarbage):
        await render(sandbox, local("announce 0 /0f/0.ts 1 1"), staging)
    with pytest.raises(SentGarbage):
        await render(sandbox, local("announce 0 /0f/0.ts 1 1"), staging, plan=A_STREAM)


async def test_what_a_reader_raises_reaches_the_caller(sandbox: Sandbox) -> None:
    async def change() -> bytes:
        raise LookupError("the source changed")

    with pytest.raises(LookupError, match="the source changed"):
        await sandbox.probe(RemoteReader(b"echo", change), deadline_seconds=AMPLE)


async def test_a_reader_that_times_out_is_no_missed_deadline(sandbox: Sandbox) -> None:
    async def time_out() -> bytes:
        raise TimeoutError("the origin is slow")

    with pytest.raises(TimeoutError, match="the origin is slow"):
        await sandbox.probe(RemoteReader(b"echo", time_out), deadline_seconds=AMPLE)


async def test_a_connection_that_a_reader_loses_is_not_taken_for_the_workers(
    sandbox: Sandbox,
) -> None:
    async def lose() -> bytes:
        raise ConnectionResetError("the origin hung up")

    with pytest.raises(ConnectionResetError, match="the origin hung up"):
        await sandbox.probe(RemoteReader(b"echo", lose), deadline_seconds=AMPLE)


async def test_what_the_staging_raises_reaches_the_caller(
    sandbox: Sandbox, local: Local, tmp_path: Path
) -> None:
    class Full(Staging):
        def create(self, path: str) -> BinaryIO:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await render(sandbox, local("create /audio.mp3"), Full(tmp_path))


async def test_other_work_goes_on_while_a_worker_floods(
    sandbox: Sandbox, local: Local, staging: Staging
) -> None:
    flooding = asyncio.create_task(render(sandbox, local("flood_progress"), staging))

    for _ in range(5):
        await sandbox.probe(local("echo abc"), deadline_seconds=AMPLE)

    flooding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await flooding


async def render(
    sandbox: Sandbox,
    reader: LocalReader,
    staging: Staging,
    *,
    plan: RenderPlan | None = None,
    on_segment: Callable[[Segment], None] | None = None,
) -> None:
    await sandbox.render(
        plan or a_plan(),
        [reader],
        staging,
        on_progress=lambda _: None,
        on_segment=on_segment,
        deadline_seconds=AMPLE,
    )
