"""MusicAPI's door on a real server: bring a song, be told of it, have it as WAV, hear its tempo."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.e2e.musicapi import LOOPBACK, ask, secret_of, settled, shown, submitted, told, uploaded
from tests.e2e.origin import Origin, origin
from tests.e2e.running import PUBLIC_KEY, PUBLIC_URL, Edge, serving, until
from tests.e2e.sounds import note, talk
from tests.support.drums import clicks
from tests.support.media import make

QUOTA = 10_000


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Origin]:
    with origin() as server:
        server.files["/song.mp3"] = talk()
        server.files["/note.wav?token=1"] = note(2)
        server.files["/page.html"] = b"<html>no sound</html>" * 100
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with serving(
        tmp_path_factory.mktemp("edge"),
        EDGE_PUBLIC_URL=PUBLIC_URL,
        EDGE_ALLOW_NETWORKS=LOOPBACK,
        EDGE_QUOTA_SECONDS=str(QUOTA),
    ) as edge:
        yield edge
        assert "Traceback" not in edge.log


@pytest.fixture(scope="module")
def clip(server: Edge, elsewhere: Origin) -> str:
    return uploaded(server, f"{elsewhere.url}/song.mp3")


def path_of(url: object) -> str:
    """Take the host off a URL that clients are told."""
    assert str(url).startswith(f"{PUBLIC_URL}/")
    parts = urlsplit(str(url))
    return parts.path + (f"?{parts.query}" if parts.query else "")


def test_an_upload_that_is_waited_for_is_answered_as_the_document_shows(
    server: Edge, elsewhere: Origin
) -> None:
    answer = ask(server, "/sonic/upload", {"url": f"{elsewhere.url}/song.mp3"})
    clip_id = answer.json()["clip_id"]

    assert (200, f'{{"code":200,"clip_id":"{clip_id}","message":"success"}}') == (
        answer.status,
        answer.body.decode(),
    )
    assert str(uuid.UUID(clip_id)) == clip_id
    assert answer.headers["content-type"] == "application/json"


def test_a_clip_is_shown_with_urls_that_work(server: Edge, clip: str) -> None:
    found = shown(server, clip)

    assert {
        "clip_id": clip,
        "state": "succeeded",
        "title": "song",
        "tags": "",
        "lyrics": "",
        "image_url": f"{PUBLIC_URL}/W142hJk/raw/thumbnails/{clip}.jpg",
        "audio_url": f"{PUBLIC_URL}/W142hJk/raw/clips/{clip}.mp3",
        "video_url": "",
        "created_at": found["created_at"],
        "mv": "",
        "gpt_description_prompt": None,
        "duration": 3,
    } == found
    assert server.send(path_of(found["audio_url"])).body == talk()
    assert server.send(path_of(found["image_url"])).body.startswith(b"\xff\xd8")


def test_with_a_callback_the_task_is_told_of_when_it_is_done(
    server: Edge, elsewhere: Origin
) -> None:
    secret = secret_of(server)
    before = len(elsewhere.heard)
    body = {"url": f"{elsewhere.url}/note.wav?token=1", "callback_url": f"{elsewhere.url}/hook"}
    answer = ask(server, "/sonic/upload", body)
    task = answer.json()["task_id"]

    assert (200, f'{{"code":200,"task_id":"{task}","message":"success"}}') == (
        answer.status,
        answer.body.decode(),
    )
    until(lambda: len(elsewhere.heard) > before, "the callback")
    (path, headers, content), *others = elsewhere.heard[before:]
    clip = shown(server, task)
    assert (path, headers["Content-Type"], others) == ("/hook", "application/json", [])
    assert told(elsewhere, secret)[-1] == {
        "task_id": task,
        "clip_id": clip["clip_id"],
        "code": 200,
        "message": "success",
    }
    assert list(json.loads(content)) == ["task_id", "clip_id", "code", "message"]
    # The task and its clip are the same to ask for, and its extension is that of the URL.
    assert shown(server, str(clip["clip_id"])) == clip
    assert (clip["state"], clip["title"], clip["duration"]) == ("succeeded", "note", 2)
    assert server.send(path_of(clip["audio_url"])).body == note(2)
    assert str(clip["audio_url"]).endswith(".wav")


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        ("/nowhere.mp3", 400, "There is no file to be had at the URL."),
        ("/page.html", 400, "The URL leads to no sound"),
    ],
)
def test_a_failure_is_told_too(
    server: Edge, elsewhere: Origin, path: str, code: int, message: str
) -> None:
    now = ask(server, "/sonic/upload", {"url": elsewhere.url + path})
    before = len(elsewhere.heard)
    task = submitted(server, elsewhere.url + path, f"{elsewhere.url}/hook")
    until(lambda: len(elsewhere.heard) > before, "the callback")
    later = json.loads(elsewhere.heard[-1][2])
    failed = settled(server, task)

    assert (code, code) == (now.status, now.json()["code"])
    assert message in now.json()["message"]
    assert {"task_id": task, "clip_id": None, **now.json()} == later
    assert (None, "failed", later["message"]) == (
        failed["clip_id"],
        failed["state"],
        failed["error_message"],
    )
    # Nothing of what was no sound is kept.
    assert list(now.json()) == ["code", "message"]


def test_a_clip_is_had_as_wav(server: Edge, clip: str) -> None:
    answer = ask(server, "/sonic/wav", {"clip_id": clip}, Prefer="wait=60").json()

    assert {"code": 200, "data": answer["data"], "message": "success"} == answer
    assert list(answer["data"]) == ["clip_id", "wav_url"]
    assert server.send(path_of(answer["data"]["wav_url"])).body[:4] == b"RIFF"
    # Another time it is there at once, and costs nothing.
    billed = server.usage()["billedSeconds"]
    assert ask(server, "/sonic/wav", {"clip_id": clip}, Prefer="wait=0").json() == answer
    assert server.usage()["billedSeconds"] == billed


def test_a_wav_that_is_not_waited_for_is_a_task(server: Edge, elsewhere: Origin) -> None:
    clip = uploaded(server, f"{elsewhere.url}/song.mp3")
    answer = ask(server, "/sonic/wav", {"clip_id": clip}, Prefer="wait=0").json()
    assert {"code": 200, "task_id": answer["task_id"], "message": "success"} == answer

    done = settled(server, answer["task_id"])
    until(lambda: shown(server, answer["task_id"])["wav_url"], "the WAV")
    done = shown(server, answer["task_id"])

    assert {**shown(server, clip), "wav_url": done["wav_url"]} == done
    assert server.send(path_of(done["wav_url"])).body[:4] == b"RIFF"


def test_a_tone_has_no_tempo(server: Edge, elsewhere: Origin) -> None:
    clip = uploaded(server, f"{elsewhere.url}/note.wav?token=1")
    answer = ask(server, "/sonic/bpm", {"clip_id": clip})

    assert answer.json() == {
        "code": 200,
        "data": {"clip_id": clip, "bpm": None, "confidence": None},
        "message": "success",
    }


def test_a_beat_has_one(server: Edge, elsewhere: Origin) -> None:
    elsewhere.files["/clicks.wav"] = make(
        "wav-16", clicks(100, rate=24_000, seconds=20), rate=24_000
    )
    clip = uploaded(server, f"{elsewhere.url}/clicks.wav")
    found = ask(server, "/sonic/bpm", {"clip_id": clip}).json()["data"]

    assert (clip, 100) == (found["clip_id"], pytest.approx(found["bpm"], abs=0.5))
    assert 0 < found["confidence"] <= 1


def test_an_account_waits_for_so_many_files_at_once(server: Edge, elsewhere: Origin) -> None:
    slow = elsewhere.waiting["/slow.mp3"] = threading.Event()
    elsewhere.files["/slow.mp3"] = talk()
    asked = len(elsewhere.requests)
    body = {"url": f"{elsewhere.url}/slow.mp3"}
    with ThreadPoolExecutor(8) as clients:
        waiting = [clients.submit(ask, server, "/sonic/upload", body) for _ in range(8)]
        try:
            until(lambda: len(elsewhere.requests) == asked + 8, "eight requests")
            refused = ask(server, "/sonic/upload", body)
        finally:
            slow.set()

        assert [answer.result().status for answer in waiting] == [200] * 8
    assert (refused.status, refused.headers["retry-after"]) == (429, "5")
    assert refused.json() == {
        "code": 429,
        "message": "8 files are being fetched for this account.",
    }


def test_credits_are_the_quota(server: Edge, clip: str) -> None:
    ask(server, "/sonic/wav", {"clip_id": clip}, Prefer="wait=60")
    answer = ask(server, "/get-credits").json()
    used = server.usage()["billedSeconds"]

    assert used > 0
    assert {
        "code": 200,
        "credits": QUOTA - used,
        "extra_credits": 0,
        "used_credits": used,
        "total_credits": QUOTA,
        "unlimited": False,
        "month": answer["month"],
        "message": "success",
    } == answer


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/sonic/upload", {}, 400, "url has to be the URL of a sound"),
        ("/sonic/upload", {"url": 3}, 400, "not '3'"),
        ("/sonic/upload", [], 400, "The body has to be a JSON object"),
        ("/sonic/upload", {"url": "song.mp3"}, 400, "url has to be the URL of a sound"),
        ("/sonic/upload", {"url": "file:///etc/passwd"}, 400, "only http and https"),
        ("/sonic/upload", {"url": "http://169.254.169.254/"}, 403, "url leads where"),
        ("/sonic/upload", {"url": "http://[::1]/"}, 403, "url leads where"),
        (
            "/sonic/upload",
            {"url": "https://a.example/a.mp3", "callback_url": "http://10.0.0.1/"},
            403,
            "callback_url leads where",
        ),
        (
            "/sonic/upload",
            {"url": "https://a.example/a.mp3", "callback_url": "nowhere"},
            400,
            "callback_url has to be the URL to be told",
        ),
        ("/sonic/wav", {}, 400, "clip_id has to be the id of a clip"),
        ("/sonic/wav", {"clip_id": str(uuid.UUID(int=1))}, 404, "no clip"),
        ("/sonic/bpm", {"clip_id": "../../x"}, 404, "no clip"),
        ("/sonic/task/%00", None, 400, "NUL character"),
        ("/sonic/task/nothing", None, 404, "no such task and no such clip"),
        (f"/sonic/task/{uuid.UUID(int=1)}", None, 404, "no such task and no such clip"),
        ("/sonic", {}, 404, "no endpoint /api/v1/sonic."),
        ("/sonic/nonsense", {}, 404, "no endpoint /api/v1/sonic/nonsense"),
        ("/sonic/upload", None, 405, "POST only"),
        ("/get-credits", {}, 405, "GET only"),
        ("/sonic/create", {}, 501, "not part of this product"),
        ("/sonic/stems/full", {}, 501, "not part of this product"),
        ("/sonic/upsample_tags", {}, 501, "not part of this product"),
        ("/riffusion/create", {}, 501, "not part of this product"),
        ("/producer/task/1", None, 501, "not part of this product"),
        ("/nuro", None, 501, "not part of this product"),
    ],
)
def test_what_is_refused_is_told_in_the_door_s_own_words(
    server: Edge, path: str, body: object, status: int, message: str
) -> None:
    answer = ask(server, path, body)

    assert (status, ["code", "message"]) == (answer.status, list(answer.json()))
    assert status == answer.json()["code"]
    assert message in answer.json()["message"]


def test_a_body_has_an_end(server: Edge) -> None:
    answer = ask(server, "/sonic/upload", {"url": "x" * 70_000})

    assert (answer.status, answer.json()["code"]) == (400, 400)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("", 401), ("Bearer secret_W142hJkNot", 401), (f"Bearer {PUBLIC_KEY}", 403)],
)
@pytest.mark.parametrize("path", ["/sonic/upload", "/sonic/wav", "/sonic/bpm"])
def test_a_secret_key_is_needed(server: Edge, path: str, authorization: str, status: int) -> None:
    answer = ask(server, path, {}, Authorization=authorization)

    assert (status, status) == (answer.status, answer.json()["code"])
    assert "secret key" in answer.json()["message"]


@pytest.mark.parametrize("path", ["/sonic/task/{clip}", "/get-credits"])
def test_a_secret_key_is_needed_to_ask(server: Edge, clip: str, path: str) -> None:
    answer = server.send("/api/v1" + path.format(clip=clip))

    assert (answer.status, answer.json()["code"]) == (401, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_clip_is_its_account_s(server: Edge, clip: str, elsewhere: Origin) -> None:
    task = submitted(server, f"{elsewhere.url}/song.mp3", f"{elsewhere.url}/hook")
    settled(server, task)
    key = server.command("keys", "create", "--account", "abcdefg").stdout.strip()
    stranger = {"Authorization": f"Bearer {key}"}

    for name in (clip, task):
        assert ask(server, f"/sonic/task/{name}", **stranger).status == 404
    for path in ("/sonic/wav", "/sonic/bpm"):
        assert ask(server, path, {"clip_id": clip}, **stranger).status == 404


def test_a_preflight_is_answered(server: Edge) -> None:
    answer = server.send("/api/v1/sonic/upload", {"Origin": "https://a.example"}, method="OPTIONS")

    assert (answer.status, answer.headers["allow"]) == (204, "POST, OPTIONS")
