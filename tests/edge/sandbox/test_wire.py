"""Frames survive any slicing; nothing else gets through."""

from __future__ import annotations

import pytest

from edge.sandbox import wire
from transforms.plan import RenderPlan

from .doubles import a_plan

LIMITS = wire.WorkerLimits(
    address_space_bytes=1 << 30, cpu_seconds=5, file_bytes=0, open_files=64, nice=0
)


def test_messages_come_out_whole_whatever_the_pieces_they_arrive_in() -> None:
    messages = [wire.Create(path="/a.ts"), wire.Progress(fraction=0.5), wire.Create(path="/b.ts")]
    stream = b"".join(wire.encode(message) for message in messages)

    for size in (1, 3, 7, len(stream)):
        frames = wire.Frames(wire.FROM_WORKER)
        received = []
        for start in range(0, len(stream), size):
            frames.feed(stream[start : start + size])
            while (message := frames.next()) is not None:
                received.append(message)

        assert received == messages


def test_a_plan_crosses_unchanged() -> None:
    plan: RenderPlan = a_plan()
    sources = (wire.SourceSpec(size_bytes=7, remote=True),)
    job = wire.Render(sources=sources, limits=LIMITS, plan=plan, threads=2)
    frames = wire.Frames(wire.TO_WORKER)

    frames.feed(wire.encode(job))

    assert frames.next() == job


def test_a_frame_is_what_its_length_says() -> None:
    body = b'{"type":"Create","path":"/a.ts"}'

    assert wire.encode(wire.Create(path="/a.ts")) == b"\x00\x00\x00\x20" + body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"\xff\xfe",
        b'{"type":"Create","path":"/a"',
        b'{"type":"Create","path":"\xff"}',
        b'{"type":"Create","path":7}',
        b'{"type":"Create","path":"/a","more":1}',
        b'{"type":"Create"}',
        b'{"type":"Spawn","ticket":1}',
        b'{"type":"Progress","fraction":1.5}',
        b'{"type":"Progress","fraction":null}',
        b'{"type":"Failed","code":"No Code","message":"","details":{}}',
        b'{"type":"Failed","code":"a","message":"%s","details":{}}' % (b"x" * 501),
        b'{"type":"Probed","document":{"deep":%s}}' % (b"[" * 100_000 + b"]" * 100_000),
        b'{"type":"Pictured","jpeg":"no base 64"}',
        b'{"type":"Made","files":[%s]}' % b",".join([b"{}"] * 1001),
    ],
)
def test_anything_but_a_message_of_a_worker_is_malformed(body: bytes) -> None:
    frames = wire.Frames(wire.FROM_WORKER)
    frames.feed(len(body).to_bytes(4, "big") + body)

    with pytest.raises(wire.Malformed):
        frames.next()


def test_a_frame_too_long_is_refused_before_it_has_arrived() -> None:
    frames = wire.Frames(wire.FROM_WORKER)
    frames.feed((wire.MAX_FRAME_BYTES + 1).to_bytes(4, "big"))

    with pytest.raises(wire.Malformed, match="a frame of 1048577 bytes"):
        frames.next()


def test_a_message_too_long_is_not_sent() -> None:
    with pytest.raises(ValueError, match="does not fit into a frame"):
        wire.encode(wire.Probed(document={"long": "x" * wire.MAX_FRAME_BYTES}))


def test_a_failure_is_cut_to_its_bounds() -> None:
    failed = wire.failed("c" * 70, "m" * 600, {f"detail{number}": number for number in range(30)})

    assert failed == wire.Failed(
        code="c" * 64,
        message="m" * 500,
        details={f"detail{number}": number for number in range(20)},
    )
