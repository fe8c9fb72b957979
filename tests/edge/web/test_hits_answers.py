"""A hit says what the long way would have said, to every byte, for as long as that is so."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from edge.app import build_app
from edge.fill.filler import Filler
from edge.fill.wanted import Wanted
from edge.node import Node, open_node
from edge.settings import Settings
from edge.web.hits.path import HitPath
from tests.edge.web.conftest import Answered, Call
from tests.support.media import make
from tests.support.synth import tone

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW_MS = 1_795_000_000_000
BIG = 700_000

RAW = "/raw/note.wav"
BIG_RAW = "/raw/big.bin"
MADE = "/audio/note.wav!f=wav-riff&a=/audio.wav"
SEGMENT = "/audio/note.wav!f=hls-aac&a=/0f/0.ts"
PLAYLIST = "/audio/note.wav!f=hls-aac&a=/0f/manifest.m3u8"
BRANCHED = "/audio/note.wav?f=hls-aac&a=/audio.m3u8"
STREAM = "/audio/note.wav?f=hls-aac-rt"
PEAKS = "/audio/note.wav?f=peaks"

Ask = Callable[..., Awaitable[Answered]]


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


@dataclasses.dataclass(frozen=True)
class House:
    """A whole node in this process, its files, and a way to ask it."""

    node: Node
    clock: Clock
    media: Path
    blobs: Path
    ask: Ask

    def app(self) -> HitPath:
        return build_app(self.node)

    async def warm(self, rest: str, **named: Any) -> tuple[HitPath, Answered]:
        """Ask until the answer is a hit; return who answers and the last answer."""
        app = self.app()
        for _ in range(3):
            answer = await self.ask(app, rest, **named)
        assert is_hit(answer)
        return app, answer

    async def wait_for(self, rest: str) -> None:
        answer = await self.ask(self.app(), rest, headers={"Prefer": "wait=60"})
        assert answer.status == 200


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, call: Call) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("hits")
    media = folder / "media"
    media.mkdir()
    (media / "note.wav").write_bytes(make("wav-16", tone(8_000, rate=8_000), rate=8_000))
    (media / "big.bin").write_bytes(os.urandom(BIG))
    (media / "empty.mp3").write_bytes(b"")
    settings = Settings(
        root=media, data=folder / "data", workers=1, public_url="https://audio.example"
    )
    clock = Clock()

    async def ask(
        app: HitPath,
        rest: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
    ) -> Answered:
        path, _, query = f"/W142hJk{rest}".partition("?")

        async def with_query(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "query_string": query.encode()}, receive, send)

        return await call(with_query, method, path, headers=headers)

    async with open_node(settings) as node:
        there = House(
            node=dataclasses.replace(node, clock=clock),
            clock=clock,
            media=media,
            blobs=folder / "data" / "blobs",
            ask=ask,
        )
        for made in ("f=wav-riff", "f=hls-aac", "f=peaks"):
            await there.wait_for(f"/audio/note.wav?{made}")
        await ask(there.app(), STREAM)
        yield there


def is_hit(answer: Answered) -> bool:
    return answer.headers.get("server-timing", "").startswith("hit;dur=") and (
        "total" not in answer.headers["server-timing"]
    )


def comparable(answer: Answered) -> tuple[int, list[tuple[str, str]], bytes]:
    """All of an answer but its times, and the separator that is made for each."""
    fields = [field for field in answer.headers.items() if field[0] != "server-timing"]
    found = re.search(r"boundary=([0-9a-f]{32})", str(fields))
    if found is None:
        return answer.status, fields, answer.body
    cut = found[1]
    plain = [(name, value.replace(cut, "cut")) for name, value in fields]
    return answer.status, plain, answer.body.replace(cut.encode(), b"cut")


def at_once(app: HitPath, rest: str, method: str, headers: dict[str, str]) -> Answered | None:
    """Ask as a server does before it makes a task."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    ready = app.at_once(method.encode(), f"/W142hJk{rest}".encode(), raw)
    if ready is None:
        return None
    lines = ready.spelt.decode().removesuffix("\r\n").split("\r\n")
    fields = [tuple(map(str.encode, line.split(": ", 1))) for line in lines]
    start = {"type": "http.response.start", "status": ready.status, "headers": fields}
    return Answered(messages=(start, {"type": "http.response.body", "body": ready.body}))


def requests() -> Iterable[Any]:
    conditions: list[dict[str, str]] = [
        {},
        {"Range": "bytes=0-"},
        {"Range": "bytes=100-299"},
        {"Range": "bytes=-5"},
        {"Range": "bytes=0-1,10-19,-3"},
        {"Range": "bytes=9999999-"},
        {"Range": "lines=1-2"},
        {"If-None-Match": "*"},
        {"If-None-Match": '"another"'},
        {"If-Match": '"another"'},
        {"If-Modified-Since": "Thu, 01 Jan 2037 00:00:00 GMT"},
        {"If-Unmodified-Since": "Thu, 01 Jan 1998 00:00:00 GMT"},
        {"Range": "bytes=0-9", "If-Range": "etag of it"},
        {"Range": "bytes=0-9", "If-Range": '"another"'},
        {"If-None-Match": "etag of it", "Range": "bytes=0-9"},
    ]
    for rest in (RAW, BIG_RAW, MADE, SEGMENT, PLAYLIST):
        for headers in conditions:
            yield pytest.param(rest, "GET", headers)
        yield pytest.param(rest, "HEAD", {"Range": "bytes=0-9"})
    for rest in (PLAYLIST, BRANCHED, STREAM):
        for coding in ("gzip", "br, gzip;q=0.5", "gzip;q=0", "identity"):
            yield pytest.param(rest, "GET", {"Accept-Encoding": coding})
    for rest in (
        "/raw/empty.mp3",
        PEAKS,
        STREAM,
        f"{STREAM}&a=/0f/0.ts",
        f"{RAW}?download=true",
        f"{RAW}?cache=false",
        f"{RAW}?cache_ttl=0",
        f"{RAW}?cache_ttl=5",
        f"{RAW}?exp={NOW_MS // 1000 + 60}",
        f"{MADE}&download=true",
        f"{MADE}&cache=false",
        f"{MADE}&cache_only=true",
        f"{MADE}&cache_ttl=5&exp={NOW_MS + 60_000}",
        f"{SEGMENT}&cache=false",
        f"{PLAYLIST}&cache_ttl=7",
    ):
        yield pytest.param(rest, "GET", {})
        yield pytest.param(rest, "HEAD", {})


@pytest.mark.parametrize(("rest", "method", "headers"), list(requests()))
async def test_a_hit_is_what_the_long_way_answers(
    house: House, rest: str, method: str, headers: dict[str, str]
) -> None:
    etag = (await house.ask(house.app(), rest)).headers["etag"]
    asked = {name: value.replace("etag of it", etag) for name, value in headers.items()}
    long_way = await house.ask(house.app(), rest, method=method, headers=asked)
    app, hit = await house.warm(rest, method=method, headers=asked)
    quick = at_once(app, rest, method, asked)

    assert not is_hit(long_way)
    assert comparable(hit) == comparable(long_way)
    assert (quick is None) == (rest == BIG_RAW)
    assert quick is None or comparable(quick) == comparable(long_way)


@pytest.mark.parametrize(
    "rest",
    [
        "/audio/note.wav?f=wav-riff",
        "/audio/note.wav?f=meta",
        "/audio/note.wav",
        "/raw/gone.wav",
        "/audio/note.wav?f=mp3&cache_only=true",
        "/audio/note.wav?f=mp3&br=1",
    ],
)
async def test_what_is_no_finished_file_is_never_kept(house: House, rest: str) -> None:
    app = house.app()
    for _ in range(3):
        answer = await house.ask(app, rest)

        assert not is_hit(answer)
        assert at_once(app, rest, "GET", {}) is None


async def test_a_stream_that_was_still_growing_is_not_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, looks = Filler.look, 0

    async def finished_meanwhile(filler: Filler, wanted: Wanted) -> Any:
        nonlocal looks
        looks += 1
        return None if looks % 2 else await look(filler, wanted)

    monkeypatch.setattr(Filler, "look", finished_meanwhile)
    app = house.app()
    for _ in range(3):
        answer = await house.ask(app, STREAM)

        assert (answer.status, is_hit(answer)) == (200, False)


async def test_a_hit_ends_when_its_url_does(house: House) -> None:
    rest = f"{RAW}?exp={NOW_MS + 5_000}"
    app, _ = await house.warm(rest)
    house.clock.ms = NOW_MS + 5_000
    try:
        quick = at_once(app, rest, "GET", {})
        answer = await house.ask(app, rest)
    finally:
        house.clock.ms = NOW_MS

    assert quick is None
    assert (answer.status, b"expired" in answer.body) == (403, True)


async def test_a_replaced_file_is_noticed_at_the_next_request(house: House) -> None:
    file = house.media / "short.mp3"
    file.write_bytes(b"one")
    app, before = await house.warm("/raw/short.mp3")
    (house.media / "new").write_bytes(b"two")
    (house.media / "new").replace(file)
    after = await house.ask(app, "/raw/short.mp3")
    file.unlink()
    gone = await house.ask(app, "/raw/short.mp3")

    assert (before.body, after.body, gone.status) == (b"one", b"two", 404)
    assert before.headers["etag"] != after.headers["etag"]


async def test_a_link_that_leads_elsewhere_now_is_noticed(house: House) -> None:
    for name in ("one", "two"):
        (house.media / f"{name}.mp3").write_bytes(name.encode())
    link = house.media / "link.mp3"
    link.symlink_to("one.mp3")
    app, before = await house.warm("/raw/link.mp3")
    link.unlink()
    link.symlink_to("two.mp3")
    after = await house.ask(app, "/raw/link.mp3")

    assert (before.body, after.body) == (b"one", b"two")


@pytest.mark.parametrize("rest", ["/raw/moved.wav", "/audio/moved.wav!f=wav-riff&a=/audio.wav"])
async def test_a_source_that_went_away_takes_its_hits_with_it(house: House, rest: str) -> None:
    file = house.media / "moved.wav"
    file.write_bytes((house.media / "note.wav").read_bytes())
    await house.wait_for("/audio/moved.wav?f=wav-riff")
    app, _ = await house.warm(rest)
    file.unlink()

    assert at_once(app, rest, "GET", {}) is None
    assert (await house.ask(app, rest)).status == 404


async def test_an_artifact_that_was_evicted_is_not_given_from_memory(house: House) -> None:
    rest = "/audio/note.wav!f=flac&a=/audio.flac"
    await house.wait_for("/audio/note.wav?f=flac")
    app, _ = await house.warm(rest)
    for blob in house.blobs.rglob("*.flac"):
        blob.unlink()
    quick = at_once(app, rest, "GET", {}), at_once(app, rest, "HEAD", {})
    missing = await house.ask(app, rest)
    await house.wait_for("/audio/note.wav?f=flac")

    assert (quick, missing.status) == ((None, None), 404)
    assert (await house.ask(app, rest)).status == 200


async def test_every_answer_says_where_the_time_went(house: House) -> None:
    app = house.app()
    stages = [
        [stage.partition(";")[0] for stage in answer.headers.get("server-timing", "").split(", ")]
        for answer in (
            await house.ask(app, RAW),
            await house.ask(app, MADE),
            await house.ask(app, "/audio/note.wav?f=wav-riff", headers={"Prefer": "wait=1"}),
            await house.ask(app, "/raw/gone.wav"),
            await house.ask(app, RAW),
        )
    ]

    assert stages == [
        ["hit", "plan", "find", "read", "total"],
        ["hit", "plan", "find", "look", "read", "total"],
        ["hit", "plan", "find", "look", "wait", "survey", "read", "total"],
        # What is missing looks like what is only not shown.
        [""],
        ["hit"],
    ]


async def test_other_sites_may_read_the_times(house: House) -> None:
    app = house.app()
    answers = [await house.ask(app, RAW) for _ in range(3)]

    assert [answer.headers["timing-allow-origin"] for answer in answers] == ["*"] * 3
