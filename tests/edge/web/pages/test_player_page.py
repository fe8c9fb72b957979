from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from edge.app import build_app
from edge.node import open_node
from edge.settings import Settings
from edge.web.pages.assets import PlayerAssets, find_player
from edge.web.pages.player import _line as line
from edge.web.problems import EXCEPTION_HANDLERS
from tests.edge.web.conftest import Answered, Call
from tests.support.media import make
from tests.support.synth import tone

VERSION = "8.1.0"
HOSTILE = '</title><script>alert(1)</script>"><img src=x onerror=alert(2)>'


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder as npm leaves it."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "package.json").write_text(f'{{"version": "{VERSION}"}}')
    (tmp_path / "dist" / "video.min.js").write_text("window.videojs = 1;" * 100)
    (tmp_path / "dist" / "video-js.min.css").write_text(".video-js {}")
    return tmp_path


@pytest.fixture(params=["with Video.js", "without"])
def assets(
    request: pytest.FixtureRequest, package: Path, monkeypatch: pytest.MonkeyPatch
) -> PlayerAssets | None:
    found = find_player(package) if request.param == "with Video.js" else None
    monkeypatch.setattr("edge.app.find_player", lambda: found)
    return found


@pytest.fixture
async def app(tmp_path: Path, assets: PlayerAssets | None) -> AsyncIterator[ASGIApp]:
    media = tmp_path / "media"
    media.mkdir()
    sound = tone(16_000, rate=8_000)
    (media / "a note.wav").write_bytes(make("wav-16", sound, rate=8_000))
    tagged = make("mp3", tone(44_100, rate=44_100), rate=44_100, tags={"title": HOSTILE})
    (media / "tagged.mp3").write_bytes(tagged)
    (media / "text.mp3").write_bytes(b"This is no sound. " * 100)
    async with open_node(Settings(root=media, data=tmp_path / "data", workers=1)) as node:
        yield build_app(node)


class Elements(HTMLParser):
    """The elements of a page with their attributes, in order."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    @property
    def facts(self) -> dict[str, str | None]:
        (script,) = (attributes for attributes in self.of("script") if "data-stream" in attributes)
        return script


async def get(app: ASGIApp, call: Call, rest: str) -> Answered:
    # Parameters after "!" mean the same as after "?".
    return await call(app, path=f"/W142hJk/audio/{rest.replace('?', '!', 1)}")


async def test_the_page_plays_the_stream_of_its_own_parameters(app: ASGIApp, call: Call) -> None:
    page = Elements((await get(app, call, "a%20note.wav?br=64&br=192&rp=3")).body)

    assert page.facts["data-stream"] == (
        "/W142hJk/audio/a%20note.wav?f=hls-aac-rt&container=ts"
        "&br=64&sr=48&rt=auto&br=192&sr=48&rt=auto&rp=3&playlist=full"
    )
    assert page.facts["data-file"] == "/W142hJk/audio/a%20note.wav?f=m4a&br=64&sr=48&rp=3"
    assert page.facts["data-seconds"] == "6.0"
    assert page.facts["data-title"] == "a note"
    assert [button["aria-label"] for button in page.of("button")] == ["Play"]


async def test_nothing_is_made_before_play(app: ASGIApp, call: Call) -> None:
    await get(app, call, "a%20note.wav")

    for output in ("m4a", "hls-aac-rt"):
        made = await get(app, call, f"a%20note.wav?f={output}&cache_only=true")
        assert made.status == 404


async def test_only_the_page_s_own_scripts_and_styles_have_its_nonce(
    app: ASGIApp, call: Call, assets: PlayerAssets | None
) -> None:
    answer = await get(app, call, "a%20note.wav")
    policy = answer.headers["content-security-policy"]
    found = re.search(r"script-src 'nonce-([^']+)'", policy)
    page = Elements(answer.body)
    sources = [script["src"] for script in page.of("script") if "src" in script]

    assert found is not None
    assert {element["nonce"] for element in page.of("script") + page.of("style")} == {found[1]}
    assert "unsafe" not in policy
    assert policy.endswith("frame-ancestors *")
    assert sources == ([assets.script] if assets else [])
    assert len(page.of("video-js")) == len(sources)


async def test_hostile_tags_are_text(app: ASGIApp, call: Call) -> None:
    page = Elements((await get(app, call, "tagged.mp3")).body)

    assert page.facts["data-title"] == HOSTILE
    assert page.of("img") == []
    assert not any(name.startswith("on") for _, given in page.found for name in given)
    assert HOSTILE in "".join(page.texts)


async def test_what_cannot_be_played_is_told_on_the_page(app: ASGIApp, call: Call) -> None:
    answer = await get(app, call, "text.mp3")
    page = Elements(answer.body)

    assert answer.status == 422
    assert answer.headers["content-type"].startswith("text/html")
    assert page.of("button") == page.of("script") == []
    assert any("recognised" in text or "audio" in text for text in page.texts)


async def test_what_is_wrong_with_the_url_is_told_as_ever(app: ASGIApp, call: Call) -> None:
    late = await get(app, call, "a%20note.wav?ts=5")

    assert (late.status, late.headers["content-type"]) == (400, "application/json")


async def test_the_player_s_files_are_served_for_ever(package: Path, call: Call) -> None:
    found = find_player(package)
    assert found is not None
    app = Starlette(routes=[found.route()], exception_handlers=dict(EXCEPTION_HANDLERS))
    folder = f"/assets/video.js/{VERSION}/"

    async def fetch(name: str, **headers: str) -> Answered:
        return await call(app, path=folder + name, headers=headers)

    script = await fetch("video.min.js")
    packed = await fetch("video.min.js", **{"accept-encoding": "gzip"})

    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["x-content-type-options"] == "nosniff"
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(script.body) / 10
    assert (await fetch("video-js.min.css")).body == b".video-js {}"
    for name in ("package.json", "..%2fpackage.json", "video.js"):
        assert (await fetch(name)).status == 404


def test_a_missing_player_is_said_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert find_player(tmp_path / "none") is None
    assert "Video.js is not installed" in caplog.text


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        (None, None),
        ("", None),
        ("  A\n talk\t", "A talk"),
        ("abc\u202edcba", "abc dcba"),
        ("x" * 1000, "x" * 299 + "…"),
    ],
)
def test_a_title_is_one_line(tag: str | None, shown: str | None) -> None:
    assert (line(tag) or None) == shown
