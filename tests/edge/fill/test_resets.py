from __future__ import annotations

import pytest

from edge.fill.resets import Reach, reach_of

ALL = Reach(stem="/", whole=False)


@pytest.mark.parametrize(
    ("pattern", "reach"),
    [
        ("/audio/talk.mp3", Reach(stem="/talk.mp3", whole=True)),
        ("/audio/talk*", Reach(stem="/talk", whole=False)),
        ("/audio/shows/*", Reach(stem="/shows/", whole=False)),
        ("/audio/*", ALL),
        ("/audio*", ALL),
        ("/*", ALL),
        ("/au*", ALL),
        ("/raw/*", None),
        ("/audios/*", None),
        ("/talk.mp3", None),
        ("/audio", None),
    ],
)
def test_a_pattern_names_the_api_first(pattern: str, reach: Reach | None) -> None:
    assert reach_of(pattern) == reach
