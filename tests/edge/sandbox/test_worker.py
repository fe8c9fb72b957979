"""What an honest worker can do, what it cannot, and how its failures are told."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cache.source import Reader
from cache.staging import Staging
from edge.sandbox import wire
from edge.sandbox.pool import Sandbox
from edge.sandbox.problems import MediaProblem, SentGarbage, WorkerDied
from transforms.audio.tempo import Tempo
from transforms.formats import Format
from transforms.plan import RenderedFile

from . import fake_jobs, fake_renders
from .doubles import AMPLE, LocalReader, RemoteReader, a_plan, until

Local = Callable[[str], LocalReader]


async def test_a_survey_answers_facts(sandbox: Sandbox, local: Local) -> None:
    facts = await sandbox.survey(local("12345"), track=2, exact=True, deadline_seconds=AMPLE)

    assert facts == fake_jobs.facts(samples=12_005)


async def test_a_picture_is_bytes_within_their_bound(sandbox: Sandbox, local: Local) -> None:
    small, largest, over = (local(text) for text in ("a picture", "the largest", "too large"))

    async def picture(reader: LocalReader, *, cover: bool) -> bytes:
        return await sandbox.picture(reader, cover=cover, deadline_seconds=AMPLE)

    assert await picture(small, cover=True) == b"\xff\xd8" + bytes(range(256))
    assert await picture(small, cover=False) == b"an icon of a picture"
    assert await picture(largest, cover=True) == bytes(wire.MAX_PICTURE_BYTES)
    with pytest.raises(SentGarbage):
        await picture(over, cover=True)
    with pytest.raises(WorkerDied):
        await picture(local("deadly"), cover=True)


async def test_a_tempo_is_told_or_that_there_is_none(sandbox: Sandbox, local: Local) -> None:
    async def tempo(word: str) -> Tempo | None:
        return await sandbox.tempo(local(word), track=2, deadline_seconds=AMPLE)

    assert await tempo("118.5") == Tempo(bpm=120.5, confidence=0.5)
    assert await tempo("still") is None
    for nonsense in ("-200", "1e6"):
        with pytest.raises(SentGarbage):
            await tempo(nonsense)


async def test_a_local_source_is_read_by_its_descriptor(sandbox: Sandbox, local: Local) -> None:
    document = await sandbox.probe(local("echo häß"), deadline_seconds=AMPLE)

    assert document == {"whole": "echo häß", "middle": "hä", "past": ""}


async def test_a_remote_source_is_read_by_the_server(sandbox: Sandbox) -> None:
    reader = RemoteReader(b"echo 0123")

    document = await sandbox.probe(reader, deadline_seconds=AMPLE)

    assert document == {"whole": "echo 0123", "middle": "012", "past": ""}
    assert reader.reads == [(0, 9), (0, 9), (5, 3)]


async def test_a_long_remote_read_is_asked_for_in_bounded_pieces(sandbox: Sandbox) -> None:
    reader = RemoteReader(b"measure " + bytes(2 * wire.MAX_READ_BYTES))

    document = await sandbox.probe(reader, deadline_seconds=AMPLE)

    assert document == {"read": reader.size_bytes, "size": reader.size_bytes}
    assert reader.reads == [
        (0, 100),
        (0, wire.MAX_READ_BYTES),
        (wire.MAX_READ_BYTES, wire.MAX_READ_BYTES),
        (2 * wire.MAX_READ_BYTES, 8),
    ]


async def test_a_render_joins_many_sources_into_a_file(
    sandbox: Sandbox, local: Local, staging: Staging
) -> None:
    pieces = [str(number) * 1000 for number in range(10)]
    remote = [RemoteReader(piece.encode()) for piece in pieces[:5]]
    readers: list[Reader] = [local("join"), *remote, *map(local, pieces[5:])]

    report = await sandbox.render(
        a_plan(), readers, staging, on_progress=lambda _: None, deadline_seconds=AMPLE
    )

    assert report == fake_renders.report("/audio.mp3", size_bytes=10_004)
    made = staging.open("/audio.mp3")
    content = await made.read_at(0, made.size_bytes)
    await made.aclose()
    assert content.decode() == "head" + "".join(pieces)


async def test_a_report_of_more_files_than_a_frame_holds_comes_whole(
    sandbox: Sandbox, local: Local, staging: Staging
) -> None:
    report = await sandbox.render(
        dataclasses.replace(a_plan(), format=Format.HLS_AAC),
        [local("make_segments 2500 1")],
        staging,
        on_progress=lambda _: None,
        on_segment=lambda _: None,
        deadline_seconds=AMPLE,
    )

    assert report.files == tuple(
        RenderedFile(path=f"/0f/{number}.ts", media_type="video/mp2t", size_bytes=1)
        for number in range(2500)
    )
    assert len(staging.paths) == 2500


async def test_progress_rises_and_is_told_in_moderation(
    sandbox: Sandbox, local: Local, staging: Staging
) -> None:
    told: list[float] = []

    await sandbox.render(
        a_plan(), [local("proceed")], staging, on_progress=told.append, deadline_seconds=AMPLE
    )

    # A hundred steps of a percent, and whatever 100 ms without one allow in between.
    assert 50 <= len(told) < 1000
    assert told == sorted(told)
    assert set(told) <= {step / 100_000 for step in range(100_001)}


async def test_a_worker_has_nothing_but_its_job(sandbox: Sandbox, local: Local) -> None:
    document = await sandbox.probe(local("confess"), deadline_seconds=AMPLE)

    environment = document.pop("environment")
    assert document == {
        "limits": {
            "RLIMIT_AS": 1 << 30,
            "RLIMIT_CORE": 0,
            "RLIMIT_FSIZE": 0,
            "RLIMIT_NOFILE": 128,
        },
        "threads": 1,
        # It gives way to nobody beside whom the server does not.
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        # The standard streams, the control socket and the source.
        "descriptors": [0, 1, 2, 3, 4],
        "asyncio": False,
    }
    assert isinstance(environment, list)
    assert set(environment) <= {
        *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TMPDIR", "PYTHONPATH"),
        *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MALLOC_ARENA_MAX"),
    }


async def test_a_secret_of_the_server_stays_with_it(
    local: Local, monkeypatch: pytest.MonkeyPatch, sandbox_of: Callable[[str], Sandbox]
) -> None:
    monkeypatch.setenv("EDGE_BOOTSTRAP_SECRET_KEY", "secret")

    document = await sandbox_of("JOBS").probe(local("confess"), deadline_seconds=AMPLE)

    assert "EDGE_BOOTSTRAP_SECRET_KEY" not in str(document)


@pytest.mark.parametrize(("output", "nice"), [(Format.MP3, 15), (Format.HLS_AAC_RT, 10)])
async def test_a_render_gives_way_to_the_server_and_to_listeners(
    sandbox: Sandbox, local: Local, staging: Staging, output: Format, nice: int
) -> None:
    report = await sandbox.render(
        dataclasses.replace(a_plan(), format=output),
        [local("be_nice")],
        staging,
        on_progress=lambda _: None,
        deadline_seconds=AMPLE,
    )

    assert report.encoder == f"nice {min(19, os.getpriority(os.PRIO_PROCESS, 0) + nice)}"


async def test_workers_together_give_way_where_the_kernel_groups_by_session(
    sandbox: Sandbox, local: Local, staging: Staging
) -> None:
    group = Path(f"/proc/{sandbox.zygote_pid}/autogroup")
    if not os.access(group, os.W_OK):
        # This kernel does not group by session, or lets nobody say how: niceness is compared.
        return
    own = Path("/proc/self/autogroup").read_text()
    # Another process may just have used up what the kernel allows everybody in 100 ms.
    for _ in range(100):
        if group.read_text().endswith(" nice 10\n"):
            break
        await sandbox.render(
            a_plan(),
            [local("be_nice")],
            staging,
            on_progress=lambda _: None,
            deadline_seconds=AMPLE,
        )

    assert group.read_text().endswith(" nice 10\n")
    assert Path("/proc/self/autogroup").read_text() == own


async def test_a_refusal_keeps_its_fields(sandbox: Sandbox, local: Local) -> None:
    with pytest.raises(MediaProblem) as caught:
        await sandbox.probe(local("refuse"), deadline_seconds=AMPLE)

    problem = caught.value
    assert problem.code == "unsupported_media"
    assert problem.message == ("No decoder. " + "x" * 1000)[: wire.MAX_MESSAGE_CHARACTERS]
    assert problem.details == {"codec": "speex", "tried": ["a", "b"], "at": 0.5}


async def test_too_much_memory_is_a_refusal(sandbox: Sandbox, local: Local) -> None:
    with pytest.raises(MediaProblem) as caught:
        await sandbox.probe(local("allocate"), deadline_seconds=AMPLE)

    assert caught.value.code == "too_much_memory"


@pytest.mark.parametrize(
    ("action", "code"),
    [("overflow", "output_too_large"), ("find_the_disk_full", "storage_full")],
)
async def test_files_that_cannot_grow_are_a_refusal(
    sandbox: Sandbox,
    local: Local,
    staging: Staging,
    tmp_path: Path,
    action: str,
    code: str,
) -> None:
    with pytest.raises(MediaProblem) as caught:
        await sandbox.render(
            a_plan(file_bytes=1 << 20),
            [local(action)],
            staging,
            on_progress=lambda _: None,
            deadline_seconds=AMPLE,
        )

    assert caught.value.code == code
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2 << 20


async def test_an_unforeseen_error_is_told_to_the_log_and_not_to_the_client(
    sandbox: Sandbox, local: Local, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(MediaProblem) as caught:
        await sandbox.probe(local("stumble"), deadline_seconds=AMPLE)

    assert (caught.value.code, caught.value.message, caught.value.details) == (
        "render_failed",
        "The media could not be processed.",
        {},
    )
    await until(lambda: "ValueError: the secret detail?[31m" in caplog.text)


async def test_an_answer_that_fits_no_frame_is_an_unforeseen_error(
    sandbox: Sandbox, local: Local
) -> None:
    with pytest.raises(MediaProblem) as caught:
        await sandbox.probe(local("answer_at_length"), deadline_seconds=AMPLE)

    assert caught.value.code == "render_failed"


async def test_more_sources_than_allowed_are_refused_before_work(
    sandbox: Sandbox, local: Local, staging: Staging
) -> None:
    readers = [local("join") for _ in range(wire.MAX_SOURCES + 1)]

    with pytest.raises(ValueError, match="at most 11 sources, not 12"):
        await sandbox.render(
            a_plan(), readers, staging, on_progress=lambda _: None, deadline_seconds=AMPLE
        )
