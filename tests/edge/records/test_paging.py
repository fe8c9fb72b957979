from __future__ import annotations

import base64

import pytest

from edge.records.paging import BadCursor, Cursor


def test_a_cursor_reads_back_as_it_was_written() -> None:
    cursor = Cursor(at_ms=1_686_916_626_075, identifier="01H3211XMV1VH829RV697VE3WM")

    assert cursor == Cursor.parse(str(cursor))


def _encoded(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    ["", "!", "é", "AAAA", "=", "AA==="]
    + [_encoded(plain) for plain in ("1", "1.", ".a", "a.b", "1.2.3", "-1.a", "1.a\0", "\u0661.a")]
    + [_encoded(f"{10**15}.a"), _encoded("1." + "a" * 65)],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        Cursor.parse(text)
