"""
The messages between server, zygote and worker, and the frames they travel in.

A frame is a 4-byte big-endian length and that many bytes of JSON. JSON and not pickle, because a
worker that was taken over by a crafted file must not be able to make the server run anything;
bounded and strictly typed, because it must not be able to make it store anything either.
Descriptors travel beside a frame (SCM_RIGHTS); how many is part of each message's meaning.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Annotated, Generic, Literal, TypeVar

import msgspec

from transforms.plan import RenderedFile, RenderPlan, RenderReport, Segment, SourceFacts
from transforms.problems import Detail
from transforms.sources import MOST_LINKED_FILES

MAX_FRAME_BYTES = 1 << 20
MAX_READ_BYTES = 1 << 20
MAX_SOURCES = 11
MAX_CODE_CHARACTERS = 64
MAX_MESSAGE_CHARACTERS = 500
MAX_DETAILS = 20
# In JSON, base64 makes a third more of it.
MAX_PICTURE_BYTES = 700 << 10
FILES_PER_FRAME = 1000

# A remote source's question, offset and length, and the length in front of its answer.
READ_REQUEST = struct.Struct(">QI")
READ_ANSWER = struct.Struct(">I")

_LENGTH = struct.Struct(">I")


class Malformed(Exception):
    """Bytes came in that are no frame, or no message that may come from there."""


class ChannelClosed(Exception):
    """The other side is gone."""


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag=True):
    """Anything that one of the three processes says to another."""

    @property
    def descriptors(self) -> int:
        """How many descriptors travel with the message."""
        return 0


# Server and zygote.


class Spawn(Message, frozen=True, kw_only=True):
    """Fork a worker around the control socket that comes along."""

    ticket: int

    @property
    def descriptors(self) -> int:
        return 1


class Walls(msgspec.Struct, frozen=True, kw_only=True):
    """
    What stands around a worker beside its resource limits.

    ``landlock`` is the ABI of the kernel's Landlock, 0 where there is none.
    """

    landlock: int
    seccomp: bool

    def __str__(self) -> str:
        """Say it in words, missing walls included."""
        abi = self.landlock
        return ", ".join(
            (
                "a process for each job with limits on memory, time, files and file size",
                f"Landlock {abi} (files, ports, signals)" if abi else "no Landlock in this kernel",
                "a filter of system calls" if self.seccomp else "no filter of system calls here",
            )
        )

    @property
    def level(self) -> Literal["full", "partial", "limits"]:
        """Sum it up: both walls, one of them, or nothing but a process with limits."""
        if self.landlock and self.seccomp:
            return "full"
        return "partial" if self.landlock or self.seccomp else "limits"


class Ready(Message, frozen=True, kw_only=True):
    """The zygote is warm and takes requests."""

    walls: Walls


class Spawned(Message, frozen=True, kw_only=True):
    """The worker runs; its pidfd comes along."""

    ticket: int
    pid: int

    @property
    def descriptors(self) -> int:
        return 1


class NotSpawned(Message, frozen=True, kw_only=True):
    """The worker could not be forked."""

    ticket: int
    reason: str


class Exited(Message, frozen=True, kw_only=True):
    """The worker ended and was reaped; *status* is that of ``waitpid``."""

    ticket: int
    pid: int
    status: int


# Server to worker.


class WorkerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel lets a worker have; see ``lockdown``."""

    address_space_bytes: int
    cpu_seconds: int
    file_bytes: int
    open_files: int
    nice: int


class SourceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """
    A source whose descriptor is a file to pread, or a socket to ask when it is *remote*.

    If it is several files in a row, *starts* are the bytes where all but the first of them begin.
    """

    size_bytes: int
    remote: bool
    starts: Annotated[tuple[int, ...], msgspec.Meta(max_length=MOST_LINKED_FILES)] = ()


class Job(Message, frozen=True, kw_only=True):
    """The one request of a worker's life."""

    sources: Annotated[tuple[SourceSpec, ...], msgspec.Meta(max_length=MAX_SOURCES)]
    limits: WorkerLimits

    @property
    def descriptors(self) -> int:
        return len(self.sources)


class Survey(Job, frozen=True, kw_only=True):
    """Find out what the planner must know of one audio track."""

    track: int
    exact: bool


class Probe(Job, frozen=True, kw_only=True):
    """Describe the source as ``f=meta`` does."""


class Picture(Job, frozen=True, kw_only=True):
    """Make a picture that stands for the source, of its cover only if *cover* is true."""

    cover: bool


class FindTempo(Job, frozen=True, kw_only=True):
    """Find the tempo of one audio track."""

    track: int


class Render(Job, frozen=True, kw_only=True):
    """Make the artifact files of a plan, with so many threads that encode."""

    plan: RenderPlan
    threads: int


class Created(Message, frozen=True, kw_only=True):
    """The file asked for is open; its descriptor comes along."""

    @property
    def descriptors(self) -> int:
        return 1


class Want(Message, frozen=True, kw_only=True):
    """Somebody waits for a segment of the artifact that is being made."""

    variant: Annotated[int, msgspec.Meta(ge=0)]
    number: Annotated[int, msgspec.Meta(ge=0)]


# Worker to server.


class Create(Message, frozen=True, kw_only=True):
    """Open a new artifact file."""

    path: str


class Progress(Message, frozen=True, kw_only=True):
    """This much of a render is done."""

    fraction: Annotated[float, msgspec.Meta(ge=0, le=1)]


class SegmentMade(Message, frozen=True, kw_only=True):
    """A segment's file, created before, is whole."""

    segment: Segment


class Surveyed(Message, frozen=True, kw_only=True):
    """The answer to ``Survey``."""

    facts: SourceFacts


class Probed(Message, frozen=True, kw_only=True):
    """The answer to ``Probe``."""

    document: dict[str, object]


class Pictured(Message, frozen=True, kw_only=True):
    """The answer to ``Picture``."""

    jpeg: Annotated[bytes, msgspec.Meta(max_length=MAX_PICTURE_BYTES)]


class TempoFound(Message, frozen=True, kw_only=True):
    """The answer to ``FindTempo``; without ``bpm`` there is no beat."""

    bpm: Annotated[float, msgspec.Meta(gt=0, le=1000)] | None
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]


class Made(Message, frozen=True, kw_only=True):
    """Some of the files of the report that follows: a long HLS list outgrows one frame."""

    files: Annotated[tuple[RenderedFile, ...], msgspec.Meta(max_length=FILES_PER_FRAME)]


class Rendered(Message, frozen=True, kw_only=True):
    """The answer to ``Render``, its files sent before."""

    report: RenderReport


class Failed(Message, frozen=True, kw_only=True):
    """The answer to any job that cannot be done."""

    code: Annotated[str, msgspec.Meta(max_length=MAX_CODE_CHARACTERS, pattern=r"^[a-z][a-z0-9_]*$")]
    message: Annotated[str, msgspec.Meta(max_length=MAX_MESSAGE_CHARACTERS)]
    details: Annotated[dict[str, Detail], msgspec.Meta(max_length=MAX_DETAILS)]


Answer = Surveyed | Probed | Pictured | TempoFound | Rendered | Failed
ToZygote = Spawn
FromZygote = Ready | Spawned | NotSpawned | Exited
ToWorker = Survey | Probe | Picture | FindTempo | Render | Created | Want
FromWorker = Create | Progress | SegmentMade | Made | Answer

Incoming = TypeVar("Incoming", bound=Message)

TO_ZYGOTE: msgspec.json.Decoder[ToZygote] = msgspec.json.Decoder(ToZygote)
FROM_ZYGOTE: msgspec.json.Decoder[FromZygote] = msgspec.json.Decoder(FromZygote)
TO_WORKER: msgspec.json.Decoder[ToWorker] = msgspec.json.Decoder(ToWorker)
FROM_WORKER: msgspec.json.Decoder[FromWorker] = msgspec.json.Decoder(FromWorker)


def encode(message: Message) -> bytes:
    """
    Put *message* into a frame.

    Raises:
        ValueError: It is longer than a frame may be.
    """
    body = msgspec.json.encode(message)
    if len(body) > MAX_FRAME_BYTES:
        raise ValueError(f"a message of {len(body)} bytes does not fit into a frame")
    return _LENGTH.pack(len(body)) + body


def failed(code: str, message: str, details: Mapping[str, Detail] | None = None) -> Failed:
    """Make a ``Failed`` that is within its bounds whatever it is made of."""
    return Failed(
        code=code[:MAX_CODE_CHARACTERS],
        message=message[:MAX_MESSAGE_CHARACTERS],
        details=dict(list((details or {}).items())[:MAX_DETAILS]),
    )


class Frames(Generic[Incoming]):
    """Bytes in, messages out, whatever the pieces that the bytes come in."""

    def __init__(self, decoder: msgspec.json.Decoder[Incoming]) -> None:
        self._decoder = decoder
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> None:
        """Add what was received."""
        self._buffer += piece

    def next(self) -> Incoming | None:
        """
        Take the next whole message, ``None`` if there is none yet.

        Raises:
            Malformed: The bytes are not a frame with a message that may come from there.
        """
        if len(self._buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._buffer)
        if length > MAX_FRAME_BYTES:
            raise Malformed(f"a frame of {length} bytes")
        end = _LENGTH.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        try:
            return self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
            raise Malformed(str(problem)) from problem
