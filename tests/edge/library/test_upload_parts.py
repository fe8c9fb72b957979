"""Which parts are the whole of a file."""

from __future__ import annotations

import pytest

from edge.library.uploads.upload import Part, whole_of


def parts(*spans: tuple[int, int]) -> list[Part]:
    return [
        Part(blob="", number=number, begin_bytes=begin, size_bytes=end - begin, digest="")
        for number, (begin, end) in enumerate(spans)
    ]


@pytest.mark.parametrize(
    ("spans", "chosen"),
    [
        ([(0, 30)], [0]),
        ([(20, 30), (0, 20)], [1, 0]),
        # Twice the same, under two numbers.
        ([(0, 30), (0, 30)], [0]),
        ([(0, 20), (20, 30), (20, 30)], [0, 1]),
        # Begun with tens, begun again with fifteens.
        ([(0, 15), (15, 30), (20, 30)], [0, 1]),
        ([(0, 10), (10, 20), (0, 15), (15, 30)], [2, 3]),
        ([(0, 0), (0, 30)], [1]),
    ],
)
def test_parts_are_chosen_that_follow_one_another(
    spans: list[tuple[int, int]], chosen: list[int]
) -> None:
    whole = whole_of(parts(*spans), 30)

    assert whole is not None
    assert chosen == [part.number for part in whole]


@pytest.mark.parametrize(
    "spans", [[], [(0, 20)], [(10, 30)], [(0, 10), (20, 30)], [(0, 20), (10, 30)]]
)
def test_what_leaves_a_gap_is_no_whole(spans: list[tuple[int, int]]) -> None:
    assert whole_of(parts(*spans), 30) is None


def test_an_empty_file_needs_no_part() -> None:
    assert whole_of([], 0) == ()
