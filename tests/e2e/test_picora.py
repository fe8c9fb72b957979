"""Picora's door: audio brought as a form, found, changed, listed and deleted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.picora import ask, bring, field, file_part, path_of, send_form
from tests.e2e.running import ACCOUNT, BEARER, PUBLIC_KEY, Answer, Edge, serving, until
from tests.e2e.sounds import film, note, talk

Install = Callable[..., Edge]
PUBLIC = {"Authorization": f"Bearer {PUBLIC_KEY}"}
OTHER = "2222222"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with serving(tmp_path_factory.mktemp("picora"), EDGE_PUBLIC_URL="https://audio.example") as it:
        yield it


@pytest.fixture(scope="module")
def stranger(edge: Edge) -> dict[str, str]:
    """The key of another account."""
    made = edge.command("keys", "create", "--account", OTHER, "--kind", "secret", "--json")
    return {"Authorization": f"Bearer {json.loads(made.stdout)['key']}"}


def stored(edge: Edge) -> list[str]:
    """List the names of all blobs that uploads have left."""
    return sorted(file.name for file in (edge.data / "files").rglob("*") if file.is_file())


def test_audio_is_brought_found_changed_and_deleted(edge: Edge) -> None:
    before = stored(edge)
    answer = send_form(
        edge,
        field("title", "My new song"),
        file_part(talk()),
        field("isPublic", "true"),
        field("tags", "live, blue"),
    )
    told = answer.json()["data"]
    audio = told["id"]
    raw = path_of(told["url"])

    assert (answer.status, answer.json()["success"]) == (201, True)
    assert answer.headers["Location"] == f"https://audio.example/v1/audio/{audio}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["createdAt"])
    assert told == {
        "id": audio,
        "url": f"https://audio.example/{ACCOUNT}/raw/audio/{audio}.mp3",
        "thumbnail_url": f"https://audio.example/{ACCOUNT}/raw/thumbnails/{audio}.jpg",
        "title": "My new song",
        "filename": "track.mp3",
        "sizeBytes": len(talk()),
        "durationSeconds": 3,
        "bitrate": 128,
        "isPublic": True,
        "createdAt": told["createdAt"],
        "updatedAt": told["updatedAt"],
        "thumbnailUrl": told["thumbnail_url"],
        "duration_seconds": 3,
        "is_public": True,
        "artist": None,
        "album": None,
        "type": "audio",
        "format": "mp3",
        "mimeType": "audio/mpeg",
        "description": "",
        "tags": ["live", "blue"],
    }
    assert edge.send(raw).body == talk()
    for url in (raw, path_of(told["thumbnail_url"])):
        part = edge.send(url, {"Range": "bytes=2-5"})
        assert (part.status, part.body) == (206, edge.send(url).body[2:6])
    assert ask(edge, f"/audio/{audio}").json() == {"success": True, "data": told}
    assert ask(edge, f"/media/{audio}").json()["data"] == told
    assert ask(edge, f"/audio/{audio}", method="HEAD").status == 200

    said = {"title": "New", "description": "Take two.", "tags": ["one"], "isPublic": False}
    changed = ask(edge, f"/audio/{audio}", method="PATCH", body=said).json()["data"]
    assert {name: changed[name] for name in said} == said
    assert changed["is_public"] is False
    assert ask(edge, f"/audio/{audio}").json()["data"] == changed
    shown = ask(edge, f"/audio/{audio}", method="PATCH", body={"is_public": True}).json()["data"]
    assert (shown["isPublic"], shown["title"]) == (True, "New")

    made = edge.audio(f"audio/{audio}.mp3?f=wav-riff", {"Prefer": "wait=30"}).json()
    assert made["status"] == "Succeeded"
    artifact = path_of(made["summary"]["result"]["artifactUrl"])
    for url in (raw, path_of(told["thumbnail_url"]), artifact):
        # What is asked for so often is given from memory.
        assert [edge.send(url).status for _ in range(4)] == [200] * 4
    gone = ask(edge, f"/audio/{audio}", method="DELETE")
    assert (gone.status, gone.json()["data"]) == (200, {"id": audio, "deleted": True})
    for url in (raw, path_of(told["thumbnail_url"]), artifact):
        assert edge.send(url).status == 404
    for method in ("GET", "DELETE"):
        assert refusal(ask(edge, f"/media/{audio}", method=method)) == (404, "not_found")
    assert stored(edge) == before


def refusal(answer: Answer) -> tuple[int, str]:
    told = answer.json()
    assert told["success"] is False
    assert told["error"]["message"]
    return answer.status, told["error"]["code"]


def test_private_audio_is_seen_by_its_owner_only(edge: Edge, stranger: dict[str, str]) -> None:
    told = bring(edge, talk(), is_public="false")
    urls = [path_of(told["url"]), path_of(told["thumbnailUrl"])]

    assert told["isPublic"] is False
    assert [edge.send(url).status for url in urls] == [404, 404]
    assert [edge.send(url, stranger).status for url in urls] == [404, 404]
    assert [edge.send(url, BEARER).status for url in urls] == [200, 200]
    ask(edge, f"/audio/{told['id']}", method="PATCH", body={"isPublic": True})
    assert [edge.send(url).status for url in urls] == [200, 200]


def test_what_was_brought_is_called_after_its_content(edge: Edge) -> None:
    told = bring(edge, note(1), "C:\\music\\Take 1 ü.mp3")

    assert told["url"].endswith(".wav")
    assert (told["filename"], told["title"]) == ("Take 1 ü.mp3", "Take 1 ü")
    assert (told["format"], told["mimeType"]) == ("wav", "audio/wav")
    assert edge.send(path_of(told["url"])).headers["Content-Type"] == "audio/wav"


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        (b"", "empty.mp3"),
        (b"This is no sound at all. " * 400, "text.mp3"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x04", "tag.mp3"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt ", "torn.wav"),
        (film(), "film.m4a"),
        (note(1, kind="mka-flac"), "matroska.flac"),
        (note(1, kind="aiff"), "aiff.wav"),
    ],
)
def test_what_is_no_audio_leaves_nothing(edge: Edge, content: bytes, filename: str) -> None:
    before, listed = stored(edge), ask(edge, "/media").json()
    answer = send_form(edge, file_part(content, filename))

    assert refusal(answer) == (415, "unsupported_format")
    accepted = answer.problem["details"]["accepted"]
    assert accepted == ["mp3", "m4a", "aac", "flac", "wav", "ogg"]
    assert stored(edge) == before
    assert ask(edge, "/media").json() == listed


@pytest.mark.parametrize(
    ("parts", "status", "code", "field_named"),
    [
        ([field("title", "x")], 400, "bad_parameter", "file"),
        ([file_part(b"x"), field("isPublic", "maybe")], 400, "bad_parameter", "isPublic"),
        ([file_part(b"x"), field("tags", "a,b,c,d,e,f,g,h,i,j,k")], 400, "bad_parameter", "tags"),
        ([file_part(b"x"), field("titel", "x")], 400, "bad_parameter", "titel"),
        ([('name="audio"; filename="x.mp3"', b"x")], 400, "bad_parameter", "audio"),
        ([file_part(b"x"), file_part(b"y")], 400, "bad_form", None),
    ],
)
def test_a_form_that_says_something_wrong_brings_nothing(
    edge: Edge, parts: list[Any], status: int, code: str, field_named: str | None
) -> None:
    before = stored(edge)
    answer = send_form(edge, *parts)

    assert refusal(answer) == (status, code)
    assert answer.problem["details"].get("parameter") == field_named
    assert stored(edge) == before


def test_a_body_that_is_no_form_is_refused_in_the_envelope(edge: Edge) -> None:
    sent = edge.send("/v1/audio", {**BEARER, "Content-Type": "audio/mpeg"}, method="POST", body=b"")
    torn = edge.send(
        "/v1/audio",
        {**BEARER, "Content-Type": "multipart/form-data; boundary=cut"},
        method="POST",
        body=b'--cut\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nx',
    )

    assert refusal(sent) == (415, "unsupported_form")
    assert refusal(torn) == (400, "bad_form")


def test_whatever_is_refused_is_refused_in_the_envelope(edge: Edge) -> None:
    audio = bring(edge, talk())["id"]
    one = f"/audio/{audio}"

    def patched(text: bytes) -> Answer:
        return edge.send(f"/v1{one}", BEARER, method="PATCH", body=text)

    for target in ("", "/nothing", "/nothing/else", "/audio/x/y", "/audio/aud_x", "/media/1"):
        assert refusal(ask(edge, target)) == (404, "not_found")
    for target, method in (("/audio", "GET"), (one, "PUT"), ("/media", "POST"), (one, "POST")):
        answer = ask(edge, target, method=method)
        assert refusal(answer) == (405, "method_not_allowed")
        assert answer.headers["Allow"] in ("POST", "GET", "GET, PATCH, DELETE")
    for headers in ({}, {"Authorization": "Bearer secret_W142hJkWrong"}):
        answer = ask(edge, one, headers=headers)
        assert refusal(answer) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert refusal(ask(edge, one, headers=PUBLIC)) == (403, "forbidden")
    for text in (b"", b"[]", b'{"title": 1}', b'{"titel": "x"}', b'{"isPublic": "yes"}'):
        assert refusal(patched(text)) == (400, "bad_request")
    for text in (b'{"title": ""}', b'{"tags": "a,b,c,d,e,f,g,h,i,j,k"}'):
        assert refusal(patched(text)) == (400, "bad_parameter")
    assert refusal(patched(b" " * 70_000)) == (413, "too_large")
    preflight = edge.send(f"/v1{one}", method="OPTIONS")
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, PATCH, DELETE, OPTIONS"


def test_a_public_key_brings_audio_and_sees_none(edge: Edge) -> None:
    answer = send_form(edge, file_part(talk()), headers=PUBLIC)
    audio = answer.json()["data"]["id"]

    assert answer.status == 201
    for method in ("GET", "PATCH", "DELETE"):
        refused = ask(edge, f"/audio/{audio}", method=method, body={}, headers=PUBLIC)
        assert refusal(refused) == (403, "forbidden")
    assert refusal(ask(edge, "/media", headers=PUBLIC)) == (403, "forbidden")


def test_another_account_has_no_way_in(edge: Edge, stranger: dict[str, str]) -> None:
    audio = bring(edge, talk())["id"]

    for method in ("GET", "PATCH", "DELETE"):
        for target in (f"/audio/{audio}", f"/media/{audio}"):
            refused = ask(edge, target, method=method, body={"title": "x"}, headers=stranger)
            assert refusal(refused) == (404, "not_found")
    assert ask(edge, "/media", headers=stranger).json()["data"] == []
    assert ask(edge, f"/audio/{audio}").json()["data"]["title"] == "track"


def listed(edge: Edge, query: str, headers: dict[str, str]) -> list[str]:
    answer = ask(edge, f"/media{query}", headers=headers)
    assert answer.status == 200, answer.body
    return [item["title"] for item in answer.json()["data"]]


def test_audio_is_listed_newest_first_and_searched(edge: Edge, stranger: dict[str, str]) -> None:
    mine = stranger
    said = [("Über den Wolken", "x", "A flight."), ("Straße", "x,slow", ""), ("blue", "", "WOLKEN")]
    for title, tags, description in said:
        fields = [field("title", title), field("tags", tags), field("description", description)]
        assert send_form(edge, file_part(talk()), *fields, headers=mine).status == 201

    titles = ["blue", "Straße", "Über den Wolken"]
    assert listed(edge, "", mine) == titles
    assert listed(edge, "?type=audio&cursor=&limit=20", mine) == titles
    assert listed(edge, "?q=wolken", mine) == ["blue", "Über den Wolken"]
    assert listed(edge, "?q=STRASSE&type=", mine) == ["Straße"]
    assert listed(edge, "?tag=X&q=", mine) == ["Straße", "Über den Wolken"]
    assert listed(edge, "?tag=x&tag=slow", mine) == ["Straße"]
    assert listed(edge, "?q=100%25", mine) == []
    for other in ("video", "image"):
        assert ask(edge, f"/media?type={other}", headers=mine).json() == {
            "success": True,
            "data": [],
            "nextCursor": None,
            "hasMore": False,
        }

    first = ask(edge, "/media?limit=2", headers=mine).json()
    assert first["hasMore"] is True
    # What comes meanwhile moves nothing.
    send_form(edge, file_part(talk()), headers=mine)
    second = ask(edge, f"/media?limit=2&cursor={first['nextCursor']}", headers=mine).json()
    assert [item["title"] for item in second["data"]] == titles[2:]
    assert (second["nextCursor"], second["hasMore"]) == (None, False)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=9999999999999999999999", "limit"),
        ("type=movie", "type"),
        ("cursor=nonsense", "cursor"),
        ("page=2", "page"),
        (f"q={'x' * 256}", "q"),
    ],
)
def test_a_list_that_cannot_be_had_is_refused(edge: Edge, query: str, parameter: str) -> None:
    answer = ask(edge, f"/media?{query}")

    assert refusal(answer) == (400, "bad_parameter")
    assert answer.problem["details"]["parameter"] == parameter


def test_audio_of_another_door_is_there_as_well(edge: Edge) -> None:
    def brought(path: str, content: bytes) -> Answer:
        return edge.send(
            f"/v2/accounts/{ACCOUNT}/uploads/binary?filePath={path}",
            {**BEARER, "Content-Type": "application/octet-stream"},
            method="POST",
            body=content,
        )

    brought("/talks/other%20door.mp3", talk())
    brought("/talks/picture.png", b"\x89PNG\r\n\x1a\n")

    def listed_first() -> dict[str, Any] | None:
        found = ask(edge, "/media?limit=1").json()["data"][0]
        return dict(found) if found["url"].endswith("/raw/talks/other%20door.mp3") else None

    # Its door does not wait until it is known to be audio.
    found = until(listed_first, "it to be described")

    assert found["url"].startswith(f"https://audio.example/{ACCOUNT}/")
    assert found["filename"] == "other door.mp3"
    assert ask(edge, f"/audio/{found['id']}", method="DELETE").status == 200
    assert edge.send(f"/{ACCOUNT}/raw/talks/other%20door.mp3").status == 404
    assert edge.send(f"/{ACCOUNT}/raw/talks/picture.png").status == 200


def test_plans_decide_who_hosts_audio_and_how_large(tmp_path: Path) -> None:
    settings = {"EDGE_PLAN": "free", "EDGE_PLAN_PRO_FILE_BYTES": "1MiB"}
    with serving(tmp_path, **settings) as edge:
        refused = send_form(edge, file_part(talk()))
        assert refusal(refused) == (403, "plan_required")
        assert refused.problem["details"] == {"plan": "free", "required": ["pro", "pro_plus"]}
        assert "requires the plan pro or pro_plus" in refused.problem["message"]
        assert ask(edge, "/media").status == 200

        said = edge.command("accounts", "set", ACCOUNT, "--plan", "pro")
        assert said.returncode == 0, said.stderr
        large = note(8)
        assert len(large) < 1 << 20
        assert bring(edge, large)["sizeBytes"] == len(large)
        too_large = send_form(edge, file_part(note(12)))
        assert refusal(too_large) == (413, "too_large")
        assert too_large.problem["details"]["mostBytes"] == 1 << 20

        edge.command("accounts", "set", ACCOUNT, "--plan", "pro_plus")
        assert send_form(edge, file_part(note(12))).status == 201
        edge.command("accounts", "set", ACCOUNT, "--storage-quota-bytes", "2000000")
        full = send_form(edge, file_part(note(12)))
        assert refusal(full) == (402, "over_quota")
        assert full.problem["details"]["quotaBytes"] == 2_000_000
