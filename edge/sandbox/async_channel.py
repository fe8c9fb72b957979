"""
Messages over a Unix socket for the server, which must never wait for one process alone.

asyncio's own ``sock_recv`` and ``sock_sendall`` pass no descriptors, and they try before they
wait: a worker that always has something to say could keep the loop to itself. Here each piece of
input costs its sender a turn of the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
from collections.abc import Callable, Sequence
from typing import Generic

import msgspec

from edge.sandbox import wire
from edge.sandbox.wire import ChannelClosed, Incoming, Message

_PIECE_BYTES = 16384
_MAX_DESCRIPTORS = 16


class AsyncChannel(Generic[Incoming]):
    """
    One end of a conversation; one task may receive while another sends.

    Descriptors are taken only from a trusted other side: a worker could fill the server's table
    with them. The kernel closes those that are not asked for.
    """

    def __init__(
        self,
        end: socket.socket,
        decoder: msgspec.json.Decoder[Incoming],
        *,
        takes_descriptors: bool = False,
    ) -> None:
        end.setblocking(False)
        self._socket = end
        self._frames = wire.Frames(decoder)
        self._takes_descriptors = takes_descriptors
        self._descriptors: list[int] = []

    async def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send *message*, and *descriptors* with its first byte; raises as ``send_all``."""
        await send_all(self._socket, wire.encode(message), descriptors)

    async def receive(self) -> tuple[Incoming, list[int]]:
        """
        Wait for the next message and the descriptors that came with it.

        Raises:
            ChannelClosed: There will be none.

            wire.Malformed: It cannot be understood or its descriptors were lost.
        """
        while (message := self._frames.next()) is None:
            await readable(self._socket.fileno())
            self._receive_piece()
        count = message.descriptors if self._takes_descriptors else 0
        if len(self._descriptors) < count:
            raise wire.Malformed("a message without its descriptors")
        taken, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return message, taken

    def close(self) -> None:
        """Close this end and what came through it unasked."""
        self._socket.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()

    def _receive_piece(self) -> None:
        room = _MAX_DESCRIPTORS if self._takes_descriptors else 0
        try:
            piece, descriptors, _, _ = socket.recv_fds(
                self._socket, _PIECE_BYTES, room, socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionError as problem:
            raise ChannelClosed from problem
        self._descriptors += descriptors
        if not piece:
            raise ChannelClosed
        self._frames.feed(piece)


async def send_all(end: socket.socket, piece: bytes, descriptors: Sequence[int] = ()) -> None:
    """
    Send all of *piece* through a non-blocking socket, *descriptors* with its first byte.

    Cancelled half-way it shuts the socket down: what came next would be read as the rest.

    Raises:
        ChannelClosed: Nobody will read it.
    """
    rest = memoryview(piece)
    try:
        while rest:
            try:
                sent = socket.send_fds(end, [rest], descriptors)
            except BlockingIOError:
                await _writable(end.fileno())
                continue
            except ConnectionError as problem:
                raise ChannelClosed from problem
            rest, descriptors = rest[sent:], ()
    except asyncio.CancelledError:
        if len(rest) < len(piece):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        raise


async def readable(descriptor: int) -> None:
    """Wait until reading *descriptor* would not block; a pidfd: until its process has ended."""
    loop = asyncio.get_running_loop()
    await _ready(functools.partial(loop.add_reader, descriptor), loop.remove_reader, descriptor)


async def _writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    await _ready(functools.partial(loop.add_writer, descriptor), loop.remove_writer, descriptor)


async def _ready(
    watch: Callable[[Callable[[], None]], None], forget: Callable[[int], bool], descriptor: int
) -> None:
    ready = asyncio.Event()
    watch(ready.set)
    try:
        await ready.wait()
    finally:
        forget(descriptor)
