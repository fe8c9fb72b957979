"""AIOZ's door: media announced, sent in parts, transcoded, found, changed and deleted."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.aioz import DASH, HLS, PAIR, ask, brought, create, detail, failed, send, sound
from tests.e2e.running import (
    BEARER,
    PUBLIC_KEY,
    PUBLIC_URL,
    SECRET_KEY,
    Edge,
    serving,
    until,
)


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("aioz")
    with serving(folder, EDGE_PUBLIC_URL=PUBLIC_URL, EDGE_WORKERS="2") as opened:
        yield opened


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


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    "headers",
    [
        BEARER,
        PAIR,
        basic(PUBLIC_KEY, SECRET_KEY),
        basic("apikey", SECRET_KEY),
        # As AIOZ's own client for Node sends them.
        {**BEARER, "stream-public-key": "", "stream-secret-key": ""},
        {**basic(PUBLIC_KEY, SECRET_KEY), **PAIR},
    ],
)
def test_every_way_of_the_document_proves_the_account(edge: Edge, headers: dict[str, str]) -> None:
    assert ask(edge, "", method="POST", body={}, headers=headers).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer secret_W142hJkNobodyHasThis"}, 401),
        ({"Authorization": f"Bearer {PUBLIC_KEY}"}, 403),
        ({"stream-secret-key": SECRET_KEY}, 401),
        ({"stream-public-key": PUBLIC_KEY}, 401),
        ({"stream-public-key": "public_W142hJkNobody", "stream-secret-key": SECRET_KEY}, 401),
        ({"stream-public-key": SECRET_KEY, "stream-secret-key": SECRET_KEY}, 401),
        (basic("public_W142hJkNobody", SECRET_KEY), 401),
        (basic(PUBLIC_KEY, "wrong"), 401),
    ],
)
def test_what_proves_nothing_is_refused_everywhere_in_the_same_shape(
    edge: Edge, headers: dict[str, str], status: int
) -> None:
    media = create(edge)["id"]
    for method, target in [
        ("POST", ""),
        ("POST", "/create"),
        ("GET", "/cost"),
        ("GET", f"/{media}"),
        ("POST", f"/{media}/part"),
        ("GET", f"/{media}/complete"),
        ("PATCH", f"/{media}"),
        ("DELETE", f"/{media}"),
    ]:
        answer = ask(edge, target, method=method, body={}, headers=headers)
        assert failed(answer)[0] == status, (method, target, answer.body)


def test_accounts_see_nothing_of_each_other(edge: Edge) -> None:
    media = create(edge, title="Mine")["id"]
    keys = {
        kind: edge.command("keys", "create", "--account", "X242hJk", "--kind", kind, "--json")
        for kind in ("secret", "public")
    }
    told = {kind: json.loads(made.stdout)["key"] for kind, made in keys.items()}
    other = {"Authorization": f"Bearer {told['secret']}"}
    mixed = {"stream-public-key": told["public"], "stream-secret-key": SECRET_KEY}

    for method, target in [
        ("GET", f"/{media}"),
        ("POST", f"/{media}/part"),
        ("GET", f"/{media}/complete"),
        ("PATCH", f"/{media}"),
        ("DELETE", f"/{media}"),
    ]:
        answer = ask(edge, target, method=method, body={"title": "Theirs"}, headers=other)
        assert failed(answer)[0] == 404, (method, target, answer.body)
    assert ask(edge, "", method="POST", body={}, headers=other).json()["data"]["total"] == 0
    assert failed(ask(edge, "", method="POST", body={}, headers=mixed)) == (
        403,
        "The two keys are not of the same account.",
    )
    assert detail(edge, media)["title"] == "Mine"


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/api/media", 405),
        ("PUT", "/api/media/create", 405),
        ("POST", "/api/media/cost", 405),
        ("HEAD", "/api/media/{id}/complete", 405),
        ("PROPFIND", "/api/media/{id}", 405),
        ("GET", "/api/media/{id}/nothing", 404),
        ("GET", "/api/media/not-an-id", 404),
        ("GET", "/api/media/", 404),
        ("DELETE", "/api/media/{id}/m3u8", 405),
    ],
)
def test_what_there_is_not_is_refused_in_the_same_shape(
    edge: Edge, method: str, target: str, status: int
) -> None:
    media = create(edge)["id"]
    answer = edge.send(target.replace("{id}", media), BEARER, method=method)

    assert answer.status == status
    if method != "HEAD":
        assert failed(answer)[0] == status
    assert ("Allow" in answer.headers) == (status == 405)


def test_a_body_that_is_no_json_or_too_long_is_refused(edge: Edge) -> None:
    torn = edge.send("/api/media/create", BEARER, method="POST", body=b'{"type"')
    long = ask(edge, "/create", method="POST", body={"title": "A" * 300_000})

    status, message = failed(torn)
    assert (status, message.startswith("The body is not what it should be")) == (400, True)
    assert failed(long) == (413, "The body is larger than 262144 bytes.")


def test_a_browser_of_another_origin_is_told_what_it_may_send(edge: Edge) -> None:
    answer = edge.send("/api/media/create", method="OPTIONS")
    allowed = {
        name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")
    }

    assert answer.status == 204
    assert allowed >= {"authorization", "content-type", "content-range", "stream-secret-key"}
    assert answer.headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"


def test_what_is_no_sound_fails_and_is_found_so(edge: Edge) -> None:
    done = brought(edge, b"This is no sound at all. " * 400, title="Nothing", tags=["broken"])
    listed = ask(
        edge, "", method="POST", body={"status": "fail", "type": "audio", "tags": "broken"}
    ).json()["data"]

    assert (done["status"], done["qualities"][0]["status"]) == ("fail", "fail")
    assert [each["id"] for each in listed["media"]] == [done["id"]]
    assert failed(edge.send(f"/api/media/{done['id']}/m3u8"))[0] == 422


def test_a_track_that_the_file_lacks_fails(edge: Edge) -> None:
    done = brought(edge, qualities=[{**HLS, "audio_config": {"index": 3}}])

    assert (done["status"], done["qualities"][0]["status"]) == ("fail", "fail")


def test_what_is_known_of_media_is_changed(edge: Edge) -> None:
    media = create(edge, title="Before", tags=["a"])["id"]
    change = {
        "title": "After",
        "description": "string",
        "player_theme_id": "theme",
        "is_public": False,
        "metadata": [{"key": "genre", "value": "podcast"}],
        "tags": ["b", "c"],
    }
    answer = ask(edge, f"/{media}", method="PATCH", body=change)
    changed = detail(edge, media)
    wrong = failed(ask(edge, f"/{media}", method="PATCH", body={"title": ""}))

    assert answer.json() == {"status": "success", "message": "Update audio info successfully."}
    assert {name: changed[name] for name in change} == change
    assert wrong == (400, "Parameter 'title' cannot be '': expected a title.")
    assert ask(edge, f"/{media}", method="PATCH", body={"tags": []}).status == 200
    assert detail(edge, media)["tags"] is None
    assert detail(edge, media)["title"] == "After"


def test_media_are_listed_as_wished(edge: Edge) -> None:
    made = [
        create(
            edge,
            title=f"Listed {name}",
            tags=["listed", name],
            metadata=[{"key": "name", "value": name}],
        )["id"]
        for name in ("b", "a", "c")
    ]
    ask(edge, f"/{made[2]}", method="DELETE")

    def found(**body: object) -> list[str]:
        data = ask(edge, "", method="POST", body={"tags": "listed", **body}).json()["data"]
        assert data["videos"] == data["media"]
        return [made.index(each["id"]) for each in data["videos"]]

    assert found() == [0, 1]
    assert found(order_by="desc") == [1, 0]
    assert found(sort_by="title") == [1, 0]
    assert found(limit=1, offset=1) == [1]
    assert found(search="LISTED A") == [1]
    assert found(metadata={"name": "b"}) == [0]
    assert found(tags=["listed", "a"]) == [1]
    assert found(status="new") == [0, 1]
    assert found(status="deleted") == [2]
    assert found(status=["deleted", "new"], order_by="asc") == [0, 1, 2]
    assert found(status="done") == []
    refused = ask(edge, "", method="POST", body={"limit": 1000})
    assert failed(refused) == (
        400,
        "Parameter 'limit' cannot be '1000': expected a whole number from 1 to 100.",
    )


def test_the_price_of_the_example_is_answered_as_in_the_example(edge: Edge) -> None:
    query = "duration=60&type=audio&qualities=highest%2Cstandard"

    assert ask(edge, f"/cost?{query}").json() == {
        "status": "success",
        "data": {"price": 0.45, "is_enough": True},
    }
    assert failed(ask(edge, "/cost?duration=60&qualities=good")) == (
        400,
        "Parameter 'type' cannot be '': expected audio.",
    )
    assert failed(ask(edge, "/cost?type=audio&duration=60&qualities=best"))[0] == 400
    assert failed(ask(edge, "/cost?type=audio&qualities=good"))[0] == 400


def test_dash_is_transcoded_as_well_and_lists_have_the_m4a(edge: Edge) -> None:
    done = brought(edge, qualities=[DASH], tags=["dash"])
    listed = ask(edge, "", method="POST", body={"tags": "dash"}).json()["data"]["videos"][0]

    assert done["qualities"] == [{"name": "good", "status": "done", "type": "dash"}]
    assert "mp4_url" not in done["assets"]
    assert listed["assets"]["mp4_url"] == f"{PUBLIC_URL}/api/media/{done['id']}/mp4"


def test_what_the_quota_does_not_cover_is_not_begun_and_may_be_completed_later(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, EDGE_PUBLIC_URL=PUBLIC_URL, EDGE_QUOTA_SECONDS="10") as edge:
        high = {**HLS, "resolution": "highest"}
        media = create(edge, qualities=[high, HLS])["id"]
        send(edge, media, sound(1))
        completed = failed(ask(edge, f"/{media}/complete"))
        cost = ask(edge, "/cost?type=audio&duration=1&qualities=highest,standard").json()["data"]
        cheaper = ask(edge, "/cost?type=audio&duration=1&qualities=standard").json()["data"]
        found = detail(edge, media)

        assert completed[0] == 402
        assert completed[1].startswith("This transform costs 15 s of processing")
        assert (found["status"], found["size"] > 0) == ("new", True)
        assert (cost["is_enough"], cheaper["is_enough"]) == (False, True)
        assert edge.send(f"/api/media/{media}/source").status == 200
        assert failed(edge.send(f"/api/media/{media}/m3u8"))[0] == 402
