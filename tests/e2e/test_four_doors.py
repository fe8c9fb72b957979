"""One library behind four doors: what one brings in, all show, and what one deletes is gone."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.origin import Origin
from tests.e2e.origin import origin as serving_elsewhere
from tests.e2e.running import ACCOUNT, BEARER, Answer, Edge, serving, until
from tests.support.media import make
from tests.support.synth import tone

API = f"/v2/accounts/{ACCOUNT}"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def sound() -> bytes:
    wave = tone(5 * 8_000, rate=8_000)
    return make("mp3", wave, rate=8_000, tags={"title": "The same song"})


@pytest.fixture(scope="module")
def origin(sound: bytes) -> Iterator[Origin]:
    with serving_elsewhere() as origin:
        origin.files["/song.mp3"] = sound
        yield origin


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("doors")
    with serving(folder, EDGE_ALLOW_NETWORKS="127.0.0.0/8") as edge:
        yield edge


def ask(edge: Edge, method: str, path: str, body: Any = None) -> Answer:
    content = None if body is None else json.dumps(body).encode()
    return edge.send(
        path, {**BEARER, "Content-Type": "application/json"}, method=method, body=content
    )


def form(fields: dict[str, str], content: bytes) -> tuple[dict[str, str], bytes]:
    """Spell a form as browsers do, the file last."""
    boundary = uuid.uuid4().hex
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="song.mp3"\r\n'
        "Content-Type: audio/mpeg\r\n\r\n"
    )
    body = "".join(lines).encode() + head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body


@dataclass(frozen=True)
class Brought:
    """What was brought: its ids at the doors, and the path of its file."""

    media: str
    path: str

    @property
    def audio_id(self) -> str:
        """The id that Picora has for it."""
        number, digits = uuid.UUID(self.media).int, ""
        for _ in range(22):
            number, digit = divmod(number, 58)
            digits = BASE58[digit] + digits
        return f"aud_{digits}"


def path_in(edge: Edge, url: str) -> str:
    """Return the account's path of a raw file's URL."""
    return url.partition(f"/{ACCOUNT}/raw")[2]


def by_bytescale(edge: Edge, origin: Origin, sound: bytes) -> Brought:
    answer = edge.send(
        f"{API}/uploads/binary?filePath=/songs/one.mp3",
        {**BEARER, "Content-Type": "audio/mpeg"},
        method="POST",
        body=sound,
    )
    path = answer.json()["filePath"]
    listed = until(lambda: in_aioz(edge, "The same song"), "the file to be described")
    return Brought(listed[0]["id"], path)


def by_picora(edge: Edge, origin: Origin, sound: bytes) -> Brought:
    headers, body = form({"title": "The same song", "isPublic": "true"}, sound)
    answer = edge.send("/v1/audio", {**BEARER, **headers}, method="POST", body=body).json()
    assert answer["success"] is True
    media = in_aioz(edge, "The same song")[0]["id"]
    return Brought(media, path_in(edge, answer["data"]["url"]))


def by_aioz(edge: Edge, origin: Origin, sound: bytes) -> Brought:
    made = ask(edge, "POST", "/api/media/create", {"title": "The same song", "type": "audio"})
    media = made.json()["data"]["id"]
    headers, body = form({"hash": hashlib.md5(sound).hexdigest(), "index": "0"}, sound)
    headers["Content-Range"] = f"bytes 0-{len(sound) - 1}/{len(sound)}"
    part = edge.send(f"/api/media/{media}/part", {**BEARER, **headers}, method="POST", body=body)
    assert part.json() == {"status": "success", "message": "Upload part successfully."}
    assert ask(edge, "GET", f"/api/media/{media}/complete").json()["status"] == "success"
    picora = ask(edge, "GET", f"/v1/media/{Brought(media, '').audio_id}").json()
    return Brought(media, path_in(edge, picora["data"]["url"]))


def by_musicapi(edge: Edge, origin: Origin, sound: bytes) -> Brought:
    answer = ask(edge, "POST", "/api/v1/sonic/upload", {"url": f"{origin.url}/song.mp3"}).json()
    assert (answer["code"], answer["message"]) == (200, "success")
    media = answer["clip_id"]
    picora = ask(edge, "GET", f"/v1/media/{Brought(media, '').audio_id}").json()
    return Brought(media, path_in(edge, picora["data"]["url"]))


def in_aioz(edge: Edge, words: str) -> list[dict[str, Any]]:
    found = ask(edge, "POST", "/api/media", {"type": "audio", "search": words}).json()
    return list(found["data"]["media"])


DOORS: dict[str, Callable[[Edge, Origin, bytes], Brought]] = {
    "bytescale": by_bytescale,
    "picora": by_picora,
    "aioz": by_aioz,
    "musicapi": by_musicapi,
}

DELETED_BY: dict[str, Callable[[Brought], tuple[str, str]]] = {
    "bytescale": lambda one: ("DELETE", f"{API}/files?filePath={one.path}"),
    "picora": lambda one: ("DELETE", f"/v1/audio/{one.audio_id}"),
    "aioz": lambda one: ("DELETE", f"/api/media/{one.media}"),
    # MusicAPI has nothing that deletes: what came by it is deleted by any other door.
    "musicapi": lambda one: ("DELETE", f"/v1/media/{one.audio_id}"),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_file_is_brought_found_transformed_and_deleted(
    edge: Edge, origin: Origin, sound: bytes, door: str
) -> None:
    before = edge.usage()["storageBytes"]
    one = DOORS[door](edge, origin, sound)
    seen = everywhere(one)

    # Found, at every door, as the same sound.
    answers = {name: ask(edge, "GET", path) for name, path in seen.items()}
    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(seen, 200)
    assert answers["bytescale"].json()["size"] == len(sound)
    assert answers["picora"].json()["data"]["title"] == "The same song"
    assert answers["aioz"].json()["data"]["title"] == "The same song"
    assert answers["raw"].body == sound
    assert answers["thumbnail"].headers["Content-Type"] == "image/jpeg"
    assert [each["id"] for each in in_aioz(edge, "same SONG")] == [one.media]
    listed = ask(edge, "GET", "/v1/media?type=audio&q=same%20song").json()["data"]
    assert one.audio_id in json.dumps(listed)
    assert edge.usage()["storageBytes"] == before + len(sound)

    # Transformed, by its URL.
    transform = f"{one.path[1:]}?f=wav-riff&sr=8"
    assert edge.made(transform).startswith(b"RIFF")
    artifact = edge.audio(transform).json()["summary"]["result"]["artifactUrl"]
    artifact = "/" + artifact.split("/", 3)[3]
    assert edge.send(artifact).status == 200

    # Deleted, and gone from everywhere.
    method, path = DELETED_BY[door](one)
    assert ask(edge, method, path).status in (200, 204)
    left = {name: ask(edge, "GET", path).status for name, path in seen.items()}
    assert left == dict.fromkeys(seen, 404)
    assert edge.send(artifact).status == 404
    assert in_aioz(edge, "same song") == []
    assert edge.usage()["storageBytes"] == before
    assert blobs(edge) == []


def everywhere(one: Brought) -> dict[str, str]:
    """List where it can be seen."""
    return {
        "bytescale": f"{API}/files/details?filePath={one.path}",
        "picora": f"/v1/audio/{one.audio_id}",
        "picora's media": f"/v1/media/{one.audio_id}",
        "aioz": f"/api/media/{one.media}",
        "aioz's source": f"/api/media/{one.media}/source",
        "aioz's thumbnail": f"/api/media/{one.media}/thumbnail?resolution=original",
        "musicapi": f"/api/v1/sonic/task/{one.media}",
        "raw": f"/{ACCOUNT}/raw{one.path}",
        "meta": f"/{ACCOUNT}/audio{one.path}?f=meta",
        "thumbnail": f"/{ACCOUNT}/raw/thumbnails/{one.media}.jpg",
    }


def blobs(edge: Edge) -> list[str]:
    """List the files that are kept of uploads."""
    root = edge.data / "files"
    return [file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()]
