"""Which bytes a Range header selects."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.web.delivery.ranges import MAX_RANGES, ByteRange, Unsatisfiable, select_ranges

WHOLE: Final[tuple[tuple[int, int], ...]] = ()

SELECTED = [
    (None, 10, WHOLE),
    ("bytes=0-0", 10, ((0, 1),)),
    ("bytes=0-9", 10, ((0, 10),)),
    ("bytes=9-9", 10, ((9, 10),)),
    ("bytes=4-", 10, ((4, 10),)),
    ("bytes=-3", 10, ((7, 10),)),
    ("bytes=-99", 10, ((0, 10),)),
    ("bytes=4-99", 10, ((4, 10),)),
    ("bytes=4-99999999999999999999999999999999", 10, ((4, 10),)),
    ("bytes=0000000000000000000000000000004-5", 10, ((4, 6),)),
    ("BYTES=1-2", 10, ((1, 3),)),
    ("bytes=1-2,", 10, ((1, 3),)),
    ("bytes=,, 1-2\t, ,4-5", 10, ((1, 3), (4, 6))),
    ("bytes=6-7,1-2", 10, ((6, 8), (1, 3))),
    ("bytes=6-7,0-1,2-3", 10, ((6, 8), (0, 4))),
    ("bytes=2-5,4-6", 10, ((2, 7),)),
    ("bytes=4-6,0-0,2-5", 10, ((2, 7), (0, 1))),
    ("bytes=0-1,99-", 10, ((0, 2),)),
    ("bytes=-0,0-1", 10, ((0, 2),)),
    # A sum of more bytes than there are, or more ranges than are allowed: all of it at once.
    ("bytes=0-5,1-6", 10, WHOLE),
    ("bytes=" + ",".join(f"{at}-{at}" for at in range(0, 34, 2)), 100, WHOLE),
    # Malformed headers and other units count as absent.
    ("", 10, WHOLE),
    ("bytes", 10, WHOLE),
    ("bytes=", 10, WHOLE),
    ("bytes=,", 10, WHOLE),
    ("bytes=-", 10, WHOLE),
    ("bytes=5-4", 10, WHOLE),
    ("bytes=1-2,x", 10, WHOLE),
    ("bytes=1 - 2", 10, WHOLE),
    ("bytes=+1-2", 10, WHOLE),
    ("bytes=1-2-3", 10, WHOLE),
    ("bytes=1_0-20", 30, WHOLE),
    ("bytes=\u0661-\u0662", 10, WHOLE),
    ("bytes=0-1, bytes=3-4", 10, WHOLE),
    ("items=0-1", 10, WHOLE),
    # An empty file has no first byte, but it has a last zero bytes.
    ("bytes=-5", 0, WHOLE),
]


@pytest.mark.parametrize(("header", "size_bytes", "expected"), SELECTED)
def test_a_range_header_selects(
    header: str | None, size_bytes: int, expected: tuple[tuple[int, int], ...]
) -> None:
    selected = select_ranges(header, size_bytes)

    assert tuple((found.start, found.stop) for found in selected) == expected


@pytest.mark.parametrize(
    ("header", "size_bytes"),
    [
        ("bytes=10-", 10),
        ("bytes=10-20", 10),
        ("bytes=99999999999999999999999999-", 10),
        ("bytes=-0", 10),
        ("bytes=10-,-0", 10),
        ("bytes=0-", 0),
        ("bytes=0-0", 0),
    ],
)
def test_a_range_outside_of_the_file_is_unsatisfiable(header: str, size_bytes: int) -> None:
    with pytest.raises(Unsatisfiable):
        select_ranges(header, size_bytes)


def test_sixteen_ranges_are_honoured() -> None:
    header = "bytes=" + ",".join(f"{at}-{at}" for at in range(0, 2 * MAX_RANGES, 2))

    assert len(select_ranges(header, 100)) == 16


def test_a_content_range_names_the_last_byte() -> None:
    assert ByteRange(start=2, stop=5).content_range(10) == "bytes 2-4/10"


range_specs = st.from_regex(re.compile(r"[0-9]{0,3}-[0-9]{0,3}", re.ASCII), fullmatch=True)
range_headers = st.one_of(
    st.text(),
    st.text(alphabet="bytes=0123456789-, \t").map(lambda text: "bytes=" + text),
    st.lists(range_specs, max_size=20).map(lambda specs: "bytes=" + ",".join(specs)),
)


@given(header=range_headers, size_bytes=st.integers(min_value=0, max_value=400))
def test_any_header_selects_separate_ranges_inside_the_file(header: str, size_bytes: int) -> None:
    try:
        selected = select_ranges(header, size_bytes)
    except Unsatisfiable:
        return

    assert len(selected) <= MAX_RANGES
    assert all(0 <= found.start < found.stop <= size_bytes for found in selected)
    in_place = sorted(selected, key=lambda found: found.start)
    assert all(before.stop < after.start for before, after in pairwise(in_place))


@given(first=st.integers(0, 300), last=st.integers(0, 300), size_bytes=st.integers(1, 200))
def test_one_range_selects_what_a_slice_does(first: int, last: int, size_bytes: int) -> None:
    content = bytes(index % 251 for index in range(size_bytes))
    if first > last or first >= size_bytes:
        return

    (selected,) = select_ranges(f"bytes={first}-{last}", size_bytes)

    assert content[selected.start : selected.stop] == content[first : last + 1]
