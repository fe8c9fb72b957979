"""Players that people use, on private streams of which they only have a signed URL."""

from __future__ import annotations

import pytest

from tests.browser.conftest import MINUTE, RATE, Browser, stairs
from tests.browser.test_dash_players import PLAYING as ANY_PLAYING
from tests.browser.test_dash_players import play
from tests.browser.test_player_in_browser import CLICK, use
from tests.browser.test_players import ENDED, HEAR, PLAYING, STATE, WHOLE, agrees, fatal
from tests.e2e.credentials import bring
from tests.e2e.running import ACCOUNT, BEARER, Edge, until
from tests.support.media import make


@pytest.fixture(scope="module")
def shut(edge: Edge) -> Edge:
    """The server, once its minute is there in a private folder."""
    closed = {"publicPermissions": {"set": True, "value": []}}
    made = edge.api(
        "/folders", method="PUT", body={"folderPath": "/shut", "folderSettings": closed}
    )
    assert made.status == 200, made.body
    bring(edge, "/shut/minute.wav", make("wav-16", stairs(MINUTE), rate=RATE))
    return edge


def signed(edge: Edge, rest: str) -> str:
    url = f"http://127.0.0.1:{edge.port}/{ACCOUNT}/audio/shut/minute.wav{rest}"
    ran = edge.command("sign", url, "--expires", "1h")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize("container", ["ts", "mp4"])
@pytest.mark.parametrize("player", ["video.js-8", "hls.js"])
def test_a_private_stream_plays_while_it_is_made(
    browser: Browser, shut: Edge, player: str, container: str
) -> None:
    src = signed(shut, f"!f=hls-aac-rt&br=64&br=128&container={container}&v={player}")
    _, heard, _, _, _, last = browser.play(
        player, src, PLAYING, HEAR, WHOLE, {"do": "seek", "to": MINUTE - 2}, ENDED, STATE
    )

    assert agrees(heard)
    assert last["at"] == pytest.approx(MINUTE, abs=0.1)
    assert fatal(last) == []


@pytest.mark.parametrize("player", ["video.js-8", "dash.js"])
def test_a_private_mpd_plays(browser: Browser, shut: Edge, player: str) -> None:
    query = "f=dash-aac&br=64&br=128"
    job = f"shut/minute.wav?{query}"
    until(lambda: shut.audio(job, {**BEARER, "Prefer": "wait=5"}).json()["status"] == "Succeeded")
    _, heard, state = play(
        browser, player, signed(shut, f"!{query}&a=/audio.mpd"), ANY_PLAYING, HEAR, STATE
    )

    assert agrees(heard)
    assert fatal(state) == []


def test_a_signed_page_plays(browser: Browser, shut: Edge) -> None:
    answer = use(browser, signed(shut, "?f=html-aac"), CLICK, PLAYING, HEAR)

    assert agrees(answer["answers"][-1])
    assert answer["said"] == []
