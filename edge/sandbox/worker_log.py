"""What workers write to stderr, as bounded lines of the server's log and nowhere else."""

from __future__ import annotations

import asyncio
import logging
import os

LOGGER = logging.getLogger("edge.sandbox.worker")

MAX_LINE_CHARACTERS = 500
MAX_LINES_PER_WINDOW = 200
WINDOW_SECONDS = 10.0

_PIECE_BYTES = 16384


class WorkerLog:
    """
    Logs the lines that arrive in a pipe, which it owns.

    A worker may be in a stranger's hands, so its lines are cut, unprintable characters replaced,
    and what exceeds ``MAX_LINES_PER_WINDOW`` is read and dropped: a full pipe would block others.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor: int | None = descriptor
        self._loop = asyncio.get_running_loop()
        self._unfinished = b""
        self._window_start = self._loop.time()
        self._lines = 0
        self._loop.add_reader(descriptor, self._read)

    def close(self) -> None:
        """Log what is still in the pipe and close it."""
        while self._descriptor is not None and self._read():
            pass
        self._finish()

    def _read(self) -> bool:
        """Log one piece; tell whether there may be more."""
        assert self._descriptor is not None
        try:
            piece = os.read(self._descriptor, _PIECE_BYTES)
        except BlockingIOError:
            return False
        if not piece:
            self._finish()
            return False
        *lines, rest = (self._unfinished + piece).split(b"\n")
        self._unfinished = rest[:MAX_LINE_CHARACTERS]
        for line in lines:
            self._log(line)
        return True

    def _finish(self) -> None:
        if self._descriptor is None:
            return
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None
        if self._unfinished:
            self._log(self._unfinished)

    def _log(self, line: bytes) -> None:
        now = self._loop.time()
        if now - self._window_start >= WINDOW_SECONDS:
            self._window_start, self._lines = now, 0
        self._lines += 1
        if self._lines <= MAX_LINES_PER_WINDOW:
            text = line[:MAX_LINE_CHARACTERS].decode("utf-8", "backslashreplace")
            LOGGER.warning("%s", "".join(c if c.isprintable() else "?" for c in text))
        elif self._lines == MAX_LINES_PER_WINDOW + 1:
            LOGGER.warning("workers write too much; the rest of these seconds is dropped")
