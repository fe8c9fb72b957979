from __future__ import annotations

from pathlib import Path

import pytest
from starlette.responses import Response

from edge.web.pages.assets import PlayerAssets, find_dash_player, find_player
from edge.web.pages.stream import Stream, dash_page, hls_page
from tests.edge.web.pages.test_player_page import HOSTILE, Elements

URL = '/W142hJk/audio/a%20note.wav!f=dash-aac&br=64&v="><b>&a=/audio.mpd'


@pytest.fixture
def dash(tmp_path: Path) -> PlayerAssets:
    """dash.js as npm leaves it."""
    folder = tmp_path / "dist" / "modern" / "umd"
    folder.mkdir(parents=True)
    (tmp_path / "package.json").write_text('{"version": "5.0.0"}')
    (folder / "dash.mediaplayer.min.js").write_text("window.dashjs = 1;")
    found = find_dash_player(tmp_path)
    assert found is not None
    return found


def shown(answer: Response) -> Elements:
    return Elements(bytes(answer.body))


def test_a_page_of_dash_loads_dash_js_and_names_its_mpd(dash: PlayerAssets) -> None:
    page = shown(dash_page(Stream(url=URL, title="A note", seconds=1.5), dash))
    sources = [script["src"] for script in page.of("script") if "src" in script]

    assert sources == ["/assets/dash.js/5.0.0/dash.mediaplayer.min.js"]
    assert page.of("video-js") == []
    assert [link for link in page.of("link") if link["rel"] == "stylesheet"] == []
    assert page.facts == {
        "nonce": page.facts["nonce"],
        "data-stream": URL,
        "data-type": "application/dash+xml",
        "data-file": "",
        "data-seconds": "1.5",
        "data-title": "A note",
        "data-artist": "",
        "data-cover": "",
    }


def test_a_page_of_hls_is_its_sibling(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "package.json").write_text('{"version": "8.0.0"}')
    for name in ("video.min.js", "video-js.min.css"):
        (tmp_path / "dist" / name).write_text("")
    stream = Stream(url="/s!a=/audio.m3u8", title="A", artist="B", cover_url="/c.jpg")
    page = shown(hls_page(stream, find_player(tmp_path)))

    assert len(page.of("video-js")) == 1
    assert page.facts["data-type"] == "application/vnd.apple.mpegurl"
    assert page.facts["data-artist"] == "B"
    assert [image["src"] for image in page.of("img")] == ["/c.jpg"]


def test_what_somebody_wrote_is_text(dash: PlayerAssets) -> None:
    page = shown(dash_page(Stream(url=HOSTILE, title=HOSTILE, artist=HOSTILE), dash))

    assert page.of("img") == []
    assert page.facts["data-stream"] == page.facts["data-title"] == HOSTILE


def test_a_problem_takes_the_player_s_place(dash: PlayerAssets) -> None:
    answer = dash_page(Stream(url=URL, title="A note", problem="It failed."), dash, status=422)
    page = shown(answer)

    assert answer.status_code == 422
    assert answer.headers["content-security-policy"].endswith("frame-ancestors *")
    assert "It failed." in page.texts
    assert page.of("button") == page.of("script") == []


def test_without_dash_js_there_is_a_page_and_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert find_dash_player(tmp_path) is None
    assert "dash.js is not installed" in caplog.text
    assert len(shown(dash_page(Stream(url=URL, title="A note"), None)).of("audio")) == 1
