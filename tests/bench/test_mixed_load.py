from __future__ import annotations

import itertools
import socket

import pytest

from bench.harness import Failed
from bench.mixed_load import _Asked, instants


def test_requests_are_due_at_the_same_random_instants_every_time() -> None:
    due = list(instants(100, 10))
    gaps = [later - earlier for earlier, later in itertools.pairwise(due)]

    assert due == list(instants(100, 10))
    assert 900 < len(due) < 1100
    assert due[-1] < 10
    # A steady beat could hit or miss whatever else is steady.
    assert min(gaps) < 0.001 and max(gaps) > 0.03


def test_an_answer_is_whole_when_its_last_byte_is_there() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        asked = _Asked(ours)
        told = []
        for piece in (b"HTTP/1.1 200 OK\r\nConte", b"nt-Length: 5\r\n\r\nab", b"cd", b"e"):
            theirs.sendall(piece)
            told.append(asked.receive())

    assert told == [False, False, False, True]


def test_another_answer_than_the_segment_is_no_measurement() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        with pytest.raises(Failed, match="404"):
            _Asked(ours).receive()
