"""
The decision: what a request's conditions and a representation come to, before a byte is read.

An ``Answer`` lists its body instead of holding it. Its Content-Length is the sum of the list,
so it is exact for one range, for several and for none, and HEAD is the same answer unsent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from edge.web import problems
from edge.web.delivery.caching import CachePolicy
from edge.web.delivery.conditional import (
    Conditions,
    Validators,
    Verdict,
    evaluate,
    http_date,
    range_applies,
)
from edge.web.delivery.content import Content
from edge.web.delivery.ranges import ByteRange, Unsatisfiable, select_ranges
from edge.web.responses import COMMON_HEADERS

# Whatever a file turns out to be, opened on its own it may neither run nor load anything.
_SANDBOX: Final = "default-src 'none'; sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """One state of a file, as RFC 9110 section 3.2 means it: all but its bytes."""

    size_bytes: int
    etag: str  # strong and quoted
    modified_ms: int | None
    content: Content
    cache: CachePolicy
    extra_headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def validators(self) -> Validators:
        """Return what conditional requests are compared with."""
        seconds = None if self.modified_ms is None else self.modified_ms // 1000
        return Validators(etag=self.etag, modified_seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status, its headers, and the body as a list of literal bytes and ranges to copy."""

    status: int
    headers: Mapping[str, str]
    body: tuple[bytes | ByteRange, ...] = ()

    @property
    def copies(self) -> bool:
        """Tell whether the body needs the representation's own bytes."""
        return any(isinstance(piece, ByteRange) for piece in self.body)

    @property
    def length_bytes(self) -> int:
        """Count the bytes of the body."""
        return sum(
            piece.length if isinstance(piece, ByteRange) else len(piece) for piece in self.body
        )


def decide(
    method: str,
    conditions: Conditions,
    representation: Representation,
    *,
    boundary: Callable[[], str],
) -> Answer:
    """
    Decide the answer to a GET or HEAD.

    Args:
        method: "GET" or "HEAD". A Range counts for GET only (RFC 9110 section 14.2).

        boundary: Makes what separates the parts of a multipart answer; must not occur in the file.
    """
    validators = representation.validators
    match evaluate(conditions, validators):
        case Verdict.FAILED:
            return _refusal(problems.precondition_failed())
        case Verdict.NOT_MODIFIED:
            return Answer(status=304, headers=_revalidation_headers(representation))
        case Verdict.PROCEED:
            pass
    size_bytes = representation.size_bytes
    ranges: tuple[ByteRange, ...] = ()
    if method == "GET" and range_applies(conditions.if_range, validators):
        try:
            ranges = select_ranges(conditions.range, size_bytes)
        except Unsatisfiable:
            return _refusal(problems.range_not_satisfiable(size_bytes))
    match ranges:
        case ():
            return _whole(representation)
        case (only,):
            return _single(representation, only)
        case _:
            return _multipart(representation, ranges, boundary())


def _whole(representation: Representation) -> Answer:
    size_bytes = representation.size_bytes
    body = (ByteRange(start=0, stop=size_bytes),) if size_bytes else ()
    return _with_length(200, _content_headers(representation), body)


def _single(representation: Representation, wanted: ByteRange) -> Answer:
    headers = _content_headers(representation)
    headers["Content-Range"] = wanted.content_range(representation.size_bytes)
    return _with_length(206, headers, (wanted,))


def _multipart(
    representation: Representation, ranges: tuple[ByteRange, ...], boundary: str
) -> Answer:
    """List the parts of a multipart/byteranges body (RFC 9110 section 14.6)."""
    body: list[bytes | ByteRange] = []
    for wanted in ranges:
        part_head = (
            f"--{boundary}\r\n"
            f"Content-Type: {representation.content.media_type}\r\n"
            f"Content-Range: {wanted.content_range(representation.size_bytes)}\r\n\r\n"
        )
        body += [part_head.encode("latin-1"), wanted, b"\r\n"]
    body.append(f"--{boundary}--\r\n".encode("latin-1"))
    headers = _content_headers(representation)
    headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    return _with_length(206, headers, tuple(body))


def _with_length(
    status: int, headers: Mapping[str, str], body: tuple[bytes | ByteRange, ...]
) -> Answer:
    unmeasured = Answer(status=status, headers=headers, body=body)
    return replace(unmeasured, headers={**headers, "Content-Length": str(unmeasured.length_bytes)})


def _revalidation_headers(representation: Representation) -> dict[str, str]:
    """List what a 304 repeats (RFC 9110 section 15.4.5), which every 200 has as well."""
    headers = {
        **COMMON_HEADERS,
        "Content-Security-Policy": _SANDBOX,
        "Cache-Control": representation.cache.header,
        "ETag": representation.etag,
    }
    modified = representation.validators.modified_seconds
    if modified is not None:
        headers["Last-Modified"] = http_date(modified)
    headers.update(representation.extra_headers)
    return headers


def _content_headers(representation: Representation) -> dict[str, str]:
    headers = _revalidation_headers(representation)
    headers["Accept-Ranges"] = "bytes"
    headers["Content-Type"] = representation.content.media_type
    if representation.content.disposition is not None:
        headers["Content-Disposition"] = representation.content.disposition
    return headers


def _refusal(problem: problems.Problem) -> Answer:
    response = problems.problem_response(problem)
    return Answer(
        status=problem.status, headers=dict(response.headers), body=(bytes(response.body),)
    )
