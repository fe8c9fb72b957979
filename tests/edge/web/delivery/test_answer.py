"""The whole answer to a request, decided before a byte is read."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.web.delivery.answer import Answer, Representation, decide
from edge.web.delivery.caching import for_ever
from edge.web.delivery.conditional import Conditions
from edge.web.delivery.content import Content
from edge.web.delivery.ranges import ByteRange

SONG = Representation(
    size_bytes=100,
    etag='"5e1f"',
    modified_ms=784_111_777_999,
    content=Content(media_type="audio/mpeg"),
    cache=for_ever(shared=True),
)
SONG_IN_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "Accept-Ranges, Content-Length, Content-Range, Content-Disposition, ETag, "
        "Last-Modified, Location, Preference-Applied, Retry-After, Server-Timing"
    ),
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "public, max-age=31536000, immutable",
    "ETag": '"5e1f"',
    "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT",
}


def decided(conditions: Conditions, representation: Representation = SONG) -> Answer:
    return decide("GET", conditions, representation, boundary=lambda: "cut")


def test_a_plain_get_is_answered_with_all_of_it() -> None:
    expected = Answer(
        status=200,
        headers={
            **SONG_IN_HEADERS,
            "Accept-Ranges": "bytes",
            "Content-Type": "audio/mpeg",
            "Content-Length": "100",
        },
        body=(ByteRange(start=0, stop=100),),
    )

    assert decided(Conditions()) == expected


def test_one_range_is_answered_with_that_part() -> None:
    expected = Answer(
        status=206,
        headers={
            **SONG_IN_HEADERS,
            "Accept-Ranges": "bytes",
            "Content-Type": "audio/mpeg",
            "Content-Range": "bytes 90-99/100",
            "Content-Length": "10",
        },
        body=(ByteRange(start=90, stop=100),),
    )

    assert decided(Conditions(range="bytes=-10")) == expected


def test_several_ranges_are_answered_in_parts() -> None:
    expected = Answer(
        status=206,
        headers={
            **SONG_IN_HEADERS,
            "Accept-Ranges": "bytes",
            "Content-Type": "multipart/byteranges; boundary=cut",
            "Content-Length": "148",
        },
        body=(
            b"--cut\r\nContent-Type: audio/mpeg\r\nContent-Range: bytes 50-51/100\r\n\r\n",
            ByteRange(start=50, stop=52),
            b"\r\n",
            b"--cut\r\nContent-Type: audio/mpeg\r\nContent-Range: bytes 0-0/100\r\n\r\n",
            ByteRange(start=0, stop=1),
            b"\r\n",
            b"--cut--\r\n",
        ),
    )

    assert decided(Conditions(range="bytes=50-51,0-0")) == expected


def test_a_fresh_copy_is_answered_without_content_headers() -> None:
    expected = Answer(status=304, headers=SONG_IN_HEADERS)

    assert decided(Conditions(if_none_match='"5e1f"', range="bytes=0-1")) == expected


def test_a_range_outside_is_answered_with_the_size_there_is() -> None:
    answer = decided(Conditions(range="bytes=100-"))

    assert answer.status == 416
    assert answer.headers["content-range"] == "bytes */100"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.body == (
        b'{"error":{"code":"range_not_satisfiable","message":"The file has 100 bytes, and the '
        b'range lies outside of them.","details":{"sizeBytes":100}}}',
    )
    assert not answer.copies


def test_a_failed_precondition_outranks_an_impossible_range() -> None:
    answer = decided(Conditions(if_match='"old"', range="bytes=100-"))

    assert answer.status == 412


def test_a_part_of_another_version_is_answered_with_all_of_this_one() -> None:
    assert decided(Conditions(if_range='"old"', range="bytes=100-")).status == 200
    assert decided(Conditions(if_range='"5e1f"', range="bytes=0-1")).status == 206


def test_a_range_counts_for_get_only() -> None:
    ranged = Conditions(range="bytes=0-1")

    assert decide("HEAD", ranged, SONG, boundary=lambda: "cut") == decided(Conditions())


def test_an_empty_file_has_an_empty_body() -> None:
    empty = replace(SONG, size_bytes=0)
    answer = decided(Conditions(), empty)

    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, "0", ())
    assert decided(Conditions(range="bytes=0-"), empty).status == 416


def test_optional_headers_are_sent_when_they_are_known() -> None:
    content = Content(media_type="audio/mpeg", disposition="attachment")
    timed = replace(SONG, content=content, modified_ms=None, extra_headers={"Server-Timing": "hit"})
    headers = decided(Conditions(), timed).headers

    assert headers["Content-Disposition"] == "attachment"
    assert headers["Server-Timing"] == "hit"
    assert "Last-Modified" not in headers


def fill_in(answer: Answer, content: bytes) -> bytes:
    """Make the body an answer describes."""
    return b"".join(
        content[piece.start : piece.stop] if isinstance(piece, ByteRange) else piece
        for piece in answer.body
    )


specs = st.one_of(
    st.tuples(st.integers(0, 120), st.integers(0, 120)).map(lambda ends: f"{ends[0]}-{ends[1]}"),
    st.integers(0, 120).map(lambda first: f"{first}-"),
    st.integers(0, 120).map(lambda length: f"-{length}"),
)
range_headers = st.one_of(
    st.text(), st.lists(specs, min_size=1, max_size=20).map(lambda some: "bytes=" + ",".join(some))
)


@given(header=range_headers, size_bytes=st.integers(0, 120))
def test_every_part_is_the_slice_its_content_range_names(header: str, size_bytes: int) -> None:
    content = bytes(range(size_bytes))
    answer = decided(Conditions(range=header), replace(SONG, size_bytes=size_bytes))
    if answer.status == 416:
        return
    body = fill_in(answer, content)

    assert answer.headers["Content-Length"] == str(len(body))
    if answer.status == 200:
        assert body == content
    elif stated := answer.headers.get("Content-Range"):
        assert body == slice_of(content, stated)
    else:
        parts = body.split(b"--cut\r\nContent-Type: audio/mpeg\r\nContent-Range: ")
        assert parts[0] == b""
        assert parts[-1].endswith(b"\r\n--cut--\r\n")
        for part in parts[1:]:
            label, _, rest = part.partition(b"\r\n\r\n")
            assert rest.removesuffix(b"--cut--\r\n").removesuffix(b"\r\n") == slice_of(
                content, label.decode()
            )


def slice_of(content: bytes, content_range: str) -> bytes:
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", content_range)
    assert match is not None
    assert int(match[3]) == len(content)
    return content[int(match[1]) : int(match[2]) + 1]
