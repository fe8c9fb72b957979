from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from edge.app import build_app
from edge.jobs.store import Jobs
from edge.node import open_node
from edge.settings import Settings
from tests.edge.web.conftest import Answered, Call
from tests.support.media import make
from tests.support.synth import tone

Get = Callable[..., Awaitable[Answered]]


@pytest.fixture
async def get(tmp_path: Path, call: Call) -> AsyncIterator[Get]:
    """Ask a whole node, in this process, for a target below its first account."""
    media = tmp_path / "media"
    media.mkdir()
    (media / "note.wav").write_bytes(make("wav-16", tone(8_000, rate=8_000), rate=8_000))
    settings = Settings(
        root=media, data=tmp_path / "data", workers=1, public_url="https://audio.example"
    )
    async with open_node(settings) as node:
        app = build_app(node)

        async def asked(
            rest: str, method: str = "GET", headers: Mapping[str, str] | None = None
        ) -> Answered:
            path, _, query = f"/W142hJk{rest}".partition("?")

            async def with_query(scope: Any, receive: Any, send: Any) -> None:
                await app({**scope, "query_string": query.encode()}, receive, send)

            return await call(with_query, method, path, headers=headers)

        yield asked


async def test_a_job_and_its_artifact(get: Get) -> None:
    job = await get("/audio/note.wav?f=wav-riff", headers={"Prefer": "wait=60"})
    file = await get("/audio/note.wav!f=wav-riff&a=/audio.wav")

    assert job.status == 200
    assert json.loads(job.body)["status"] == "Succeeded"
    assert job.headers["preference-applied"] == "wait=60"
    assert (file.status, file.body[:4]) == (200, b"RIFF")
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_an_artifact_evicted_behind_its_receipt_is_missing_and_made_again(
    get: Get, tmp_path: Path
) -> None:
    await get("/audio/note.wav?f=wav-riff", headers={"Prefer": "wait=60"})
    for blob in (tmp_path / "data" / "blobs").rglob("*.wav"):
        blob.unlink()
    missing = await get("/audio/note.wav!f=wav-riff&a=/audio.wav")

    assert missing.status == 404
    assert json.loads(missing.body)["status"] == "Running"
    await get("/audio/note.wav?f=wav-riff", headers={"Prefer": "wait=60"})
    assert (await get("/audio/note.wav!f=wav-riff&a=/audio.wav")).status == 200


@pytest.mark.parametrize(
    ("rest", "status", "code"),
    [
        ("/raw/gone.wav", 404, "not_found"),
        ("/video/note.wav", 404, "not_found"),
        ("/raw/../x", 400, "bad_path"),
        ("/audio/note.wav?f=mp3&br=1", 400, "bad_parameter"),
        ("/audio/note.wav?f=mp3&x=1", 400, "unknown_parameter"),
        ("/audio/note.wav?f=mp3&exp=1", 403, "expired"),
        ("/audio/note.wav?f=mp3&cache_only=true", 404, "not_found"),
    ],
)
async def test_refusals(get: Get, rest: str, status: int, code: str) -> None:
    answer = await get(rest)

    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (status, code)
    assert answer.headers["cache-control"] == "no-store"


async def test_what_is_no_account_goes_on_to_the_router(get: Get, call: Call) -> None:
    assert (await get("x/raw/note.wav")).status == 404


async def test_the_player_page_starts_nothing(get: Get) -> None:
    page = await get("/audio/note.wav")

    assert page.headers["content-type"].startswith("text/html")
    assert (await get("/audio/note.wav?f=m4a&cache_only=true")).status == 404


async def test_a_fault_of_ours_behind_the_router_is_told_as_one(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Jobs) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(Jobs, "counts", fail)
    async with open_node(Settings(data=tmp_path / "data", workers=1)) as node:
        answer = await call(build_app(node), "GET", "/healthz")

    assert answer.status == 500
    assert json.loads(answer.body)["error"]["code"] == "internal_error"
    assert b"secret of ours" not in answer.body
