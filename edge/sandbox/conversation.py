"""
The server's side of one job: hand it over, serve what the worker asks, wait for the answer.

Everything a worker says is taken for hostile. The first thing that is not allowed ends the
conversation, and the caller ends the worker. So does the first failure on the server's side (a
source that changed, a full disk), which reaches the caller as it is: a worker that was told of it
could only turn it into a statement about the media.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import BinaryIO

from cache.source import Reader
from cache.staging import Staging
from edge.sandbox import wire
from edge.sandbox.async_channel import readable, send_all
from edge.sandbox.claims import Claims
from edge.sandbox.nursery import Child
from edge.sandbox.problems import SentGarbage
from transforms.plan import Segment


class Conversation:
    """What the server and one worker have to say to each other."""

    def __init__(
        self,
        child: Child,
        *,
        claims: Claims | None = None,
        on_progress: Callable[[float], None] | None = None,
        on_segment: Callable[[Segment], None] | None = None,
        wants: asyncio.Queue[tuple[int, int]] | None = None,
    ) -> None:
        self._child = child
        self._claims = claims
        self._on_progress = on_progress
        self._on_segment = on_segment
        self._wants = wants
        self._begun = asyncio.Event()
        self._sending = asyncio.Lock()

    async def hold(self, job: wire.Job, readers: Sequence[Reader]) -> wire.Answer:
        """
        Give the worker *job* with a descriptor for each reader, and wait for its answer.

        Raises:
            WorkerDied: The worker ended or said something that it must not say.

            Exception: Whatever a reader or the staging raised.
        """
        with contextlib.ExitStack() as stack:
            descriptors, served = _descriptors(readers, stack)
            try:
                async with asyncio.TaskGroup() as group:
                    servers = [group.create_task(_serve(*pair)) for pair in served]
                    servers.append(group.create_task(self._pass_wants_on()))
                    answer = await self._talk(job, descriptors)
                    for server in servers:
                        server.cancel()
            except BaseExceptionGroup as problems:
                # The first failure cancels the rest, so there is one unless two came at once.
                raise problems.exceptions[0] from None
        return answer

    async def _talk(self, job: wire.Job, descriptors: Sequence[int]) -> wire.Answer:
        control = self._child.control
        try:
            await control.send(job, descriptors)
            self._begun.set()
            while True:
                message, _ = await control.receive()
                match message:
                    case wire.Create(path=path):
                        await self._create(path)
                    case wire.Progress(fraction=fraction):
                        self._progress(fraction)
                    case wire.SegmentMade(segment=segment):
                        self._segment(segment)
                    case wire.Made(files=files):
                        self._claimed().list(files)
                    case wire.Rendered(report=report):
                        return wire.Rendered(report=self._claimed().settle(report))
                    case wire.Surveyed() | wire.Probed() | wire.Failed():
                        return message
                    case wire.Pictured() | wire.TempoFound():
                        return message
        except wire.Malformed as problem:
            raise SentGarbage(str(problem)) from problem
        except wire.ChannelClosed:
            # The socket closes a moment before the process can be reaped.
            raise await asyncio.shield(self._child.gone) from None

    async def _create(self, path: str) -> None:
        claims = self._claimed()
        claims.create(path)
        with await _open(claims.staging, path) as file:
            async with self._sending:
                await self._child.control.send(wire.Created(), [file.fileno()])

    async def _pass_wants_on(self) -> None:
        """Tell the worker what is waited for; it looks at the last of it between two segments."""
        await self._begun.wait()
        while self._wants is not None:
            variant, number = await self._wants.get()
            try:
                async with self._sending:
                    await self._child.control.send(wire.Want(variant=variant, number=number))
            except wire.ChannelClosed:
                # What became of the worker is told by what it does not say any more.
                return

    def _progress(self, fraction: float) -> None:
        if self._on_progress is None:
            raise SentGarbage("progress of a job that has none")
        self._on_progress(fraction)

    def _segment(self, segment: Segment) -> None:
        if self._on_segment is None:
            raise SentGarbage("a segment of no variant")
        self._claimed().announce(segment)
        self._on_segment(segment)

    def _claimed(self) -> Claims:
        if self._claims is None:
            raise SentGarbage("an answer to another job: a file")
        return self._claims


def _descriptors(
    readers: Sequence[Reader], stack: contextlib.ExitStack
) -> tuple[list[int], list[tuple[Reader, socket.socket]]]:
    """
    Find or make a descriptor for each reader.

    Returns the descriptors in order, and the readers to serve with our end of their sockets. The
    worker's ends stay open here as well, until *stack* closes all; the worker is dead by then.
    """
    descriptors: list[int] = []
    served: list[tuple[Reader, socket.socket]] = []
    for reader in readers:
        descriptor = reader.fileno()
        if descriptor is None:
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            stack.enter_context(theirs)
            ours.setblocking(False)
            served.append((reader, ours))
            descriptor = theirs.fileno()
        descriptors.append(descriptor)
    return descriptors, served


async def _serve(reader: Reader, end: socket.socket) -> None:
    """Answer a worker's reads of one remote source until it wants no more."""
    while request := await _receive_request(end):
        offset, length = wire.READ_REQUEST.unpack(request)
        if not 0 < length <= wire.MAX_READ_BYTES or offset + length > reader.size_bytes:
            raise SentGarbage(f"a read of {length} bytes at {offset}")
        piece = await reader.read_at(offset, length)
        try:
            await send_all(end, wire.READ_ANSWER.pack(len(piece)) + piece)
        except wire.ChannelClosed:
            # What became of the worker is told by its control channel.
            return


async def _receive_request(end: socket.socket) -> bytes:
    received = b""
    while len(received) < wire.READ_REQUEST.size:
        await readable(end.fileno())
        piece = end.recv(wire.READ_REQUEST.size - len(received))
        if not piece:
            return b""
        received += piece
    return received


async def _open(staging: Staging, path: str) -> BinaryIO:
    opening = asyncio.ensure_future(asyncio.to_thread(staging.create, path))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        # The thread cannot be stopped; what it opens must still be closed.
        opening.add_done_callback(_close_opened)
        raise


def _close_opened(opening: asyncio.Future[BinaryIO]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
