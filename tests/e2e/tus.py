"""A client of tus 1.0 at Picora's door, that does as it is told."""

from __future__ import annotations

import contextlib
import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.picora import path_of
from tests.e2e.running import BEARER, Answer, Edge

TUS = {**BEARER, "Tus-Resumable": "1.0.0"}
BODY = {**TUS, "Content-Type": "application/offset+octet-stream"}


def metadata(**said: str) -> str:
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in said.items())


def begin(edge: Edge, size: int, *, headers: dict[str, str] | None = None, **said: str) -> str:
    """Begin an upload, and return where it goes on."""
    told = {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata(**said)}
    answer = edge.send("/v1/uploads", {**told, **(headers or {})}, method="POST")
    assert answer.status == 201, answer.body
    return path_of(answer.headers["Location"])


def send(edge: Edge, upload: str, offset: int, piece: bytes, **headers: str) -> Answer:
    fields = {**BODY, "Upload-Offset": str(offset), **headers}
    return edge.send(upload, fields, method="PATCH", body=piece)


def head(edge: Edge, upload: str) -> Answer:
    return edge.send(upload, TUS, method="HEAD")


def offset_of(edge: Edge, upload: str) -> int:
    answer = head(edge, upload)
    assert answer.status == 200
    return int(answer.headers["Upload-Offset"])


def refusal(answer: Answer) -> tuple[int, str]:
    told = answer.json()
    assert told["success"] is False
    return answer.status, told["error"]["code"]


def parts_of(edge: Edge, upload: str = "") -> set[Path]:
    """List the files that parts of an upload are in, or of all uploads."""
    folder = edge.data / "files" / "parts" / upload.rpartition("/")[2]
    return {path for path in folder.rglob("*") if path.is_file()}


@contextlib.contextmanager
def sending(
    edge: Edge, upload: str, offset: int, content: bytes, *, most_bytes: int = 1 << 40
) -> Iterator[None]:
    """Send the rest of a file, or the beginning of that, and hang up without an answer."""
    fields = {**BODY, "Upload-Offset": str(offset), "Host": "x"}
    fields["Content-Length"] = str(len(content) - offset)
    lines = [f"PATCH {upload} HTTP/1.1", *(f"{key}: {value}" for key, value in fields.items())]
    with contextlib.closing(socket.create_connection(("127.0.0.1", edge.port))) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode())
        line.sendall(content[offset : offset + most_bytes])
        yield
