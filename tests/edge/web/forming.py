"""Forms put together by hand, and what is read of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from starlette.requests import Request
from starlette.types import Message

from edge.web.forms.form import Form, form_of
from edge.web.forms.parser import Limits, TextField
from edge.web.problems import Problem

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"


LIMITS = Limits(most_file_bytes=1000, most_files=2, most_fields=5, most_field_bytes=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A file that was taken to its end."""

    name: str
    filename: str | None
    content_type: str | None
    content: bytes


@dataclass(slots=True, kw_only=True)
class Client:
    """Sends a body in pieces, and counts how many were asked for; then it ends, or goes away."""

    pieces: Sequence[bytes]
    stays: bool = True
    asked: int = field(default=0)

    async def __call__(self) -> Message:
        if self.asked == len(self.pieces):
            return {"type": "http.disconnect"}
        self.asked += 1
        more = self.asked < len(self.pieces) or not self.stays
        return {"type": "http.request", "body": self.pieces[self.asked - 1], "more_body": more}


def request(client: Client, **headers: str) -> Request:
    sent = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, client)


def form(*pieces: bytes, limits: Limits = LIMITS) -> Form:
    return form_of(request(Client(pieces=pieces)), limits)


def body(*parts: bytes, boundary: str = BOUNDARY, end: bytes = b"--\r\n") -> bytes:
    line = b"--" + boundary.encode()
    return b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + end


def part(disposition: str, content: bytes = b"", *headers: str) -> bytes:
    lines = (f"Content-Disposition: form-data; {disposition}", *headers, "", "")
    return "\r\n".join(lines).encode() + content


async def read(form: Form) -> list[TextField | Taken]:
    """Read all, files too, to the end or the first problem."""
    return [
        each
        if isinstance(each, TextField)
        else Taken(
            name=each.name,
            filename=each.filename,
            content_type=each.content_type,
            content=b"".join([piece async for piece in each]),
        )
        async for each in form
    ]


async def refusal(form: Form) -> tuple[int, str, str]:
    with pytest.raises(Problem) as caught:
        await read(form)
    return caught.value.status, caught.value.code, caught.value.message


PICORAS = body(
    part('name="file"; filename="track.mp3"', b"ID3\r\n--\r\n", "Content-Type: audio/mpeg"),
    part('name="title"', "My n\u00e9w song".encode()),
    part('name="isPublic"', b"true"),
)


TEXT = part('name="a"', b"b")


FILE = part('name="f"; filename="f.mp3"', b"sound")
