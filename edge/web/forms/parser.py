"""
A form's bytes turned into events, without waiting for any: python-multipart, with limits.

The library finds boundaries and headers. It knows no limit of names, texts and counts, takes a
body that ends in the middle for a whole one, and lets text stand before the first boundary or
not, depending on how the body was cut. However a body is cut, the events here are the same.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from edge.web import problems
from edge.web.forms.header_values import BadValue, parse
from edge.web.forms.heads import Head, read_head
from edge.web.forms.mistakes import malformed, unsupported
from edge.web.problems import Problem

MOST_HEADERS: Final = 8
MOST_HEAD_BYTES: Final = 8 << 10

# RFC 2046 section 5.1.1, and what its dashes and line breaks take.
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_MOST_DELIMITER_BYTES: Final = 128

_UNLIMITED: Final = 1 << 62

# It warns of every malformed body, and a client's mistake is nobody's log entry.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    How much a form may hold; files count as fields too, and are none of their bytes.

    ``nameless_files`` takes every part for a file. Else one is known by its filename, which may
    be empty.
    """

    most_file_bytes: int
    nameless_files: bool = False
    most_files: int = 1
    most_fields: int = 32
    most_field_bytes: int = 16 << 10

    @property
    def most_body_bytes(self) -> int:
        """The length that a form within the other limits cannot exceed."""
        field = self.most_field_bytes + MOST_HEAD_BYTES + _MOST_DELIMITER_BYTES
        return self.most_files * self.most_file_bytes + (self.most_fields + 1) * field


@dataclass(frozen=True, slots=True, kw_only=True)
class TextField:
    """A field that is text."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBegan:
    """A file's head is complete; its bytes follow."""

    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBytes:
    """Some of a file's bytes, at least one."""

    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEnded:
    """All of a file's bytes have come."""


Event: TypeAlias = TextField | FileBegan | FileBytes | FileEnded


def boundary_of(content_type: str | None) -> bytes:
    """
    Find the boundary in a request's Content-Type.

    Raises:
        Problem: It is another type (415), or has no boundary that can be one (400).
    """
    try:
        header = parse(content_type or "")
    except BadValue as mistake:
        raise malformed(f"The Content-Type is malformed: {mistake}.") from mistake
    if header.value != "multipart/form-data":
        raise unsupported(
            "The body has to be multipart/form-data.", contentType=header.value or None
        )
    boundary = header.parameters.get("boundary")
    if boundary is None:
        raise malformed("The Content-Type has no boundary: multipart/form-data; boundary=…")
    if not _BOUNDARY.fullmatch(boundary):
        raise malformed(
            "A boundary has 1 to 70 characters, letters, digits and '()+_,-./:=? (RFC 2046).",
            boundary=boundary[:100],
        )
    return boundary.encode("ascii")


class FormParser:
    """Takes a form's bytes, gives its events; what is wrong comes after what was right."""

    def __init__(self, boundary: bytes, limits: Limits) -> None:
        self._limits = limits
        self._events: list[Event] = []
        self._begun = False
        self.ended = False
        self._body_bytes = 0
        self._fields = 0
        self._files = 0
        self._head_bytes = 0
        self._headers: list[tuple[bytearray, bytearray]] = []
        self._head: Head | None = None
        self._part_bytes = 0
        self._text = bytearray()
        self._library = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_begin": self._on_header_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
            max_header_count=_UNLIMITED,
            max_header_size=_UNLIMITED,
        )

    def events(self, piece: bytes) -> Iterator[Event]:
        """
        Take the next bytes and yield what became complete.

        Raises:
            Problem: The form is malformed or breaks a limit; nothing may be given after that.
        """
        failure: Problem | None = None
        try:
            self._take(piece)
        except MultipartParseError:
            failure = malformed("The body is not divided as its boundary and RFC 7578 have it.")
        except Problem as problem:
            failure = problem
        events, self._events = self._events, []
        yield from events
        if failure is not None:
            raise failure

    def end(self) -> None:
        """
        Take note that no more bytes come.

        Raises:
            Problem: The last boundary has not been seen.
        """
        if not self.ended:
            raise malformed("The body ended before its last boundary.")

    def _take(self, piece: bytes) -> None:
        self._body_bytes += len(piece)
        if not self._begun:
            # Some clients send a line break first, as if there were a preamble.
            piece = piece.lstrip(b"\r\n")
            self._begun = bool(piece)
        self._library.write(piece)
        if self._body_bytes > self._limits.most_body_bytes and not self.ended:
            raise too_long(self._limits)

    def _on_part_begin(self) -> None:
        self._fields += 1
        if self._fields > self._limits.most_fields:
            raise problems.too_large(
                f"The form has more than {self._limits.most_fields} fields.",
                mostFields=self._limits.most_fields,
            )
        self._headers = []
        self._head_bytes = 0
        self._part_bytes = 0

    def _on_header_begin(self) -> None:
        if len(self._headers) == MOST_HEADERS:
            raise malformed(f"A part has more than {MOST_HEADERS} headers.")
        self._headers.append((bytearray(), bytearray()))

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_head(end - start)
        self._headers[-1][0].extend(data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_head(end - start)
        self._headers[-1][1].extend(data[start:end])

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MOST_HEAD_BYTES:
            raise malformed(f"The headers of a part have more than {MOST_HEAD_BYTES} bytes.")

    def _on_headers_finished(self) -> None:
        self._head = read_head(
            [(bytes(name), bytes(value)) for name, value in self._headers],
            nameless_files=self._limits.nameless_files,
        )
        if not self._head.is_file:
            return
        self._files += 1
        if self._files > self._limits.most_files:
            most = self._limits.most_files
            raise malformed(
                f"The form has more files than the {most} it may have: {self._head.name!r}.",
                field=self._head.name,
                mostFiles=most,
            )
        self._events.append(FileBegan(head=self._head))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        head, limits = self._part(), self._limits
        self._part_bytes += end - start
        if head.is_file:
            if self._part_bytes > limits.most_file_bytes:
                raise problems.too_large(
                    f"The file in {head.name!r} has more than {limits.most_file_bytes} bytes.",
                    field=head.name,
                    mostBytes=limits.most_file_bytes,
                )
            self._events.append(FileBytes(content=bytes(data[start:end])))
            return
        if self._part_bytes > limits.most_field_bytes:
            raise problems.too_large(
                f"The field {head.name!r} has more than {limits.most_field_bytes} bytes; "
                "a file is sent with a filename.",
                field=head.name,
                mostBytes=limits.most_field_bytes,
            )
        self._text.extend(data[start:end])

    def _on_part_end(self) -> None:
        head, text = self._part(), bytes(self._text)
        self._head = None
        self._text.clear()
        if head.is_file:
            self._events.append(FileEnded())
            return
        try:
            self._events.append(TextField(name=head.name, value=text.decode()))
        except UnicodeDecodeError as mistake:
            raise malformed(
                f"The field {head.name!r} is not UTF-8 text; a file is sent with a filename.",
                field=head.name,
            ) from mistake

    def _on_end(self) -> None:
        self.ended = True

    def _part(self) -> Head:
        assert self._head is not None, "the library gives a part's bytes after its head"
        return self._head


def too_long(limits: Limits) -> Problem:
    """Refuse a body that is longer than any form within *limits*."""
    most = limits.most_body_bytes
    return problems.too_large(f"The form is longer than {most} bytes.", mostBytes=most)
