"""Players that people use, on finished streams of ``f=dash-aac``."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import MINUTE, RATE, Browser
from tests.browser.test_players import CHANGING, HEAR, STATE, agrees, check_change, fatal, until
from tests.e2e.running import ACCOUNT, Edge

PLAYERS = ["dash.js", "video.js-8"]
QUERY = "f=dash-aac&br=64&br=256"
MEDIA = "document.querySelector('video, audio')"
PLAYING = until(f"{MEDIA} && {MEDIA}.currentTime > 0.1")
ENDED = until(f"{MEDIA}.ended")


@pytest.fixture(scope="module")
def made(edge: Edge) -> Edge:
    """The server, once its minute is there in two variants."""
    edge.settled(f"minute.wav?{QUERY}")
    return edge


@pytest.fixture(params=["!", "?"])
def mpd(request: pytest.FixtureRequest, made: Edge) -> str:
    """The MPD's URL, in both of its forms."""
    folder = f"http://127.0.0.1:{made.port}/{ACCOUNT}/audio"
    return f"{folder}/minute.wav{request.param}{QUERY}&a=/audio.mpd"


def play(browser: Browser, player: str, src: str, *steps: dict[str, Any]) -> list[Any]:
    """Take the steps, and see that nobody complained on the way."""
    answer = browser.ask(player=player, src=src, steps=steps)
    complaints = [line for line in answer["said"] if line.startswith(("error", "uncaught"))]

    assert complaints == []
    return list(answer["answers"])


@pytest.mark.parametrize("player", PLAYERS)
def test_a_stream_plays_from_the_start_to_the_end(browser: Browser, mpd: str, player: str) -> None:
    _, heard, _, _, near_end, _, last = play(
        browser,
        player,
        mpd,
        PLAYING,
        HEAR,
        {"do": "seek", "to": MINUTE - 3},
        {"do": "sleep", "seconds": 0.5},
        HEAR,
        ENDED,
        STATE,
    )

    assert heard["at"] < 2
    assert agrees(heard)
    assert near_end["at"] > MINUTE - 4
    assert agrees(near_end)
    assert last["ended"]
    assert last["duration"] == pytest.approx(MINUTE, abs=0.001)
    assert last["at"] == pytest.approx(MINUTE, abs=0.001)
    assert fatal(last) == []


@pytest.mark.parametrize("player", PLAYERS)
def test_seeking_lands_on_the_sound_of_that_second(browser: Browser, mpd: str, player: str) -> None:
    *_, forward, _, _, back, state = play(
        browser,
        player,
        mpd,
        PLAYING,
        {"do": "seek", "to": 41.2},
        {"do": "sleep", "seconds": 0.5},
        HEAR,
        {"do": "seek", "to": 12.5},
        {"do": "sleep", "seconds": 0.5},
        HEAR,
        STATE,
    )

    assert forward["at"] == pytest.approx(41.8, abs=1)
    assert agrees(forward)
    assert back["at"] == pytest.approx(13.2, abs=1)
    assert agrees(back)
    assert fatal(state) == []


@pytest.mark.parametrize("player", PLAYERS)
def test_a_change_of_representation_leaves_no_gap_and_moves_no_sound(
    browser: Browser, mpd: str, player: str
) -> None:
    change_of_representation(browser, player, mpd)


@pytest.mark.parametrize(
    "variants", ["br=32&sr=24&ch=1&br=256&ch=2", "br=16&sr=8&br=96&sr=44.1"], ids=["aligned", "not"]
)
def test_so_does_one_of_another_rate(browser: Browser, edge: Edge, variants: str) -> None:
    path = f"minute.wav!f=dash-aac&{variants}"
    edge.settled(path)
    mpd = f"http://127.0.0.1:{edge.port}/{ACCOUNT}/audio/{path}&a=/audio.mpd"

    change_of_representation(browser, "dash.js", mpd)


def change_of_representation(browser: Browser, player: str, mpd: str) -> None:
    check_change(play(browser, player, mpd, PLAYING, *CHANGING))


@pytest.mark.parametrize("player", PLAYERS)
def test_the_sound_is_buffered_to_the_sample(browser: Browser, mpd: str, player: str) -> None:
    """Neither the priming in front nor the padding at the end is part of what is played."""
    _, early, _, _, late = play(
        browser, player, mpd, PLAYING, STATE, {"do": "seek", "to": MINUTE - 1}, ENDED, STATE
    )

    assert early["buffered"][0][0] == pytest.approx(0, abs=1 / RATE)
    assert late["buffered"][-1][1] == pytest.approx(MINUTE, abs=1 / RATE)


@pytest.mark.parametrize("player", PLAYERS)
def test_a_player_is_told_of_what_is_not_there(browser: Browser, made: Edge, player: str) -> None:
    url = f"http://127.0.0.1:{made.port}/{ACCOUNT}/audio/none.wav!{QUERY}&a=/audio.mpd"
    answer = browser.ask(player=player, src=url, steps=[until("window.failures.length > 0"), STATE])

    assert answer["answers"][-1]["failures"][0][1] is True
