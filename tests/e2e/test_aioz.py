"""AIOZ's door: media announced, sent in parts, transcoded, listed, played and deleted."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import (
    ACCOUNT,
    BEARER,
    PUBLIC_KEY,
    PUBLIC_URL,
    SECRET_KEY,
    Answer,
    Edge,
    serving,
    until,
)
from tests.support.media import make
from tests.support.synth import tone

RATE = 8_000
PAIR = {"stream-public-key": PUBLIC_KEY, "stream-secret-key": SECRET_KEY}
HLS = {"resolution": "standard", "type": "hls"}
DASH = {"resolution": "good", "type": "dash", "container_type": "fmp4"}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("aioz")
    with serving(folder, EDGE_PUBLIC_URL=PUBLIC_URL, EDGE_WORKERS="2") as opened:
        yield opened


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


def test_media_are_created_sent_in_parts_transcoded_found_and_deleted(edge: Edge) -> None:
    content = sound()
    cut = len(content) // 2
    created = create(edge, title="All of it", tags=["whole"])
    media = created["id"]
    size = len(content)
    # The second comes first, and comes twice.
    for _ in range(2):
        answer = send(edge, media, content[cut:], 2, span=f"bytes {cut}-{size - 1}/{size}")
        assert answer.json() == {"status": "success", "message": "Upload part successfully."}
    missing = failed(ask(edge, f"/{media}/complete"))
    send(edge, media, content[:cut], 1, span=f"bytes 0-{cut - 1}/{size}", file_first=True)
    completed = ask(edge, f"/{media}/complete")
    done = until(
        lambda: (found := detail(edge, media))["status"] == "done" and found, "the quality"
    )
    listed = ask(edge, "", method="POST", body={"tags": "whole", "type": "audio"}).json()
    deleted = ask(edge, f"/{media}", method="DELETE")

    assert (created["status"], created["size"], created["duration"]) == ("new", 0, 0.0)
    assert missing == (400, "The bytes from 0 on have not come.")
    assert completed.json() == {"status": "success", "message": "Upload completed successfully."}
    assert (done["size"], done["duration"]) == (size, 3.0)
    assert done["qualities"] == [{"name": "standard", "status": "done", "type": "hls"}]
    assert [each["id"] for each in listed["data"]["videos"]] == [media]
    assert listed["data"]["total"] == 1
    assert deleted.json() == {"status": "success", "message": "Audio deleted successfully."}
    assert failed(ask(edge, f"/{media}"))[0] == 404


def got(edge: Edge, url: str, headers: dict[str, str] | None = None) -> Answer:
    """Ask for an asset as anybody would."""
    return edge.send(url.removeprefix(PUBLIC_URL), headers)


def test_all_that_media_are_played_by_can_be_had_by_everybody(edge: Edge) -> None:
    content = sound()
    high = {**HLS, "resolution": "highest"}
    created = brought(edge, content, qualities=[high, HLS, DASH])
    assets = created["assets"]
    playlist = got(edge, assets["hls_url"])
    media = [line for line in playlist.body.decode().splitlines() if not line.startswith("#")]
    first = got(edge, media[0])
    folder = media[0].rpartition("/")[0]
    segments = [line for line in first.body.decode().splitlines() if not line.startswith("#")]
    mpd = got(edge, assets["dash_url"])
    picture = got(edge, assets["thumbnail_url"])
    m4a = got(edge, f"{assets['source_url'].removesuffix('source')}mp4")

    assert got(edge, assets["source_url"]).body == content
    assert got(edge, assets["source_url"], {"Range": "bytes=0-3"}).body == b"RIFF"
    assert playlist.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert playlist.headers["Access-Control-Allow-Origin"] == "*"
    assert len(media) == 2
    assert got(edge, f"{folder}/{segments[0]}").headers["Content-Type"] == "video/mp2t"
    assert (mpd.status, mpd.headers["Content-Type"]) == (200, "application/dash+xml")
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/jpeg")
    assert (m4a.status, m4a.headers["Content-Type"]) == (200, "audio/mp4")
    for page in (assets["hls_player_url"], assets["dash_player_url"]):
        assert got(edge, page).headers["Content-Type"].startswith("text/html")
