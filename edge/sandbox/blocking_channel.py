"""
Messages over a Unix socket for the zygote and its workers, which have no event loop.

Apart from its asynchronous twin so that neither of them imports asyncio.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator, Sequence
from typing import Generic

import msgspec

from edge.sandbox import wire
from edge.sandbox.wire import ChannelClosed, Incoming, Message

_PIECE_BYTES = 65536
_MAX_DESCRIPTORS = wire.MAX_SOURCES


class BlockingChannel(Generic[Incoming]):
    """One end of a conversation; not safe for two threads at once."""

    def __init__(self, end: socket.socket, decoder: msgspec.json.Decoder[Incoming]) -> None:
        self._socket = end
        self._frames = wire.Frames(decoder)
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        """Tell the descriptor, for a selector."""
        return self._socket.fileno()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """
        Send *message*, and *descriptors* with its first byte.

        Raises:
            ChannelClosed: Nobody will read it.

            ValueError: It is longer than a frame may be.
        """
        frame = wire.encode(message)
        try:
            sent = socket.send_fds(self._socket, [frame], descriptors) if descriptors else 0
            self._socket.sendall(frame[sent:])
        except ConnectionError as problem:
            raise ChannelClosed from problem

    def receive(self) -> tuple[Incoming, list[int]]:
        """
        Wait for the next message and the descriptors that came with it.

        Raises:
            ChannelClosed: There will be none.

            wire.Malformed: It cannot be understood or its descriptors were lost.
        """
        while (message := self._frames.next()) is None:
            self._receive_piece()
        return message, self._take(message.descriptors)

    def receive_ready(self) -> Iterator[tuple[Incoming, list[int]]]:
        """Yield every message that is there already; raises as ``receive``."""
        while select.select([self._socket], [], [], 0)[0]:
            self._receive_piece()
        while (message := self._frames.next()) is not None:
            yield message, self._take(message.descriptors)

    def receive_waiting(self) -> Iterator[tuple[Incoming, list[int]]]:
        """Receive once, then yield every message that is complete; raises as ``receive``."""
        self._receive_piece()
        while (message := self._frames.next()) is not None:
            yield message, self._take(message.descriptors)

    def _receive_piece(self) -> None:
        try:
            piece, descriptors, _, _ = socket.recv_fds(
                self._socket, _PIECE_BYTES, _MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionError as problem:
            raise ChannelClosed from problem
        self._descriptors += descriptors
        if not piece:
            raise ChannelClosed
        self._frames.feed(piece)

    def _take(self, count: int) -> list[int]:
        if len(self._descriptors) < count:
            raise wire.Malformed("a message without its descriptors")
        taken, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return taken
