"""``f=meta`` of real files beside what MediaInfo says: collected only if they are at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.described import audio, tracks_of

_BESIDE_THE_REPOSITORY = Path(__file__).parents[5] / "shared" / "samples"
FOLDER = Path(os.environ.get("EDGE_TEST_SAMPLES", _BESIDE_THE_REPOSITORY))
_MANIFEST = FOLDER / "manifest.json"
SAMPLES: list[dict[str, Any]] = (
    json.loads(_MANIFEST.read_text())["files"] if _MANIFEST.is_file() else []
)
READABLE = [s for s in SAMPLES if s["row"] != "hls" and (s["audio_streams"] or s["video_streams"])]

# Where MediaInfo repeats a header (FLV, Vorbis, LAME's ABR) or divides by what an edit list shows.
CLAIMED_BIT_RATES = (
    *("flv/androidx__sample.flv", "mp3/tinytag__vbr_xing_header.mp3", "webm/tika__testWEBM.webm"),
    *("ogg/mediafile__image.ogg", "mp4/androidx__long_edit_list_audioonly.mp4"),
)
CLAIMED_MODES = ("ogg/mediafile__image.ogg",)
# libavformat does not tell it.
UNTOLD_IDS = ("0D01030102060200",)
# ID3v2 says Foo and ID3v1 says Bar; libavformat takes the latter in ADTS.
CONTRADICTORY = ("aac/lofty__full_test.aac",)


def sample_id(sample: dict[str, Any]) -> str:
    return str(sample["file"])


@pytest.mark.parametrize("sample", READABLE, ids=sample_id)
def test_a_real_file_is_described_as_mediainfo_does(sample: dict[str, Any]) -> None:
    whole, *others = tracks_of((FOLDER / sample["file"]).read_bytes())

    counts = (whole["audioCount"], whole["videoCount"], len(others))
    audio_count, video_count = sample["audio_streams"], sample["video_streams"]
    assert counts == (audio_count, video_count, audio_count + video_count)
    assert whole["format"] == sample["mediainfo_container"]
    assert whole["hasCover"] == sample["has_cover"]
    assert len(whole.get("chapters", [])) == sample["chapters"]
    if sample["file"] not in CONTRADICTORY:
        expected = {name: text.strip() for name, text in sample["tags_mediainfo"].items()}
        assert expected == {name: whole.get(name) for name in expected}


@pytest.mark.parametrize("sample", [s for s in READABLE if s["audio_streams"]], ids=sample_id)
def test_a_real_track_is_described_as_mediainfo_does(sample: dict[str, Any]) -> None:
    track = audio((FOLDER / sample["file"]).read_bytes())

    ident = sample["mediainfo_codec_id"]
    assert track["codec"] == sample["mediainfo_codec"]
    assert track.get("codecId") == (None if ident in UNTOLD_IDS else ident)
    if sample["bitRateMode"] and sample["file"] not in CLAIMED_MODES:
        assert track["bitRateMode"] == sample["bitRateMode"]
    if sample["bitRate"] and sample["file"] not in CLAIMED_BIT_RATES:
        assert abs(track["bitRate"] / sample["bitRate"] - 1) <= 0.005
