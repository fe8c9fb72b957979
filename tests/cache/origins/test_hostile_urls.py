"""The crafted URLs of external folders, where they are at hand: collected only if they are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cache.origins.fetch import Fetcher
from cache.origins.http import HttpFolder
from cache.source import SourceForbidden, SourceUnreachable

_BESIDE_THE_REPOSITORY = Path(__file__).parents[4] / "shared" / "hostile"
REQUESTS = Path(os.environ.get("EDGE_TEST_HOSTILE", _BESIDE_THE_REPOSITORY)) / "requests.jsonl"


def urls() -> list[str]:
    """The folders; what a host of a certain behaviour does is tried with scripts elsewhere."""
    if not REQUESTS.is_file():
        return []
    lines = map(json.loads, REQUESTS.read_text().splitlines())
    folders = [line["url"] for line in lines if line["target"] == "external folder origin"]
    return [url for url in folders if " (" not in url and ".test/" not in url]


@pytest.mark.parametrize("url", urls())
async def test_a_crafted_folder_is_never_connected_to(
    guarded: Fetcher, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    def no_socket(*arguments: object) -> None:
        raise AssertionError("a socket was made")

    monkeypatch.setattr("cache.origins.fetch.socket.socket", no_socket)

    # A name that nobody knows is unreachable before it is forbidden.
    with pytest.raises((SourceForbidden, SourceUnreachable)):
        await HttpFolder(url, "/ext", guarded, 60.0).find("/a.mp3")
