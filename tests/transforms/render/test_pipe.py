from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from transforms.audio.filters import Block
from transforms.render.pipe import Abandoned, Pipe


def block(number: int) -> Block:
    return np.full((1, 4), number, np.float32)


def numbers(pipe: Pipe) -> list[int]:
    return [int(piece[0, 0]) for piece in pipe]


def test_blocks_come_out_in_order_and_then_it_ends() -> None:
    pipe = Pipe(depth=2)
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(numbers, pipe)
        for number in range(100):
            pipe.put(block(number))
        pipe.close()

        assert taken.result() == list(range(100))


def test_what_was_put_before_closing_is_still_taken() -> None:
    pipe = Pipe()
    pipe.put(block(7))
    pipe.close()

    assert numbers(pipe) == [7]


def test_who_waits_to_put_finds_out_that_nobody_takes() -> None:
    pipe = Pipe(depth=1)
    pipe.put(block(1))
    assert pipe.full
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(pipe.put, block(2))
        pipe.abandon()

        with pytest.raises(Abandoned):
            waiting.result()
    with pytest.raises(Abandoned):
        pipe.put(block(3))


def test_who_waits_to_take_finds_out_that_nobody_puts() -> None:
    pipe = Pipe()
    began = threading.Event()

    def take() -> list[int]:
        began.set()
        return numbers(pipe)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(take)
        began.wait()
        pipe.abandon()

        with pytest.raises(Abandoned):
            waiting.result()
