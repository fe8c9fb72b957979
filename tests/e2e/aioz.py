"""AIOZ's requests, as its clients send them."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from tests.e2e.running import BEARER, PUBLIC_KEY, PUBLIC_URL, SECRET_KEY, Answer, Edge, until
from tests.support.media import make
from tests.support.synth import tone

RATE = 8_000
PAIR = {"stream-public-key": PUBLIC_KEY, "stream-secret-key": SECRET_KEY}
HLS = {"resolution": "standard", "type": "hls"}
DASH = {"resolution": "good", "type": "dash", "container_type": "fmp4"}


def sound(seconds: float = 3) -> bytes:
    return make("wav-16", tone(int(seconds * RATE), rate=RATE), rate=RATE)


def ask(
    edge: Edge,
    target: str,
    *,
    method: str = "GET",
    body: object = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    content = None if body is None else json.dumps(body).encode()
    said = {"Content-Type": "application/json", **(BEARER if headers is None else headers)}
    return edge.send(f"/api/media{target}", said, method=method, body=content)


def create(edge: Edge, **body: Any) -> dict[str, Any]:
    wished = {"type": "audio", "title": "A talk", "qualities": [HLS], **body}
    answer = ask(edge, "/create", method="POST", body=wished)
    assert answer.status == 201, answer.body
    return dict(answer.json()["data"])


def form(parts: dict[str, bytes | str], filename: str = "talk.wav") -> tuple[str, bytes]:
    boundary = uuid.uuid4().hex
    lines = []
    for name, value in parts.items():
        head = f'Content-Disposition: form-data; name="{name}"'
        if isinstance(value, bytes):
            head += f'; filename="{filename}"\r\nContent-Type: application/octet-stream'
        else:
            value = value.encode()
        lines.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + value + b"\r\n")
    return f"multipart/form-data; boundary={boundary}", b"".join(lines) + f"--{boundary}--".encode()


def send(
    edge: Edge,
    media: str,
    content: bytes,
    index: int | str = 0,
    *,
    span: str | None = None,
    md5: str | None = None,
    file_first: bool = False,
    filename: str = "talk.wav",
) -> Answer:
    digest = hashlib.md5(content).hexdigest() if md5 is None else md5
    texts: dict[str, bytes | str] = {"hash": digest, "index": str(index)}
    file: dict[str, bytes | str] = {"file": content}
    kind, body = form({**file, **texts} if file_first else {**texts, **file}, filename)
    headers = {**BEARER, "Content-Type": kind}
    if span is not None:
        headers["Content-Range"] = span
    return edge.send(f"/api/media/{media}/part", headers, method="POST", body=body)


def detail(edge: Edge, media: str) -> dict[str, Any]:
    answer = ask(edge, f"/{media}")
    assert answer.status == 200, answer.body
    return dict(answer.json()["data"])


def brought(edge: Edge, content: bytes | None = None, **body: Any) -> dict[str, Any]:
    """Create media, bring their file as a whole, and wait until they are transcoded."""
    media = create(edge, **body)["id"]
    assert send(edge, media, sound() if content is None else content).status == 200
    assert ask(edge, f"/{media}/complete").status == 200

    def settled() -> dict[str, Any] | None:
        found = detail(edge, media)
        return found if found["status"] in ("done", "fail") else None

    return dict(until(settled, "media to be transcoded"))


def failed(answer: Answer) -> tuple[int, str]:
    """Return the status and the message of a refusal, which has nothing else."""
    body = answer.json()
    assert set(body) == {"status", "message"}
    assert body["status"] == "fail"
    return answer.status, body["message"]


def got(edge: Edge, url: str, headers: dict[str, str] | None = None) -> Answer:
    """Ask for an asset as anybody would."""
    return edge.send(url.removeprefix(PUBLIC_URL), headers)
