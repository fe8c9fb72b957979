"""
One worker's life: lock down, do one job, answer, end.

A process per job costs a millisecond and buys that whatever a crafted file does to it (leak, loop,
corrupt, take over) ends with that file's job. A worker gets descriptors, never a path or a URL.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import socket
import threading
import time
import traceback
from typing import BinaryIO, NoReturn

from edge.sandbox import lockdown, wire
from edge.sandbox.blocking_channel import BlockingChannel
from edge.sandbox.jobs import Jobs
from transforms.plan import Segment
from transforms.problems import TransformProblem
from transforms.sources import Linked, Source

# Where the control socket lives, behind the three standard streams; all above it is closed.
CONTROL_DESCRIPTOR = 3

PROGRESS_STEP = 0.01
PROGRESS_INTERVAL_SECONDS = 0.1

# What a pipe takes in one piece (PIPE_BUF), so that workers do not write into each other's lines.
_MAX_TRACEBACK_BYTES = 4096


def live(control: int, jobs: Jobs, zygote_pid: int) -> NoReturn:
    """Be the worker behind *control*, in a process just forked; never return to the zygote."""
    status = 1
    try:
        lockdown.die_with_parent(zygote_pid)
        os.dup2(control, CONTROL_DESCRIPTOR, inheritable=False)
        os.closerange(CONTROL_DESCRIPTOR + 1, os.sysconf("SC_OPEN_MAX"))
        with socket.socket(fileno=CONTROL_DESCRIPTOR) as end:
            _serve(BlockingChannel(end, wire.TO_WORKER), jobs)
        status = 0
    except BaseException as problem:
        _complain(problem)
    finally:
        os._exit(status)


def _serve(control: BlockingChannel[wire.ToWorker], jobs: Jobs) -> None:
    job, descriptors = control.receive()
    if not isinstance(job, wire.Job):
        raise wire.Malformed("no job")
    lockdown.apply(job.limits)
    sources = [_source(*pair) for pair in zip(job.sources, descriptors, strict=True)]
    try:
        _answer(control, job, sources, jobs)
    except TransformProblem as problem:
        control.send(wire.failed(problem.code, problem.message, problem.details))
    except Exception as problem:
        control.send(_unforeseen(problem))


def _answer(
    control: BlockingChannel[wire.ToWorker], job: wire.Job, sources: list[Source], jobs: Jobs
) -> None:
    match job:
        case wire.Survey(track=track, exact=exact):
            (source,) = sources
            facts = jobs.survey(source, track=track, exact=exact)
            control.send(wire.Surveyed(facts=facts))
        case wire.Probe():
            (source,) = sources
            control.send(wire.Probed(document=jobs.probe(source)))
        case wire.Picture(cover=cover):
            (source,) = sources
            control.send(wire.Pictured(jpeg=jobs.picture(source, cover=cover)))
        case wire.FindTempo(track=track):
            (source,) = sources
            found = jobs.tempo(source, track=track)
            bpm, confidence = (found.bpm, found.confidence) if found else (None, 0.0)
            control.send(wire.TempoFound(bpm=bpm, confidence=confidence))
        case wire.Render(plan=plan, threads=threads):
            report = jobs.render(plan, sources, ControlSink(control), threads=threads)
            for first in range(0, len(report.files), wire.FILES_PER_FRAME):
                files = report.files[first : first + wire.FILES_PER_FRAME]
                control.send(wire.Made(files=files))
            control.send(wire.Rendered(report=dataclasses.replace(report, files=())))


def _unforeseen(problem: Exception) -> wire.Failed:
    number = problem.errno if isinstance(problem, OSError) else None
    if isinstance(problem, MemoryError) or number == errno.ENOMEM:
        return wire.failed("too_much_memory", "The media needs more memory than a job may use.")
    if number == errno.EFBIG:
        return wire.failed("output_too_large", "The output is larger than a file may be.")
    if number in (errno.ENOSPC, errno.EDQUOT):
        return wire.failed("storage_full", "There is no space left to write the output.")
    _complain(problem)
    return wire.failed("render_failed", "The media could not be processed.")


def _complain(problem: BaseException) -> None:
    text = "".join(traceback.format_exception(problem)).encode("utf-8", "backslashreplace")
    # The end of a traceback says what happened.
    os.write(2, text[-_MAX_TRACEBACK_BYTES:])


def _source(spec: wire.SourceSpec, descriptor: int) -> Source:
    source: Source = FileSource(descriptor, spec.size_bytes)
    if spec.remote:
        source = RemoteSource(socket.socket(fileno=descriptor), spec.size_bytes)
    return Linked(source, spec.starts) if spec.starts else source


class FileSource:
    """A local file, by a descriptor that may be shared: its position is never used."""

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        self._descriptor = descriptor
        self.size_bytes = size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Read *length* bytes at *offset*; fewer only at the end of the source."""
        wanted = max(0, min(length, self.size_bytes - offset))
        return os.pread(self._descriptor, wanted, offset) if wanted else b""


class RemoteSource:
    """A source that the server reads for us, piece by piece."""

    def __init__(self, end: socket.socket, size_bytes: int) -> None:
        self._socket = end
        self._turn = threading.Lock()
        self.size_bytes = size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Read *length* bytes at *offset*; fewer only at the end of the source."""
        end = min(offset + length, self.size_bytes)
        pieces = bytearray()
        while (position := offset + len(pieces)) < end:
            piece = self._ask(position, min(end - position, wire.MAX_READ_BYTES))
            if not piece:
                break
            pieces += piece
        return bytes(pieces)

    def _ask(self, offset: int, length: int) -> bytes:
        with self._turn:
            self._socket.sendall(wire.READ_REQUEST.pack(offset, length))
            (answered,) = wire.READ_ANSWER.unpack(self._receive(wire.READ_ANSWER.size))
            return self._receive(answered)

    def _receive(self, length: int) -> bytes:
        received = bytearray(length)
        view = memoryview(received)
        while view:
            count = self._socket.recv_into(view)
            if count == 0:
                raise ConnectionResetError("the server closed a source")
            view = view[count:]
        return bytes(received)


class ControlSink:
    """Artifact files that the server opens, and progress that it is told in moderation."""

    def __init__(self, control: BlockingChannel[wire.ToWorker]) -> None:
        self._control = control
        self._turn = threading.Lock()
        self._wanted: tuple[int, int] | None = None
        self._told = 0.0
        self._told_at = time.monotonic()

    def create(self, path: str) -> BinaryIO:
        """Open a new artifact file; the server ends this worker if *path* is not allowed."""
        with self._turn:
            self._control.send(wire.Create(path=path))
            while True:
                message, descriptors = self._control.receive()
                if isinstance(message, wire.Created):
                    break
                self._note(message)
        return open(descriptors[0], "w+b")

    def progress(self, fraction: float) -> None:
        """Tell how much of the work is done, at most every 100 ms or every percent."""
        with self._turn:
            rise = fraction - self._told
            now = time.monotonic()
            due = rise >= PROGRESS_STEP or now - self._told_at >= PROGRESS_INTERVAL_SECONDS
            # Not a number rises by no amount, so it is never sent.
            if rise > 0 and fraction <= 1 and due:
                self._control.send(wire.Progress(fraction=fraction))
                self._told, self._told_at = fraction, now

    def wanted(self) -> tuple[int, int] | None:
        """Tell which segment the server was asked for most recently."""
        with self._turn:
            for message, _ in self._control.receive_ready():
                self._note(message)
            wanted, self._wanted = self._wanted, None
        return wanted

    def _note(self, message: wire.ToWorker) -> None:
        if not isinstance(message, wire.Want):
            raise wire.Malformed("an answer to nothing")
        self._wanted = message.variant, message.number

    def segment(self, segment: Segment) -> None:
        """Tell that a segment's file is whole."""
        with self._turn:
            self._control.send(wire.SegmentMade(segment=segment))
