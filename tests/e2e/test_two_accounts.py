"""Two accounts on one edge: neither sees, appends, lists or deletes what is the other's."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.doors import doors, entrance_of
from edge.node import open_node
from edge.settings import Settings
from tests.e2e.running import ACCOUNT, BEARER, Answer, Edge, serving
from tests.support.media import make
from tests.support.synth import tone

OTHER = "X242hJk"
SECRET_TITLE = "Nobody elses business"
API = f"/v2/accounts/{ACCOUNT}"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass(frozen=True)
class Theirs:
    """What the first account has, by all the names that it goes by."""

    media: str
    audio: str
    upload: str
    tus: str
    job: str
    raw: str

    def fill(self, text: str) -> str:
        names = {"media": self.media, "audio": self.audio, "upload": self.upload}
        names |= {"tus": self.tus, "job": self.job}
        for name, value in names.items():
            text = text.replace(f"<{name}>", value)
        return text


# Every route of every door, with what the other account tries at it: method, path, body. What is
# only about whoever asks is tried as well: nothing of the first account may be in the answer.
JSON = "application/json"
ATTEMPTS: dict[str, list[tuple[str, str, Any]]] = {
    "/v2/accounts/{account}/jobs": [("GET", f"{API}/jobs", None)],
    "/v2/accounts/{account}/jobs/{type}/{id}": [
        ("GET", f"{API}/jobs/ProcessFileJob/<job>", None),
        ("DELETE", f"{API}/jobs/ProcessFileJob/<job>", None),
        # By one's own account, too.
        ("GET", f"/v2/accounts/{OTHER}/jobs/ProcessFileJob/<job>", None),
        ("DELETE", f"/v2/accounts/{OTHER}/jobs/ProcessFileJob/<job>", None),
    ],
    "/v2/accounts/{account}/cache/reset": [
        ("POST", f"{API}/cache/reset", {"pattern": "/*", "resetPermanentCache": True}),
    ],
    "/v2/accounts/{account}/usage": [("GET", f"{API}/usage", None)],
    "/v2/accounts/{account}/usage/entries": [
        ("GET", f"{API}/usage/entries", None),
        ("GET", f"/v2/accounts/{OTHER}/usage/entries", None),
    ],
    "/v2/accounts/{account}/uploads": [("POST", f"{API}/uploads", {"size": 3, "path": "/shut/a"})],
    "/v2/accounts/{account}/uploads/binary": [
        ("POST", f"{API}/uploads/binary?filePath=/shut/song.mp3", "mine now"),
    ],
    "/v2/accounts/{account}/uploads/form_data": [("POST", f"{API}/uploads/form_data", {})],
    "/v2/accounts/{account}/uploads/url": [
        ("POST", f"{API}/uploads/url", {"url": "http://example.com/a.mp3"}),
    ],
    "/v2/accounts/{account}/uploads/{upload}/parts": [
        ("GET", f"{API}/uploads/<upload>/parts", None),
        ("GET", f"/v2/accounts/{OTHER}/uploads/<upload>/parts", None),
    ],
    "/v2/accounts/{account}/uploads/{upload}/parts/{number:int}": [
        ("GET", f"/v2/accounts/{OTHER}/uploads/<upload>/parts/0", None),
        ("PUT", f"/v2/accounts/{OTHER}/uploads/<upload>/parts/0", {"etag": '"a"'}),
        ("PUT", f"{API}/uploads/<upload>/parts/0", {"etag": '"a"'}),
    ],
    "/v2/accounts/{account}/uploads/{upload}/parts/{number:int}/bytes": [
        ("PUT", f"/v2/accounts/{OTHER}/uploads/<upload>/parts/0/bytes", "abc"),
    ],
    "/v2/accounts/{account}/files/details": [
        ("GET", f"{API}/files/details?filePath=/shut/song.mp3", None),
        ("GET", f"/v2/accounts/{OTHER}/files/details?filePath=/shut/song.mp3", None),
    ],
    "/v2/accounts/{account}/files": [
        ("DELETE", f"{API}/files?filePath=/shut/song.mp3", None),
        ("DELETE", f"/v2/accounts/{OTHER}/files?filePath=/shut/song.mp3", None),
    ],
    "/v2/accounts/{account}/files/copy": [
        ("POST", f"{API}/files/copy", {"source": "/shut/song.mp3", "destination": "/a.mp3"}),
        (
            "POST",
            f"/v2/accounts/{OTHER}/files/copy",
            {"source": "/shut/song.mp3", "destination": "/a.mp3"},
        ),
    ],
    "/v2/accounts/{account}/folders/list": [
        ("GET", f"{API}/folders/list?folderPath=/shut", None),
        ("GET", f"/v2/accounts/{OTHER}/folders/list?folderPath=/shut", None),
        ("GET", f"/v2/accounts/{OTHER}/folders/list?folderPath=/&recursive=true", None),
    ],
    "/v2/accounts/{account}/folders": [
        ("GET", f"{API}/folders?folderPath=/shut", None),
        ("GET", f"/v2/accounts/{OTHER}/folders?folderPath=/shut", None),
        ("PUT", f"{API}/folders", {"folderPath": "/shut"}),
        ("DELETE", f"{API}/folders", {"folderPath": "/shut"}),
    ],
    "/v2/accounts/{account}/files/batch": [
        ("DELETE", f"{API}/files/batch", {"files": ["/shut/song.mp3"]}),
        ("DELETE", f"/v2/accounts/{OTHER}/files/batch", {"files": ["/shut/song.mp3"]}),
    ],
    "/v2/accounts/{account}/files/copy/batch": [
        (
            "POST",
            f"/v2/accounts/{OTHER}/files/copy/batch",
            {"files": [{"source": "/shut/song.mp3", "destination": "/b.mp3"}]},
        ),
    ],
    "/v2/accounts/{account}/folders/batch": [
        ("DELETE", f"{API}/folders/batch", {"folders": [{"folderPath": "/shut"}]}),
        ("DELETE", f"/v2/accounts/{OTHER}/folders/batch", {"folders": [{"folderPath": "/shut"}]}),
    ],
    "/v2/accounts/{account}/folders/copy": [
        ("POST", f"{API}/folders/copy", {"source": "/shut", "destination": "/c"}),
        ("POST", f"/v2/accounts/{OTHER}/folders/copy", {"source": "/shut", "destination": "/c"}),
    ],
    "/v2/accounts/{account}/folders/copy/batch": [
        (
            "POST",
            f"{API}/folders/copy/batch",
            {"folders": [{"source": "/shut", "destination": "/c"}]},
        ),
    ],
    "/{account}/save/audio/{path:path}": [
        ("POST", f"/{ACCOUNT}/save/audio/shut/song.mp3?f=mp3", {}),
        ("POST", f"/{OTHER}/save/audio/shut/song.mp3?f=mp3", {}),
    ],
    "/api/v1/access_tokens/{account}": [
        ("PUT", f"/api/v1/access_tokens/{ACCOUNT}", {"accessToken": "a.b.c", "ttlSeconds": 60}),
    ],
    "/v1/audio": [("GET", "/v1/audio", None)],
    "/v1/audio/{id}": [
        ("GET", "/v1/audio/<audio>", None),
        ("PATCH", "/v1/audio/<audio>", {"title": "mine now"}),
        ("DELETE", "/v1/audio/<audio>", None),
    ],
    "/v1/media": [
        ("GET", "/v1/media?type=audio", None),
        ("GET", f"/v1/media?type=audio&q={SECRET_TITLE.split()[0]}", None),
    ],
    "/v1/media/{id}": [
        ("GET", "/v1/media/<audio>", None),
        ("PATCH", "/v1/media/<audio>", {"isPublic": True}),
        ("DELETE", "/v1/media/<audio>", None),
    ],
    "/v1/uploads": [("GET", "/v1/uploads", None)],
    "/v1/uploads/{upload}": [
        ("HEAD", "/v1/uploads/<tus>", None),
        ("PATCH", "/v1/uploads/<tus>", "abc"),
        ("DELETE", "/v1/uploads/<tus>", None),
    ],
    "/v1": [("GET", "/v1", None)],
    "/v1/{rest:path}": [("GET", "/v1/users/W142hJk/audio", None)],
    "/api/media/{id}/source": [("GET", "/api/media/<media>/source", None)],
    "/api/media/{id}/thumbnail": [("GET", "/api/media/<media>/thumbnail", None)],
    "/api/media/{id}/m3u8": [("GET", "/api/media/<media>/m3u8", None)],
    "/api/media/{id}/manifest": [("GET", "/api/media/<media>/manifest", None)],
    "/api/media/{id}/mp4": [("GET", "/api/media/<media>/mp4", None)],
    "/vod/hls/{id}": [("GET", "/vod/hls/<media>", None)],
    "/vod/dash/{id}": [("GET", "/vod/dash/<media>", None)],
    "/api/media": [
        ("POST", "/api/media", {"type": "audio"}),
        ("POST", "/api/media", {"search": SECRET_TITLE.split()[0]}),
        ("POST", "/api/media", {"status": "deleted"}),
    ],
    "/api/media/create": [("GET", "/api/media/create", None)],
    "/api/media/cost": [("GET", "/api/media/cost?qualities=good&type=audio&duration=60", None)],
    "/api/media/{id}/part": [("POST", "/api/media/<media>/part", {})],
    "/api/media/{id}/complete": [("GET", "/api/media/<media>/complete", None)],
    "/api/media/{id}": [
        ("GET", "/api/media/<media>", None),
        ("PATCH", "/api/media/<media>", {"is_public": True}),
        ("DELETE", "/api/media/<media>", None),
    ],
    "/api/media/{rest:path}": [("GET", "/api/media/<media>/anything/else", None)],
    "/api/v1/sonic/upload": [("GET", "/api/v1/sonic/upload", None)],
    "/api/v1/sonic/task/{id}": [("GET", "/api/v1/sonic/task/<media>", None)],
    "/api/v1/sonic/wav": [("POST", "/api/v1/sonic/wav", {"clip_id": "<media>"})],
    "/api/v1/sonic/bpm": [("POST", "/api/v1/sonic/bpm", {"clip_id": "<media>"})],
    "/api/v1/get-credits": [("GET", "/api/v1/get-credits", None)],
    # What is not served cannot tell anything; the CDN is in front of all routes.
    **{
        f"/api/v1/{name}{rest}": []
        for name in ("sonic", "riffusion", "producer", "studio", "nuro", "lyrics")
        for rest in ("", "/{rest:path}")
    },
}
CDN = (
    *(f"/{ACCOUNT}/raw/shut/song.mp3", f"/{ACCOUNT}/raw/thumbnails/<media>.jpg"),
    *(f"/{ACCOUNT}/audio/shut/song.mp3", f"/{ACCOUNT}/audio/shut/song.mp3?f=meta"),
    *(
        f"/{ACCOUNT}/audio/shut/song.mp3?f=mp3",
        f"/{ACCOUNT}/audio/shut/song.mp3!f=mp3&a=/audio.mp3",
    ),
    f"/{ACCOUNT}/audio/shut/song.mp3?f=hls-aac-rt",
    f"/{ACCOUNT}/audio/shut/song.mp3!f=hls-aac-rt&a=/0f/0.ts",
    # With their own account, the other's path, as the source and behind one's own.
    *(f"/{OTHER}/raw/shut/song.mp3", f"/{OTHER}/audio/shut/song.mp3?f=mp3"),
    f"/{OTHER}/audio/own.mp3?f=mp3&append=/shut/song.mp3",
    *(f"/{OTHER}/raw/thumbnails/<media>.jpg", f"/{OTHER}/raw/thumbnails/<audio>.jpg"),
    # Public, but another's: it can be heard, and not appended.
    f"/{OTHER}/audio/own.mp3?f=mp3&append=/open/song.mp3",
)


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with serving(tmp_path_factory.mktemp("accounts")) as edge:
        yield edge


@pytest.fixture(scope="module")
def intruder(edge: Edge) -> dict[str, str]:
    """The other account's secret key, with a file of its own."""
    made = edge.command("keys", "create", "--account", OTHER, "--kind", "secret", "--json")
    assert made.returncode == 0, made.stderr
    bearer = {"Authorization": f"Bearer {json.loads(made.stdout)['key']}"}
    bring(edge, OTHER, "/own.mp3", bearer)
    return bearer


@pytest.fixture(scope="module")
def theirs(edge: Edge) -> Theirs:
    """A private song of the first account, half an upload by two doors, and a job."""
    permissions = {"set": True, "value": []}
    folder = {"folderPath": "/shut", "folderSettings": {"publicPermissions": permissions}}
    assert edge.api("/folders", method="PUT", body=folder).status == 200
    bring(edge, ACCOUNT, "/shut/song.mp3", BEARER)
    bring(edge, ACCOUNT, "/open/song.mp3", BEARER)
    song = send(edge, "POST", "/api/media", {"search": ""}, BEARER).json()["data"]["media"]
    shut = next(each["id"] for each in song if not each["is_public"])
    change = {"title": SECRET_TITLE}
    assert send(edge, "PATCH", f"/api/media/{shut}", change, BEARER).status == 200
    upload = edge.api("/uploads", method="POST", body={"size": 3, "path": "/shut/half.mp3"}).json()
    tus = edge.send(
        "/v1/uploads",
        {**BEARER, "Tus-Resumable": "1.0.0", "Upload-Length": "3"},
        method="POST",
    )
    assert tus.status == 201, tus.body
    job = edge.send(f"/{ACCOUNT}/audio/shut/song.mp3?f=mp3", BEARER).json()
    number, audio = uuid.UUID(shut).int, ""
    for _ in range(22):
        number, digit = divmod(number, 58)
        audio = BASE58[digit] + audio
    return Theirs(
        media=shut,
        audio=f"aud_{audio}",
        upload=upload["uploadId"],
        tus=tus.headers["Location"].rpartition("/")[2],
        job=job["jobId"],
        raw=f"/{ACCOUNT}/raw/shut/song.mp3",
    )


def bring(edge: Edge, account: str, path: str, bearer: dict[str, str]) -> None:
    sound = make("mp3", tone(2 * 8_000, rate=8_000), rate=8_000)
    target = f"/v2/accounts/{account}/uploads/binary?filePath={path}"
    headers = {**bearer, "Content-Type": "audio/mpeg"}
    assert edge.send(target, headers, method="POST", body=sound).status == 200


def send(edge: Edge, method: str, path: str, body: Any, bearer: dict[str, str]) -> Answer:
    headers, content = dict(bearer), None
    if isinstance(body, str):
        headers |= {
            "Content-Type": "application/offset+octet-stream",
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": "0",
        }
        content = body.encode()
    elif body is not None:
        headers["Content-Type"] = JSON
        content = json.dumps(body).encode()
    elif method in ("HEAD", "DELETE"):
        headers["Tus-Resumable"] = "1.0.0"
    return edge.send(path, headers, method=method, body=content)


def test_every_route_is_tried(tmp_path: Path) -> None:
    async def routes() -> set[str]:
        async with open_node(Settings(data=tmp_path / "data", workers=1)) as node:
            return {route.path for route in doors(entrance_of(node))}

    assert asyncio.run(routes()) == set(ATTEMPTS)


@pytest.mark.parametrize("route", [route for route, attempts in ATTEMPTS.items() if attempts])
def test_nothing_of_another_account_is_told_or_changed(
    edge: Edge, theirs: Theirs, intruder: dict[str, str], route: str
) -> None:
    for method, path, body in ATTEMPTS[route]:
        content = (
            body
            if body is None or isinstance(body, str)
            else json.loads(theirs.fill(json.dumps(body)))
        )
        answer = send(edge, method, theirs.fill(path), content, intruder)
        assert answer.status < 500, (method, path, answer.body)
        if f"/{ACCOUNT}" in path or "<" in path or (body and "<" in json.dumps(body)):
            assert answer.status in (400, 401, 403, 404, 405, 409), (method, path, answer.body)
        names = (SECRET_TITLE, theirs.media, theirs.audio, 'shut/song.mp3",', "half.mp3")
        asked = theirs.fill(path) + json.dumps(content)
        told = [name for name in names if name not in asked and name in answer.body.decode()]
        assert told == [], (method, path, answer.body)
    unharmed(edge, theirs)


@pytest.mark.parametrize("url", CDN)
@pytest.mark.parametrize("door", ["nobody", "the other account"])
def test_nothing_of_another_account_is_heard(
    edge: Edge, theirs: Theirs, intruder: dict[str, str], url: str, door: str
) -> None:
    bearer = intruder if door == "the other account" else {}
    answer = edge.send(theirs.fill(url), bearer)
    assert answer.status == 404, answer.body
    assert "public" not in answer.headers["Cache-Control"]


def unharmed(edge: Edge, theirs: Theirs) -> None:
    """Make sure that the first account has all it had, and nobody else has it."""
    assert edge.send(theirs.raw, BEARER).status == 200
    assert edge.send(theirs.raw).status == 404
    media = send(edge, "GET", f"/api/media/{theirs.media}", None, BEARER).json()["data"]
    assert (media["title"], media["is_public"]) == (SECRET_TITLE, False)
    assert edge.api(f"/jobs/ProcessFileJob/{theirs.job}").json()["status"] != "Cancelled"
    assert edge.api(f"/uploads/{theirs.upload}/parts").json() == {"remainingUploadParts": [0]}
    tus = edge.send(
        f"/v1/uploads/{theirs.tus}", {**BEARER, "Tus-Resumable": "1.0.0"}, method="HEAD"
    )
    assert (tus.status, tus.headers["Upload-Offset"]) == (200, "0")
