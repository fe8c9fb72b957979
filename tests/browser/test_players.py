"""Players that people use, on streams that nobody has asked for before."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.browser.conftest import HOUR, LONG_SECONDS, MINUTE, STAIRS_AT, Browser, second_of
from tests.e2e.running import ACCOUNT, Edge

PLAYERS = ["video.js-8", "hls.js"]
MEDIA = "document.querySelector('video')"
_fresh = itertools.count()


def cold(edge: Edge, query: str = "", file: str = "minute.wav") -> str:
    """A stream's URL that was never asked for."""
    base = f"http://127.0.0.1:{edge.port}/{ACCOUNT}/audio"
    return f"{base}/{file}!f=hls-aac-rt{query}&v=browser{next(_fresh)}"


def until(condition: str) -> dict[str, Any]:
    return {"do": "until", "is": condition}


STATE = {"do": "state"}
HEAR = {"do": "hear"}
PLAYING = until(f"{MEDIA} && {MEDIA}.currentTime > 0.1")
ENDED = until(f"{MEDIA}.ended")
DURATION = f"(window.videojs ? videojs.getAllPlayers()[0].duration() : {MEDIA}.duration)"
FINITE = until(f"Number.isFinite({DURATION})")
CHANGING: list[dict[str, Any]] = [
    {"do": "level", "to": 0},
    {"do": "sleep", "seconds": 1},
    HEAR,
    {"do": "level", "to": 1},
    {"do": "sleep", "seconds": 2.5},
    HEAR,
    STATE,
]
# hls.js shows as much of a growing playlist as there is; on a busy machine that takes a while.
WHOLE = until(f"Number.isFinite({DURATION}) && {DURATION} > {MINUTE - 1}")


def fatal(state: dict[str, Any]) -> list[str]:
    """What ended the playback; hls.js also tells of what it gets over."""
    return [what for what, ends in state["failures"] if ends]


def agrees(heard: dict[str, float], *, late: float = 1.3) -> bool:
    """Whether the sound is that of its second; the analyser listens a sixth of a second back."""
    return -late <= second_of(heard["hz"]) - heard["at"] <= 0.5


@pytest.mark.parametrize(
    ("player", "container"),
    [*itertools.product(PLAYERS, ["ts", "mp4"]), ("video.js-7", "ts")],
)
def test_a_cold_stream_plays_from_the_start_to_the_end(
    browser: Browser, edge: Edge, player: str, container: str
) -> None:
    _, heard, _, _, _, near_end, _, last = browser.play(
        player,
        cold(edge, f"&container={container}"),
        until(f"{MEDIA} && {MEDIA}.currentTime > 0"),
        HEAR,
        WHOLE,
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
    assert last["duration"] == pytest.approx(MINUTE, abs=0.1)
    assert last["at"] == pytest.approx(MINUTE, abs=0.1)
    assert fatal(last) == []


@pytest.mark.parametrize("player", PLAYERS)
def test_seeking_lands_on_the_sound_of_that_second(
    browser: Browser, edge: Edge, player: str
) -> None:
    *_, forward, _, _, back = browser.play(
        player,
        cold(edge),
        PLAYING,
        WHOLE,
        {"do": "seek", "to": 41.2},
        {"do": "sleep", "seconds": 0.5},
        HEAR,
        {"do": "seek", "to": 12.5},
        {"do": "sleep", "seconds": 0.5},
        HEAR,
    )

    assert forward["at"] == pytest.approx(41.8, abs=1)
    assert agrees(forward)
    assert back["at"] == pytest.approx(13.2, abs=1)
    assert agrees(back)


@pytest.mark.parametrize("container", ["ts", "mp4"])
@pytest.mark.parametrize("player", PLAYERS)
def test_minute_forty_of_a_file_nobody_transcoded_is_heard_at_once(
    browser: Browser, edge: Edge, player: str, container: str
) -> None:
    stream = cold(edge, f"&playlist=full&container={container}", "hour.wav")
    _, _, early, _, _, far, _, _, further, state = browser.play(
        player,
        stream,
        PLAYING,
        FINITE,
        STATE,
        {"do": "seek", "to": STAIRS_AT + 20.5},
        {"do": "sleep", "seconds": 0.5},
        HEAR,
        {"do": "seek", "to": STAIRS_AT + 51},
        {"do": "sleep", "seconds": 0.5},
        HEAR,
        STATE,
    )

    assert early["duration"] == pytest.approx(HOUR, abs=0.1)
    assert far["at"] == pytest.approx(STAIRS_AT + 21, abs=1)
    for heard in (far, further):
        assert agrees({**heard, "at": heard["at"] - STAIRS_AT})
    assert fatal(state) == []


@pytest.mark.parametrize("player", PLAYERS)
def test_a_change_of_variant_leaves_no_gap_and_moves_no_sound(
    browser: Browser, edge: Edge, player: str
) -> None:
    check_change(browser.play(player, cold(edge, "&br=64&br=256"), PLAYING, FINITE, *CHANGING))


def check_change(answers: list[Any]) -> None:
    """Make sure that a player went on playing while it was changing from one level to another."""
    *_, before, _, _, after, state = answers
    around = [span for span in state["buffered"] if span[0] <= state["at"] <= span[1]]

    assert state["levels"] == 2
    assert agrees(before)
    assert agrees(after)
    assert after["at"] - before["at"] > 1.5
    assert len(around) == 1
    assert fatal(state) == []


@pytest.mark.parametrize("player", PLAYERS)
def test_a_stream_that_still_grows_is_played_from_its_start(
    browser: Browser, edge: Edge, player: str
) -> None:
    _, early, _, later = browser.play(
        player, cold(edge, "", "long.wav"), PLAYING, STATE, FINITE, STATE
    )

    assert early["at"] < 3
    assert early["duration"] == "infinite" or early["duration"] < LONG_SECONDS + 1
    assert later["at"] < 60
    assert fatal(later) == []


@pytest.mark.parametrize("player", PLAYERS)
def test_a_player_is_told_of_what_cannot_be_played(
    browser: Browser, edge: Edge, player: str
) -> None:
    _, state = browser.play(
        player, cold(edge, file="broken.mp3"), until("window.failures.length > 0"), STATE
    )

    assert state["failures"][0][1] is True


EXAMPLE_1 = """<!DOCTYPE html>
<html>
<head>
<link href="/video.js-7.css" rel="stylesheet">
<script src="/video.js-7.js"></script>
<style type="text/css">
.audio-container {
height: 316px;
max-width: 600px;
}
</style>
</head>
<body>
<div class="audio-container">
<video-js
class="vjs-fill vjs-big-play-centered"
controls
preload="auto">
<p class="vjs-no-js">To play this audio please enable JavaScript.</p>
</video-js>
</div>
<script>
var vid = document.querySelector('video-js');
var player = videojs(vid, {responsive: true});
player.on('loadedmetadata', function() {
// Begin playing from the start of the audio. (Required for 'f=hls-aac-rt'.)
player.currentTime(player.seekable().start(0));
});
player.src({
src: '%s',
type: 'application/x-mpegURL'
});
</script>
</body>
</html>
"""


@pytest.mark.parametrize("file", ["minute.wav", "long.wav"])
def test_the_page_of_the_seed_s_example_1_plays_from_another_origin(
    browser: Browser, edge: Edge, file: str
) -> None:
    answer = browser.ask(
        html=EXAMPLE_1 % cold(edge, "&br=80&br=256", file),
        gestures=True,
        steps=[
            {"do": "click", "on": ".vjs-big-play-button"},
            PLAYING,
            STATE,
        ],
    )

    state = answer["answers"][-1]
    assert state["at"] < 3
    assert not state["paused"]
    assert len(answer["hosts"]) == 2
    assert [line for line in answer["said"] if not line.startswith(("log", "warning"))] == []
