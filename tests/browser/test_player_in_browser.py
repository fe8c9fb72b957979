"""The page behind ``f=html-aac``, used as people do."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.browser.conftest import LONG_SECONDS, MINUTE, Browser
from tests.browser.test_players import FINITE, HEAR, PLAYING, STATE, agrees, until
from tests.e2e.running import ACCOUNT, Edge

CLICK = {"do": "click", "on": ".play"}
LABEL = {"do": "text", "of": ".vjs-duration-display"}
_fresh = itertools.count()


def page_of(edge: Edge, file: str = "minute.wav", query: str = "") -> str:
    base = f"http://127.0.0.1:{edge.port}/{ACCOUNT}/audio"
    return f"{base}/{file}?v=page{next(_fresh)}{query}"


def use(browser: Browser, url: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return dict(browser.ask(open=url, gestures=True, steps=steps, **more))


def test_a_click_plays_from_the_start_and_only_this_edge_is_asked(
    browser: Browser, edge: Edge
) -> None:
    answer = use(browser, page_of(edge, query="&br=64&br=192"), LABEL, CLICK, PLAYING, HEAR, STATE)
    shown, *_, heard, state = answer["answers"]

    assert shown.strip().endswith("1:00")
    assert heard["at"] < 3
    assert agrees(heard)
    assert state["duration"] == pytest.approx(MINUTE, abs=0.1)
    assert answer["hosts"] == [f"127.0.0.1:{edge.port}"]
    assert answer["said"] == []


def test_the_length_is_known_while_the_stream_grows(browser: Browser, edge: Edge) -> None:
    answer = use(browser, page_of(edge, "long.wav"), CLICK, PLAYING, STATE, FINITE)

    assert answer["answers"][2]["duration"] == pytest.approx(LONG_SECONDS, abs=0.1)
    assert answer["answers"][2]["at"] < 3


def test_who_seeks_past_what_is_there_gets_there(browser: Browser, edge: Edge) -> None:
    answer = use(
        browser,
        page_of(edge, "long.wav"),
        CLICK,
        PLAYING,
        {"do": "seek", "to": 600},
        until("document.querySelector('video').currentTime > 600"),
        STATE,
    )

    assert answer["answers"][-1]["at"] > 600


def test_the_keyboard_is_enough(browser: Browser, edge: Edge) -> None:
    answer = use(
        browser,
        page_of(edge),
        {"do": "press", "key": "Tab"},
        {"do": "press", "key": "Enter"},
        PLAYING,
        {"do": "press", "key": "k"},
        until("document.querySelector('video').paused"),
        {"do": "until", "is": "(document.activeElement.blur(), true)"},
        {"do": "press", "key": "ArrowRight"},
        {"do": "press", "key": "ArrowRight"},
        until("document.querySelector('video').currentTime > 10"),
        {"do": "press", "key": "Home"},
        until("document.querySelector('video').currentTime < 1"),
        {"do": "press", "key": " "},
        until("!document.querySelector('video').paused"),
    )

    assert answer["said"] == []


def test_the_page_plays_in_a_frame_of_another_origin(browser: Browser, edge: Edge) -> None:
    answer = browser.ask(
        html=f'<iframe src="{page_of(edge)}" width="600" height="120" allow="autoplay"></iframe>',
        framed=True,
        gestures=True,
        steps=[until("document.querySelector('.play')"), CLICK, PLAYING, STATE],
    )

    assert answer["answers"][-1]["at"] < 3
    assert answer["said"] == []


def test_without_video_js_the_browser_s_own_player_plays_a_file(
    browser: Browser, edge: Edge
) -> None:
    playing = until("document.querySelector('audio').currentTime > 0.5")
    answer = use(browser, page_of(edge), CLICK, playing, STATE, block="**/assets/**")
    newest = edge.jobs()[0]

    assert answer["answers"][-1]["duration"] == MINUTE
    assert newest["summary"]["result"]["artifact"] == "/audio.m4a"


def test_a_file_that_cannot_be_played_is_told_in_words(browser: Browser, edge: Edge) -> None:
    answer = use(browser, page_of(edge, "broken.mp3"), {"do": "text", "of": ".status"})

    assert "not audio or video" in answer["answers"][0]
    assert answer["said"] == [
        "error: Failed to load resource: the server responded with a status of 422 "
        "(Unprocessable Entity)"
    ]
