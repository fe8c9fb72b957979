"""AIOZ's embeddable players: the frame that an answer spells, in a page of another origin."""

from __future__ import annotations

from typing import Any

import pytest

from edge.web.pages.assets import find_dash_player, find_player
from tests.browser.conftest import MINUTE, RATE, Browser, needed, stairs
from tests.browser.test_players import HEAR, STATE, agrees, until
from tests.e2e.aioz import DASH, HLS, brought, create, send
from tests.e2e.running import SECRET_KEY, Edge
from tests.support.media import make

MEDIA = "document.querySelector('video, audio')"
CLICK = {"do": "click", "on": ".play"}
PLAYING = until(f"{MEDIA} && {MEDIA}.currentTime > 0.1")


@pytest.fixture(scope="module")
def media(edge: Edge) -> dict[str, Any]:
    """A minute with qualities of both kinds, made."""
    if find_dash_player() is None or find_player() is None:
        needed(**{"the players of edge/web/pages/assets (npm ci)": None})
    high = {**HLS, "resolution": "highest"}
    done = brought(edge, make("wav-16", stairs(MINUTE), rate=RATE), qualities=[high, HLS, DASH])
    assert done["status"] == "done"
    return done


def in_frame(browser: Browser, iframe: str, *steps: dict[str, Any]) -> dict[str, Any]:
    """Put a frame into a page of the driver's own origin."""
    return dict(
        browser.ask(
            html=f'<!DOCTYPE html><div style="width: 600px; height: 130px">{iframe}</div>',
            framed=True,
            gestures=True,
            steps=[until("document.querySelector('main')"), *steps],
        )
    )


@pytest.mark.parametrize("protocol", ["hls", "dash"])
def test_the_frame_of_the_answer_plays_in_a_page_of_another_origin(
    browser: Browser, edge: Edge, media: dict[str, Any], protocol: str
) -> None:
    answer = in_frame(browser, media["assets"][f"{protocol}_iframe"], CLICK, PLAYING, HEAR, STATE)
    heard, state = answer["answers"][-2:]

    assert agrees(heard)
    assert state["duration"] == pytest.approx(MINUTE, abs=0.1)
    assert answer["said"] == []
    assert f"127.0.0.1:{edge.port}" in answer["hosts"]


def test_media_that_have_no_quality_play_in_the_frame_as_well(browser: Browser, edge: Edge) -> None:
    done = brought(edge, make("wav-16", stairs(MINUTE), rate=RATE), qualities=[])
    answer = in_frame(browser, done["assets"]["hls_iframe"], CLICK, PLAYING, HEAR)

    assert agrees(answer["answers"][-1])


def test_what_cannot_be_played_yet_is_told_in_the_frame(browser: Browser, edge: Edge) -> None:
    created = create(edge)
    answer = in_frame(browser, created["assets"]["hls_iframe"], {"do": "text", "of": "main"})

    assert "has not come yet" in answer["answers"][-1]


def test_a_dash_player_tells_why_its_stream_was_not_made(browser: Browser, edge: Edge) -> None:
    lacking = {**DASH, "audio_config": {"index": 5}}
    media = create(edge, qualities=[lacking])
    send(edge, media["id"], make("wav-16", stairs(1), rate=RATE))
    edge.send(f"/api/media/{media['id']}/complete", {"Authorization": f"Bearer {SECRET_KEY}"})
    answer = in_frame(
        browser,
        media["assets"]["dash_iframe"],
        CLICK,
        until("document.querySelector('.status').textContent !== ''"),
        {"do": "text", "of": ".status"},
    )

    assert "track" in answer["answers"][-1]


@pytest.mark.parametrize("player", ["hls.js", "video.js-8"])
def test_players_play_a_choice_of_languages(browser: Browser, edge: Edge, player: str) -> None:
    qualities = [
        {**HLS, "audio_config": {"language": language, "bitrate": 128_000}}
        for language in ("en", "ja")
    ]
    sound = make("wav-16", stairs(MINUTE), rate=RATE)
    url = brought(edge, sound, qualities=qualities)["assets"]["hls_url"]
    playing = until(f"{MEDIA} && {MEDIA}.currentTime > 0.1")
    text = edge.send(url.partition(str(edge.port))[2]).body.decode()
    heard = browser.play(player, url, playing, HEAR)[-1]

    assert text.count("#EXT-X-MEDIA:") == 2
    assert len(browser.ask(parse=text)) == 1
    assert agrees(heard)
