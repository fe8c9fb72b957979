"""Forms are the same wherever they are cut on the way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.web.forms.form import FilePart, Form, form_of
from edge.web.forms.parser import Limits, TextField
from edge.web.problems import Problem
from tests.edge.web.forming import (
    BOUNDARY,
    FILE,
    PICORAS,
    TEXT,
    Client,
    Taken,
    body,
    form,
    part,
    read,
    request,
)


def near_boundaries() -> st.SearchStrategy[bytes]:
    """Contents that look like the boundary, but are none of its lines."""
    line = b"\r\n--" + BOUNDARY.encode()
    tails = (b"x", b"-x", b"\rx", b"\r\rx")
    starts = (b"\r", b"\n", b"-", b"\r\n--", line[:-1], line[:-1] + b"\r\n")
    lookalike = st.sampled_from([*starts, *(line + tail for tail in tails)])
    return st.lists(st.one_of(lookalike, st.binary(max_size=20)), max_size=8).map(b"".join)


def cut(content: bytes, at: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(min(each, len(content)) for each in at), len(content)]
    return [content[begin:end] for begin, end in pairwise(edges)]


def whole(coming: Form) -> list[TextField | Taken]:
    return asyncio.run(read(coming))


@given(
    contents=st.lists(near_boundaries(), min_size=1, max_size=2),
    text=st.text(max_size=20).filter(lambda text: "\r" not in text),
    cuts=st.lists(st.integers(0, 900), max_size=12),
)
def test_however_a_form_is_cut_it_is_the_same(
    contents: list[bytes], text: str, cuts: list[int]
) -> None:
    files = [part(f'name="{at}"; filename="f"', content) for at, content in enumerate(contents)]
    sent = body(*files, part('name="t"', text.encode()))
    wanted = [
        *(
            Taken(name=str(at), filename="f", content_type=None, content=content)
            for at, content in enumerate(contents)
        ),
        TextField(name="t", value=text),
    ]

    assert whole(form(*cut(sent, cuts))) == wanted


def outcome(coming: Form) -> object:
    try:
        return whole(coming)
    except Problem as problem:
        return problem.status, problem.code, problem.message


@given(seed=st.integers(0, 1 << 32), cuts=st.lists(st.integers(0, 500), max_size=8))
def test_however_a_broken_form_is_cut_it_is_refused_alike(seed: int, cuts: list[int]) -> None:
    rng = random.Random(seed)
    sent = bytearray(body(TEXT, FILE, part('name="a"; filename="%22\\""', b"x", "X-Y: z")))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(sent))
        match rng.randrange(3):
            case 0:
                sent[at] = rng.choice(b'\r\n-:;"=\\ \0\xffa')
            case 1:
                del sent[at : at + rng.randint(1, 30)]
            case _:
                sent[at:at] = rng.choice([b"\r\n", b"\r\n--" + BOUNDARY.encode(), b"--", b" "])

    assert outcome(form(*cut(bytes(sent), cuts))) == outcome(form(bytes(sent)))


async def test_a_long_file_goes_by_in_the_pieces_it_came_in() -> None:
    limits = Limits(most_file_bytes=1 << 40)
    head = PICORAS[: PICORAS.index(b"ID3")]
    piece = random.Random(1).randbytes(1 << 16)
    client = Client(pieces=[head, *[piece] * 500], stays=False)
    coming = form_of(request(client), limits)
    file = await anext(coming)
    assert isinstance(file, FilePart)

    largest, total = 0, 0
    with pytest.raises(Problem, match="before its last boundary"):
        async for content in file:
            largest, total = max(largest, len(content)), total + len(content)

    # A few bytes of each may wait for the next: they could be the beginning of a boundary.
    assert largest <= len(piece)
    assert total > 499 * len(piece)
