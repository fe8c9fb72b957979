"""A client of Picora's API, for the tests of its door."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from tests.e2e.running import BEARER, Answer, Edge

Part = tuple[str, str | bytes]


def form_body(parts: Sequence[Part]) -> bytes:
    """Write a form, each part by what stands after ``form-data;`` in its head."""
    lines = [
        f"--cut\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode()
        + (content.encode() if isinstance(content, str) else content)
        + b"\r\n"
        for head, content in parts
    ]
    return b"".join(lines) + b"--cut--\r\n"


def file_part(content: bytes, filename: str = "track.mp3") -> Part:
    return f'name="file"; filename="{filename}"', content


def field(name: str, value: str) -> Part:
    return f'name="{name}"', value


def send_form(edge: Edge, *parts: Part, headers: Mapping[str, str] = BEARER) -> Answer:
    """Send ``POST /v1/audio``."""
    return edge.send(
        "/v1/audio",
        {**headers, "Content-Type": "multipart/form-data; boundary=cut"},
        method="POST",
        body=form_body(parts),
    )


def bring(edge: Edge, content: bytes, filename: str = "track.mp3", **said: str) -> dict[str, Any]:
    """Bring a file, and return what is told of it."""
    fields = [field(name, value) for name, value in said.items()]
    answer = send_form(edge, file_part(content, filename), *fields)
    assert answer.status == 201, answer.body
    return dict(answer.json()["data"])


def ask(
    edge: Edge,
    target: str,
    *,
    method: str = "GET",
    body: object = None,
    headers: Mapping[str, str] = BEARER,
) -> Answer:
    """Send a request below ``/v1``, with JSON if there is a body."""
    content = None if body is None else json.dumps(body).encode()
    return edge.send(f"/v1{target}", headers, method=method, body=content)


def path_of(url: str) -> str:
    """Return what of a URL is sent to its host."""
    return urlsplit(url)._replace(scheme="", netloc="").geturl()
