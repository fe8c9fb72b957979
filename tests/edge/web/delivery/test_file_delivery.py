"""Delivery over ASGI: what is sent, how much is read for it, and that readers are closed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from cache.source import SourceChanged
from edge.web.delivery.answer import Representation
from edge.web.delivery.caching import for_ever
from edge.web.delivery.content import Content
from edge.web.delivery.files import CHUNK_BYTES, BodyCutShort, FileDelivery
from edge.web.problems import CatchAll

Call = Callable[..., Awaitable[Any]]

CONTENT = bytes(index % 251 for index in range(3 * CHUNK_BYTES + 17))


@dataclass
class Recorder:
    """A reader of bytes in memory that remembers what was asked of it."""

    content: bytes = CONTENT
    failure: Exception | None = None
    fails_from: int = 0
    reads: list[tuple[int, int]] = field(default_factory=list)
    opened: int = 0
    closed: int = 0

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    async def open(self) -> Recorder:
        self.opened += 1
        return self

    async def read_at(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        if self.failure is not None and offset >= self.fails_from:
            raise self.failure
        return self.content[offset : offset + length]

    def fileno(self) -> int | None:
        return None

    async def aclose(self) -> None:
        self.closed += 1


def delivery(reader: Recorder, size_bytes: int | None = None) -> FileDelivery:
    return FileDelivery(
        representation=Representation(
            size_bytes=reader.size_bytes if size_bytes is None else size_bytes,
            etag='"5e1f"',
            modified_ms=None,
            content=Content(media_type="audio/mpeg"),
            cache=for_ever(shared=True),
        ),
        open_reader=reader.open,
    )


async def test_a_file_is_sent_in_chunks_and_closed(call: Call) -> None:
    reader = Recorder()
    answered = await call(delivery(reader))

    assert answered.status == 200
    assert answered.headers["content-length"] == str(len(CONTENT))
    assert answered.body == CONTENT
    assert [len(chunk) for chunk in answered.chunks] == [CHUNK_BYTES] * 3 + [17]
    more = [message["more_body"] for message in answered.messages[1:]]
    assert more == [True, True, True, False]
    assert (reader.opened, reader.closed) == (1, 1)


async def test_a_small_file_is_one_message_after_the_head(call: Call) -> None:
    answered = await call(delivery(Recorder(content=b"ID3")))

    assert answered.chunks == (b"ID3",)


async def test_an_empty_file_is_not_even_opened(call: Call) -> None:
    reader = Recorder(content=b"")
    answered = await call(delivery(reader))

    assert (answered.status, answered.headers["content-length"]) == (200, "0")
    assert answered.chunks == (b"",)
    assert reader.opened == 0


async def test_head_is_get_without_a_body_and_without_a_read(call: Call) -> None:
    reader = Recorder()
    got = await call(delivery(Recorder()))
    headed = await call(delivery(reader), "HEAD")

    assert (headed.status, headed.headers) == (got.status, got.headers)
    assert headed.chunks == (b"",)
    assert reader.opened == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": '"5e1f"'}, 304),
        ({"If-Match": '"old"'}, 412),
        ({"Range": "bytes=-0"}, 416),
    ],
)
async def test_an_answer_without_the_file_does_not_open_it(
    call: Call, headers: dict[str, str], status: int
) -> None:
    reader = Recorder()
    answered = await call(delivery(reader), headers=headers)
    headed = await call(delivery(reader), "HEAD", headers={**headers, "Range": "bytes=-1"})

    assert answered.status == status
    assert reader.opened == 0
    assert headed.body == b""


async def test_only_the_range_is_read(call: Call) -> None:
    reader = Recorder()
    answered = await call(delivery(reader), headers={"Range": "bytes=5-9"})

    assert (answered.status, answered.body) == (206, CONTENT[5:10])
    assert reader.reads == [(5, 5)]


async def test_parts_are_sent_with_their_exact_total_length(call: Call) -> None:
    headers = {"Range": f"bytes=0-9,100-{100 + CHUNK_BYTES}"}
    answered = await call(delivery(Recorder()), headers=headers)

    assert answered.status == 206
    assert answered.headers["content-length"] == str(len(answered.body))
    assert CONTENT[100 : 101 + CHUNK_BYTES] in answered.body


async def test_another_method_is_refused(call: Call) -> None:
    answered = await call(delivery(Recorder()), "POST")

    assert (answered.status, answered.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_nothing_is_read_ahead_of_a_slow_client(call: Call) -> None:
    reader = Recorder()
    reads_at_send = []

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        async def noting(message: Message) -> None:
            reads_at_send.append(len(reader.reads))
            await send(message)

        await delivery(reader)(scope, receive, noting)

    await call(counting)

    assert reads_at_send == [1, 1, 2, 3, 4]


class Waiting(Recorder):
    """A reader that lets others run before it answers, as any real one does."""

    async def read_at(self, offset: int, length: int) -> bytes:
        await asyncio.sleep(0)
        return await super().read_at(offset, length)


async def test_a_client_that_leaves_stops_the_reading(call: Call) -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    reader = Waiting(content=bytes(50 * CHUNK_BYTES))
    answered = await call(delivery(reader), receive=gone)

    assert len(reader.reads) < 5
    assert answered.messages[-1]["more_body"] is True
    assert reader.closed == 1


async def test_a_cancelled_delivery_closes_its_reader() -> None:
    reader = Recorder()
    sending = asyncio.Event()

    async def stuck(message: Message) -> None:
        sending.set()
        await asyncio.Event().wait()

    async def silent() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    task = asyncio.create_task(delivery(reader)(scope, silent, stuck))
    await sending.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert reader.closed == 1


async def test_a_source_that_fails_at_once_leaves_the_answer_to_its_problem(call: Call) -> None:
    reader = Recorder(failure=SourceChanged("replaced"))
    answered = await call(CatchAll(delivery(reader)))

    assert answered.status == 503
    assert reader.closed == 1


async def test_a_source_that_fails_later_breaks_the_answer_off(call: Call) -> None:
    reader = Recorder(failure=SourceChanged("replaced"), fails_from=CHUNK_BYTES)
    with pytest.raises(SourceChanged):
        await call(delivery(reader))

    assert reader.closed == 1


async def test_a_source_shorter_than_stated_breaks_the_answer_off(call: Call) -> None:
    reader = Recorder(content=bytes(CHUNK_BYTES + 5))
    with pytest.raises(BodyCutShort, match="5 of 100 bytes"):
        await call(delivery(reader, size_bytes=CHUNK_BYTES + 100))

    assert reader.closed == 1


@settings(max_examples=50)
@given(first=st.integers(0, len(CONTENT)), length=st.integers(0, 2 * CHUNK_BYTES))
async def test_any_range_is_its_slice(call: Call, first: int, length: int) -> None:
    headers = {"Range": f"bytes={first}-{first + length}"}
    answered = await call(delivery(Recorder()), headers=headers)

    if first == len(CONTENT):
        assert answered.headers["content-range"] == f"bytes */{len(CONTENT)}"
    else:
        expected = CONTENT[first : first + length + 1]
        assert (answered.status, answered.body) == (206, expected)
        assert re.fullmatch(rf"bytes {first}-\d+/{len(CONTENT)}", answered.headers["content-range"])
