"""Whole timelines beside artifacts that are finished."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cache.receipts import ArtifactFile, Receipt
from edge.web.whole import Timeline
from transforms.audio.timeline import Resolved
from transforms.formats import Format
from transforms.manifests import hls
from transforms.plan import Container, Encoding, Length, Limits, RenderPlan, Shaping, Span

RATE = 48_000
SECONDS = 20


def timeline(container: Container) -> Timeline:
    samples = SECONDS * RATE
    encoding = Encoding(
        bitrate_bps=96_000, average=False, sample_rate_hz=RATE, channels=2, bit_depth=None
    )
    render = RenderPlan(
        format=Format.HLS_AAC_RT,
        spans=(Span(source=0, start_samples=0, end_samples=samples),),
        tracks=(1,),
        encodings=(encoding,),
        shaping=Shaping(),
        limits=Limits(duration_ms=1_000_000, file_bytes=1 << 30),
        expected_ms=SECONDS * 1000,
        container=container,
        lengths=(Length(samples=samples, sample_rate_hz=RATE),),
    )
    return Timeline(Resolved(render=render, clips=(), duration=Fraction(SECONDS), exact=True))


def receipt(container: Container, segments: int) -> Receipt:
    paths = [hls.segment_path(0, number, container) for number in range(segments)]
    paths += ["/audio.m3u8", "/0f/manifest.m3u8", "/0f/init.mp4", "/1f/0.ts"]
    files = [
        ArtifactFile(path=path, digest="0" * 64, size_bytes=1, media_type="audio/mp4")
        for path in sorted(paths)
    ]
    return Receipt(
        key="0" * 64,
        account="W142hJk",
        source_path="/talk.mp3",
        created_ms=0,
        files=tuple(files),
        extra={},
    )


@pytest.mark.parametrize("container", Container)
def test_a_receipt_is_of_the_timeline_if_it_lists_its_segments(container: Container) -> None:
    planned = timeline(container)
    segments = planned.media(0).count("#EXTINF")

    # 1 + 1 + 2 + 4 + 6 + 6 seconds.
    assert segments == 6
    assert planned.is_of(receipt(container, segments), 0)
    assert not planned.is_of(receipt(container, segments - 1), 0)
    assert not planned.is_of(receipt(container, segments + 1), 0)
