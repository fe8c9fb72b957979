"""Which files an artifact can have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.edge.sandbox.doubles import a_plan
from transforms.contents import media_type_of
from transforms.formats import FORMATS, Answer, Format
from transforms.plan import Container, RenderPlan

TS = "video/mp2t"
HLS = "application/vnd.apple.mpegurl"


def plan(output: Format, container: Container | None = None, variants: int = 1) -> RenderPlan:
    one = a_plan()
    return replace(one, format=output, container=container, encodings=one.encodings * variants)


@pytest.mark.parametrize(
    "output",
    [each for each, spec in FORMATS.items() if spec.artifact and not spec.segmented],
)
def test_one_file_is_called_as_its_format_says(output: Format) -> None:
    spec = FORMATS[output]
    assert spec.answer is not Answer.METADATA
    assert spec.artifact is not None

    assert media_type_of(plan(output), spec.artifact) == spec.media_type
    assert media_type_of(plan(output), spec.artifact + "x") is None
    assert media_type_of(plan(output), "/0f/0.ts") is None


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/audio.m3u8", HLS),
        ("/0f/manifest.m3u8", HLS),
        ("/1f/manifest.m3u8", HLS),
        ("/0f/0.ts", TS),
        ("/1f/12345.ts", TS),
        ("/2f/manifest.m3u8", None),
        ("/2f/0.ts", None),
        ("/0f/00.ts", None),
        ("/0f/-1.ts", None),
        ("/0f/0.m4s", None),
        ("/0f/init.mp4", None),
        ("/0f/0.ts\n", None),
        ("/0f/1000000.ts", None),
        ("/0f/\u0661.ts", None),
        ("/audio.mpd", None),
        ("/audio.mp3", None),
        ("/../0f/0.ts", None),
        ("0f/0.ts", None),
        ("", None),
    ],
)
def test_a_stream_has_its_parts_and_playlists(path: str, media_type: str | None) -> None:
    assert media_type_of(plan(Format.HLS_AAC, Container.TS, 2), path) == media_type
    assert media_type_of(plan(Format.HLS_AAC_RT, None, 2), path) == media_type


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/audio.mpd", "application/dash+xml"),
        ("/0f/init.mp4", "audio/mp4"),
        ("/0f/7.m4s", "audio/mp4"),
        ("/1f/init.mp4", None),
        ("/0f/0.ts", None),
        ("/audio.m3u8", None),
        ("/0f/manifest.m3u8", None),
    ],
)
def test_dash_has_its_own_manifest(path: str, media_type: str | None) -> None:
    assert media_type_of(plan(Format.DASH_AAC, Container.MP4), path) == media_type
