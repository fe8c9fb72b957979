"""Finding one's way in a playlist."""

from __future__ import annotations

import pytest

from bench.harness import Failed
from bench.server import first_uri, segment_at

PLAYLIST = """\
#EXTM3U
#EXT-X-TARGETDURATION:6
#EXTINF:2.005,
0.ts
#EXTINF:1.99,
1.ts

#EXTINF:6,
2.ts
#EXT-X-ENDLIST
"""


def test_the_first_uri_is_the_first_line_that_is_no_tag() -> None:
    assert first_uri(PLAYLIST) == "0.ts"


@pytest.mark.parametrize(("seconds", "uri"), [(0, "0.ts"), (2.5, "1.ts"), (9.9, "2.ts")])
def test_a_segment_is_found_by_the_instant_that_it_plays(seconds: float, uri: str) -> None:
    assert segment_at(PLAYLIST, seconds) == uri


def test_an_instant_past_the_end_has_no_segment() -> None:
    with pytest.raises(Failed, match=r"ends after 9\.995 s"):
        segment_at(PLAYLIST, 10)
