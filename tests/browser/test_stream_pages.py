"""The pages that play a stream by its URL, under the policy that they are answered with."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from edge.app import build_app
from edge.node import open_node
from edge.settings import Settings
from edge.web.pages.assets import find_dash_player, find_player
from edge.web.pages.stream import Stream, dash_page, hls_page
from tests.browser.conftest import MINUTE, RATE, Browser, needed, stairs
from tests.browser.test_players import HEAR, STATE, agrees, until
from tests.e2e.running import ACCOUNT, PATIENCE_SECONDS
from tests.support.media import make

FOLDER = f"/{ACCOUNT}/audio/minute.wav"
MPD = f"{FOLDER}!f=dash-aac&br=64&br=192&a=/audio.mpd"
PLAYLIST = f"{FOLDER}!f=hls-aac&br=64&br=192&a=/audio.m3u8"
MEDIA = "document.querySelector('video, audio')"
CLICK = {"do": "click", "on": ".play"}
PLAYING = until(f"{MEDIA} && {MEDIA}.currentTime > 0.1")
KINDS = ["dash", "hls"]

# Keeps what the page makes in a place where it can be found.
CAUGHT = """dashjs.MediaPlayer = ((make) => () => ({
  create() { return window.made = make().create(); }
}))(dashjs.MediaPlayer)"""


def pages() -> dict[str, Callable[[], Response]]:
    dash, hls = find_dash_player(), find_player()
    said: dict[str, Any] = {"title": "A minute", "artist": "Somebody", "seconds": float(MINUTE)}
    return {
        "/dash": lambda: dash_page(Stream(url=MPD, **said), dash),
        "/hls": lambda: hls_page(Stream(url=PLAYLIST, **said), hls),
        "/dash/missing": lambda: dash_page(Stream(url=MPD.replace("minute", "none"), **said), dash),
        "/dash/bare": lambda: dash_page(Stream(url=MPD, **said), None),
        "/dash/failed": lambda: dash_page(
            Stream(url=MPD, title="A minute", problem="This was not made."), dash, status=422
        ),
    }


class Server(threading.Thread):
    """An edge in a thread, with some pages beside it, so that all is of one origin."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.port = 0
        self._folder = folder
        self._ready = threading.Event()
        self._server: uvicorn.Server | None = None

    def run(self) -> None:
        asyncio.run(self._serve())

    def begin(self) -> None:
        self.start()
        assert self._ready.wait(PATIENCE_SECONDS)

    def end(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self.join()

    async def _serve(self) -> None:
        settings = Settings(root=self._folder / "media", data=self._folder / "data", workers=1)
        async with open_node(settings) as node:
            edge, shown = build_app(node), pages()

            async def app(scope: Scope, receive: Receive, send: Send) -> None:
                answer = shown.get(scope["path"])
                await (edge if answer is None else answer())(scope, receive, send)

            self._server = uvicorn.Server(
                uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none")
            )
            serving = asyncio.create_task(self._server.serve())
            while not self._server.started:
                await asyncio.sleep(0.01)
            self.port = self._server.servers[0].sockets[0].getsockname()[1]
            self._ready.set()
            await serving
            edge.close()


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An origin on which both streams are finished."""
    if find_dash_player() is None or find_player() is None:
        needed(**{"the players of edge/web/pages/assets (npm ci)": None})
    folder = tmp_path_factory.mktemp("pages")
    (folder / "media").mkdir()
    sound = make("wav-16", stairs(MINUTE), rate=RATE)
    (folder / "media" / "minute.wav").write_bytes(sound)
    server = Server(folder)
    server.begin()
    with contextlib.ExitStack() as stack:
        stack.callback(server.end)
        base = f"http://127.0.0.1:{server.port}"
        for url in (MPD, PLAYLIST):
            job = urllib.request.Request(base + url.rpartition("&a=")[0])
            job.add_header("Prefer", "wait=30")
            with urllib.request.urlopen(job, timeout=PATIENCE_SECONDS) as answer:
                assert b'"Succeeded"' in answer.read()
        yield base


def use(browser: Browser, url: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return dict(browser.ask(open=url, gestures=True, steps=steps, **more))


@pytest.mark.parametrize("kind", KINDS)
def test_a_click_plays_and_only_this_edge_is_asked(
    browser: Browser, origin: str, kind: str
) -> None:
    answer = use(
        browser, f"{origin}/{kind}", {"do": "text", "of": "h1"}, CLICK, PLAYING, HEAR, STATE
    )
    title, _, _, heard, state = answer["answers"]

    assert title == "A minute"
    assert heard["at"] < 3
    assert agrees(heard)
    assert state["duration"] == pytest.approx(MINUTE, abs=0.1)
    assert answer["hosts"] == [origin.removeprefix("http://")]
    assert answer["said"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_keyboard_is_enough(browser: Browser, origin: str, kind: str) -> None:
    answer = use(
        browser,
        f"{origin}/{kind}",
        {"do": "press", "key": "k"},
        PLAYING,
        {"do": "press", "key": "k"},
        until(f"{MEDIA}.paused"),
        {"do": "press", "key": "ArrowRight"},
        {"do": "press", "key": "ArrowRight"},
        until(f"{MEDIA}.currentTime > 10"),
        {"do": "press", "key": " "},
        until(f"!{MEDIA}.paused"),
        HEAR,
    )

    assert agrees(answer["answers"][-1])
    assert answer["said"] == []


def test_a_frame_of_another_origin_may_hold_it(browser: Browser, origin: str) -> None:
    answer = browser.ask(
        html=f'<iframe src="{origin}/dash" width="600" height="120" allow="autoplay"></iframe>',
        framed=True,
        gestures=True,
        steps=[until("document.querySelector('.play')"), CLICK, PLAYING, STATE],
    )

    assert answer["answers"][-1]["at"] < 3
    assert answer["said"] == []


def test_an_mpd_that_is_not_there_is_told_in_words(browser: Browser, origin: str) -> None:
    answer = use(
        browser,
        f"{origin}/dash/missing",
        CLICK,
        until("document.querySelector('.status').textContent !== ''"),
        {"do": "text", "of": ".status"},
    )

    assert "/none.wav" in answer["answers"][-1]


def test_who_presses_play_after_an_interruption_goes_on_where_it_was(
    browser: Browser, origin: str
) -> None:
    answer = use(
        browser,
        f"{origin}/dash",
        until(f"({CAUGHT}, true)"),
        CLICK,
        PLAYING,
        {"do": "seek", "to": 30},
        until(f"{MEDIA}.currentTime > 30.5"),
        until("(made.trigger('error', { error: {} }), true)"),
        until("document.querySelector('.status').textContent.includes('broke off')"),
        CLICK,
        until(f"{MEDIA}.currentTime > 31"),
        HEAR,
    )

    assert 30 < answer["answers"][-1]["at"] < 40
    assert agrees(answer["answers"][-1])


def test_without_its_player_the_page_says_so(browser: Browser, origin: str) -> None:
    said = until("document.querySelector('.status').textContent.includes('could not be loaded')")
    answer = use(browser, f"{origin}/dash/bare", CLICK, said)

    assert answer["said"] == []


def test_what_is_not_to_be_played_is_told_instead(browser: Browser, origin: str) -> None:
    answer = use(browser, f"{origin}/dash/failed", {"do": "text", "of": "main"})

    assert "This was not made." in answer["answers"][0]
