from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.manifests import hls, parts
from transforms.manifests.grid import FRAME_SAMPLES, Grid
from transforms.plan import Container, Segment


def segments(
    samples: int, *, rate: int = 48000, variant: int = 0, bps: int = 96_000
) -> list[Segment]:
    """Cut a timeline as the engine does, each segment as large as its length asks for."""
    grid = Grid([rate])
    made: list[Segment] = []
    begin = 0
    while begin < samples:
        end = min(samples, grid.first_frame(len(made) + 1, rate) * FRAME_SAMPLES)
        made.append(
            Segment(
                variant=variant,
                path=parts.segment_path(variant, len(made), Container.TS),
                first_sample=begin,
                samples=end - begin,
                sample_rate_hz=rate,
                size_bytes=bps * (end - begin) // rate // 8,
            )
        )
        begin = end
    return made


def media(made: list[Segment], **changed: object) -> str:
    options = {"container": Container.TS, "target_seconds": 6, "event": False, "ended": True}
    return hls.media_playlist(made, **(options | changed))  # type: ignore[arg-type]


@given(st.integers(1, 48000 * 4000), st.sampled_from([8000, 22050, 44100, 48000, 96000]))
def test_durations_add_up_to_the_timeline_to_the_sample(samples: int, rate: int) -> None:
    playlist = m3u8.loads(media(segments(samples, rate=rate)))

    total = sum(Fraction(str(segment.duration)) for segment in playlist.segments)

    assert round(total * rate) == samples
    assert abs(total - Fraction(samples, rate)) <= Fraction(1, 1_000_000)


def test_a_finished_playlist_is_vod_and_names_its_segments_relative_to_itself() -> None:
    playlist = m3u8.loads(media(segments(48000 * 10)))

    assert (playlist.playlist_type, playlist.is_endlist, playlist.version) == ("vod", True, 3)
    assert playlist.target_duration == 6
    assert [segment.uri for segment in playlist.segments] == [f"{number}.ts" for number in range(5)]


def test_a_growing_playlist_only_ever_gets_more_lines() -> None:
    made = segments(48000 * 60)
    texts = [media(made[:count], event=True, ended=False) for count in range(len(made) + 1)]
    texts.append(media(made, event=True, ended=True))

    assert all(later.startswith(sooner) for sooner, later in pairwise(texts))
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in texts[0]
    assert "#EXT-X-START:TIME-OFFSET=0,PRECISE=YES" in texts[0]
    assert "#EXT-X-ENDLIST" not in texts[-2]
    assert texts[-1].endswith("#EXT-X-ENDLIST\n")


def test_fragmented_mp4_names_its_initialisation_section() -> None:
    text = media(segments(48000 * 3), container=Container.MP4)

    (section,) = m3u8.loads(text).segment_map
    assert section.uri == "init.mp4"
    assert m3u8.loads(text).version == 7


def test_the_multivariant_playlist_measures_what_is_complete() -> None:
    even = segments(48000 * 60, bps=64_000)
    uneven = segments(48000 * 60, variant=1, bps=128_000)
    loud = uneven[4]
    uneven[4] = Segment(
        variant=1,
        path=loud.path,
        first_sample=loud.first_sample,
        samples=loud.samples,
        sample_rate_hz=48000,
        size_bytes=2 * loud.size_bytes,
    )
    streams = [
        hls.Stream(variant=0, bitrate_bps=64_000, segments=even),
        hls.Stream(variant=1, bitrate_bps=128_000, segments=uneven),
    ]

    playlist = m3u8.loads(
        hls.multivariant_playlist(streams, container=Container.TS, target_seconds=6, complete=True)
    )

    first, second = (entry.stream_info for entry in playlist.playlists)
    assert [entry.uri for entry in playlist.playlists] == ["0f/manifest.m3u8", "1f/manifest.m3u8"]
    assert {entry.stream_info.codecs for entry in playlist.playlists} == {"mp4a.40.2"}
    assert first.bandwidth == pytest.approx(64_000, rel=0.001)
    assert first.average_bandwidth == pytest.approx(64_000, rel=0.001)
    assert second.bandwidth == pytest.approx(256_000, rel=0.001)
    assert 128_000 < second.average_bandwidth < 150_000


@given(st.lists(st.tuples(st.integers(1, 6000), st.integers(1, 1 << 20)), min_size=1, max_size=12))
def test_the_peak_is_the_largest_of_all_runs_of_half_to_one_and_a_half_targets(
    lengths: list[tuple[int, int]],
) -> None:
    made: list[Segment] = []
    at = 0
    for milliseconds, size in lengths:
        made.append(
            Segment(
                variant=0,
                path="/0f/0.ts",
                first_sample=at,
                samples=milliseconds,
                sample_rate_hz=1000,
                size_bytes=size,
            )
        )
        at += milliseconds
    runs = [
        made[first:last] for first in range(len(made)) for last in range(first + 1, len(made) + 1)
    ]
    rates = [
        8 * sum(segment.size_bytes for segment in run) / seconds
        for run in runs
        if 3 <= (seconds := sum((segment.duration for segment in run), Fraction(0))) <= 9
    ]

    expected = max(rates, default=Fraction(hls.average_bps(made)))

    assert hls.peak_bps(made, 6) == -(-expected // 1)


def test_what_is_not_known_yet_is_estimated_above_what_was_asked_for() -> None:
    stream = hls.Stream(variant=0, bitrate_bps=96_000, segments=segments(48000 * 2, bps=40_000))

    text = hls.multivariant_playlist(
        [stream], container=Container.TS, target_seconds=6, complete=False
    )

    info = m3u8.loads(text).playlists[0].stream_info
    assert info.average_bandwidth >= 96_000
    assert info.bandwidth > info.average_bandwidth


def test_a_prefix_goes_before_every_uri_and_nothing_else() -> None:
    text = media(segments(48000 * 5), container=Container.MP4)

    moved = m3u8.loads(hls.rebase(text, "talk.mp3!f=hls-aac&a=/0f/"))

    assert moved.segment_map[0].uri == "talk.mp3!f=hls-aac&a=/0f/init.mp4"
    assert {s.uri.removesuffix(".ts") for s in moved.segments} == {
        f"talk.mp3!f=hls-aac&a=/0f/{number}" for number in range(4)
    }
    assert hls.rebase(text, "") == text
