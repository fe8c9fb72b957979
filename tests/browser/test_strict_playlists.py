"""Playlists, read by a parser that forgives nothing."""

from __future__ import annotations

import pytest

from tests.browser.conftest import LONG_SECONDS, MINUTE, Browser
from tests.browser.test_players import cold
from tests.e2e.running import Edge
from tests.e2e.running import until as eventually


def text(edge: Edge, url: str) -> str:
    answer = edge.send(url.partition(f":{edge.port}")[2])
    assert answer.status == 200, answer.body
    return answer.body.decode()


@pytest.mark.parametrize("container", ["ts", "mp4"])
def test_every_playlist_is_strictly_right(browser: Browser, edge: Edge, container: str) -> None:
    url = cold(edge, f"&container={container}&br=64&br=256")
    variants = browser.ask(parse=text(edge, url))
    for number in (0, 1):
        media = f"{url}&a=/{number}f/manifest.m3u8"
        whole = eventually(
            lambda media=media: (found := text(edge, media)).count("ENDLIST") and found
        )
        parsed = browser.ask(parse=whole)
        lengths = [segment["duration"] for segment in parsed["segments"]]

        assert parsed["ended"]
        assert parsed["start"] == 0
        assert sum(lengths) == pytest.approx(MINUTE, abs=1e-5)
        assert max(map(round, lengths)) <= parsed["target"]
        assert {segment["map"] for segment in parsed["segments"]} == (
            {None} if container == "ts" else {"init.mp4"}
        )
    assert [variant["codecs"] for variant in variants] == ["mp4a.40.2", "mp4a.40.2"]
    assert all(variant["averageBandwidth"] <= variant["bandwidth"] for variant in variants)


def test_a_growing_playlist_is_strictly_right(browser: Browser, edge: Edge) -> None:
    url = cold(edge, "&br=320", "long.wav")
    variants = browser.ask(parse=text(edge, url))
    parsed = browser.ask(parse=text(edge, f"{url}&a=/0f/manifest.m3u8"))

    assert len(variants) == 1
    assert parsed["type"] == "EVENT"
    assert not parsed["ended"]
    assert 0 < sum(segment["duration"] for segment in parsed["segments"]) < LONG_SECONDS
