from __future__ import annotations

import pytest

from edge.fill.resets import matcher


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/audio/talk.mp3", "/talk.mp3", True),
        ("/audio/talk.mp3", "/talk.mp3x", False),
        ("/audio/talk*", "/talk.mp3", True),
        ("/audio/shows/*", "/shows/a/b.mp3", True),
        ("/audio/shows/*", "/shows.mp3", False),
        ("/audio/*", "/talk.mp3", True),
        ("/audio*", "/talk.mp3", True),
        ("/*", "/talk.mp3", True),
        ("/au*", "/talk.mp3", True),
        ("/raw/*", "/talk.mp3", False),
        ("/audios/*", "/talk.mp3", False),
        ("/talk.mp3", "/talk.mp3", False),
        ("/audio", "/audio", False),
    ],
)
def test_a_pattern_names_the_api_first(pattern: str, path: str, matches: bool) -> None:
    assert matcher(pattern)(path) is matches
