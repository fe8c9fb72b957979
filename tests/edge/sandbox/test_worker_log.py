"""A worker cannot fill the server's log."""

from __future__ import annotations

import asyncio
import os

import pytest

from edge.sandbox import worker_log
from edge.sandbox.worker_log import WorkerLog

from .doubles import until


async def test_lines_are_logged_whole_cut_and_printable(caplog: pytest.LogCaptureFixture) -> None:
    reading, writing = os.pipe()
    log = WorkerLog(reading)

    os.write(writing, b"first\nsec")
    await until(lambda: len(caplog.messages) == 1)
    os.write(writing, b"ond\n\x1b[31m\xff\n" + b"x" * 2000 + b"\nlast")
    os.close(writing)
    await until(lambda: len(caplog.messages) == 5)
    log.close()

    assert caplog.messages == ["first", "second", "?[31m\\xff", "x" * 500, "last"]


async def test_a_flood_of_lines_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    reading, writing = os.pipe()
    log = WorkerLog(reading)

    for _ in range(20):
        os.write(writing, b"noise\n" * 100)
        await asyncio.sleep(0)
    os.close(writing)
    log.close()

    assert caplog.messages.count("noise") == worker_log.MAX_LINES_PER_WINDOW
    assert len(caplog.messages) == worker_log.MAX_LINES_PER_WINDOW + 1


async def test_closing_takes_what_is_left(caplog: pytest.LogCaptureFixture) -> None:
    reading, writing = os.pipe()
    log = WorkerLog(reading)
    os.write(writing, b"last words")

    log.close()

    assert caplog.messages == ["last words"]
    os.close(writing)
