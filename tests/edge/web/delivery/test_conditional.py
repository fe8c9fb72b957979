"""What the preconditions of a request come to, in the order of RFC 9110 section 13.2.2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.web.delivery.conditional import (
    Conditions,
    Validators,
    Verdict,
    evaluate,
    http_date,
    range_applies,
    read_conditions,
)

MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
AFTER = "Sun, 06 Nov 1994 08:49:38 GMT"

VALIDATORS = Validators(etag='"a,b"', modified_seconds=784_111_777)
UNDATED = Validators(etag='"a,b"', modified_seconds=None)

VERDICTS = [
    (Conditions(), Verdict.PROCEED),
    # If-Match compares strongly.
    (Conditions(if_match='"a,b"'), Verdict.PROCEED),
    (Conditions(if_match='"x", "a,b"'), Verdict.PROCEED),
    (Conditions(if_match="*"), Verdict.PROCEED),
    (Conditions(if_match='W/"a,b"'), Verdict.FAILED),
    (Conditions(if_match='"x"'), Verdict.FAILED),
    (Conditions(if_match="a,b"), Verdict.FAILED),
    (Conditions(if_match=""), Verdict.FAILED),
    # If-Unmodified-Since counts only without If-Match.
    (Conditions(if_unmodified_since=BEFORE), Verdict.FAILED),
    (Conditions(if_unmodified_since=MODIFIED), Verdict.PROCEED),
    (Conditions(if_unmodified_since="yesterday"), Verdict.PROCEED),
    (Conditions(if_match='"a,b"', if_unmodified_since=BEFORE), Verdict.PROCEED),
    # If-None-Match compares weakly.
    (Conditions(if_none_match='"a,b"'), Verdict.NOT_MODIFIED),
    (Conditions(if_none_match='W/"a,b"'), Verdict.NOT_MODIFIED),
    (Conditions(if_none_match='"x",W/"y" , "a,b"'), Verdict.NOT_MODIFIED),
    (Conditions(if_none_match="*"), Verdict.NOT_MODIFIED),
    (Conditions(if_none_match='"a", "b"'), Verdict.PROCEED),
    (Conditions(if_none_match='"x", *'), Verdict.PROCEED),
    (Conditions(if_none_match='"a,b'), Verdict.PROCEED),
    # If-Modified-Since counts only without If-None-Match.
    (Conditions(if_modified_since=BEFORE), Verdict.PROCEED),
    (Conditions(if_modified_since=MODIFIED), Verdict.NOT_MODIFIED),
    (Conditions(if_modified_since=AFTER), Verdict.NOT_MODIFIED),
    (Conditions(if_modified_since="0"), Verdict.PROCEED),
    (Conditions(if_modified_since=AFTER, if_none_match='"x"'), Verdict.PROCEED),
    # A failed precondition outranks a fresh copy.
    (Conditions(if_match='"x"', if_none_match='"a,b"'), Verdict.FAILED),
    (Conditions(if_match="*", if_none_match='"a,b"'), Verdict.NOT_MODIFIED),
    (Conditions(if_unmodified_since=BEFORE, if_modified_since=AFTER), Verdict.FAILED),
]


@pytest.mark.parametrize(("conditions", "expected"), VERDICTS)
def test_preconditions_come_to(conditions: Conditions, expected: Verdict) -> None:
    assert evaluate(conditions, VALIDATORS) is expected


@pytest.mark.parametrize(
    "date",
    [MODIFIED, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_all_three_forms_of_a_date_are_read(date: str) -> None:
    assert evaluate(Conditions(if_modified_since=date), VALIDATORS) is Verdict.NOT_MODIFIED


def test_dates_decide_nothing_for_a_file_without_one() -> None:
    dated = Conditions(if_modified_since=AFTER, if_unmodified_since=BEFORE)

    assert evaluate(dated, UNDATED) is Verdict.PROCEED
    assert not range_applies(MODIFIED, UNDATED)


@pytest.mark.parametrize(
    ("if_range", "expected"),
    [
        (None, True),
        ('"a,b"', True),
        ('W/"a,b"', False),
        ('"x"', False),
        ('"x", "a,b"', False),
        (MODIFIED, True),
        (BEFORE, False),
        (AFTER, False),
        ("*", False),
        ("", False),
    ],
)
def test_if_range_needs_the_very_same_state(if_range: str | None, expected: bool) -> None:
    assert range_applies(if_range, VALIDATORS) is expected


def test_a_date_is_spelled_as_an_imf_fixdate() -> None:
    assert http_date(784_111_777) == MODIFIED


def test_repeated_fields_are_one_list() -> None:
    raw = [
        (b"if-none-match", b'"x"'),
        (b"accept", b"*/*"),
        (b"if-none-match", b' "a,b"'),
        (b"range", b"bytes=0-1"),
    ]
    expected = Conditions(if_none_match='"x", "a,b"', range="bytes=0-1")

    assert read_conditions(raw) == expected


def test_ten_thousand_entity_tags_are_read_to_the_last() -> None:
    tags = ",".join(['"x"', 'W/"y"', '"z'] * 10_000)

    assert evaluate(Conditions(if_none_match=tags), VALIDATORS) is Verdict.PROCEED
    assert evaluate(Conditions(if_none_match=tags + ',"a,b"'), VALIDATORS) is Verdict.NOT_MODIFIED


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    b"if-match",
                    b"if-none-match",
                    b"if-modified-since",
                    b"if-unmodified-since",
                    b"if-range",
                    b"range",
                ]
            ),
            st.one_of(st.binary(), st.sampled_from([b"*", b'"a,b"', MODIFIED.encode()])),
        )
    )
)
def test_any_headers_come_to_a_verdict(headers: list[tuple[bytes, bytes]]) -> None:
    conditions = read_conditions(headers)

    assert evaluate(conditions, VALIDATORS) in Verdict
    assert range_applies(conditions.if_range, VALIDATORS) in (True, False)
