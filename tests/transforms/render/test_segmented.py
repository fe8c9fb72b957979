"""HLS artifacts, whole: what players are told, and what they hear."""

from __future__ import annotations

import io
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

import av
import m3u8
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import synth
from tests.support.engine import LIMITS, make, make_stream, read, resolved_for
from tests.support.measure import decode, peak, snr_db
from tests.support.media import make as media
from tests.support.memory import MemorySink, MemorySource
from transforms.problems import OutputTooLarge, RenderFailed, TransformProblem
from transforms.render import render

RATE = 48_000
PRIMING = 1024
TONE = media("wav-16", synth.tone(20 * RATE, rate=RATE, channels=2), rate=RATE)


def played(files: Mapping[str, bytes], path: str) -> tuple[m3u8.M3U8, list[bytes]]:
    """A media playlist, strictly read, and the segments that it names, each fit to be played."""
    text = files[path].decode()
    playlist = m3u8.loads(text)
    folder = path.rpartition("/")[0]
    start = b"".join(files[f"{folder}/{section.uri}"] for section in playlist.segment_map)
    return playlist, [start + files[f"{folder}/{segment.uri}"] for segment in playlist.segments]


def joined(files: Mapping[str, bytes], path: str) -> bytes:
    """All bytes that a player fetches, in order."""
    playlist, segments = played(files, path)
    (start,) = playlist.segment_map or [None]
    head = len(files[f"{path.rpartition('/')[0]}/{start.uri}"]) if start else 0
    return segments[0] + b"".join(segment[head:] for segment in segments[1:])


def times(content: bytes) -> list[tuple[int, Fraction]]:
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.audio[0]
        base = stream.time_base or Fraction(1)
        return [(p.pts or 0, base) for p in container.demux(stream) if p.size]


def test_decoding_the_segments_is_decoding_one_continuous_encode() -> None:
    _, report, sink = make_stream("f=hls-aac&br=128", TONE)
    whole = make("f=aac&br=128", TONE)

    one = decode(whole.content)[0]
    many = decode(joined(sink.files, "/0f/manifest.m3u8"))[0]
    shift = many.shape[1] - one.shape[1]

    assert report.samples == 20 * RATE
    assert shift in (0, PRIMING)
    assert snr_db(one[:, PRIMING:], many[:, shift + PRIMING :]) > 90


def test_fragmented_mp4_plays_exactly_the_planned_samples() -> None:
    burst = media("wav-16", synth.burst(13 * RATE + 77, at=9 * RATE, rate=RATE), rate=RATE)
    _, report, sink = make_stream("f=hls-aac&container=mp4&br=256", burst)

    content = joined(sink.files, "/0f/manifest.m3u8")
    sound = decode(content)[0]
    with av.open(io.BytesIO(content)) as container:
        told = sum(p.duration or 0 for p in container.demux(audio=0) if p.size)

    # libav drops the priming, but plays the last frame whole, whatever it is told.
    assert 0 <= sound.shape[1] - report.samples < PRIMING
    assert report.samples == told - PRIMING == 13 * RATE + 77
    assert abs(peak(sound) - peak(decode(burst)[0])) <= 1


def test_variants_share_the_grid_to_the_sample() -> None:
    _, _, sink = make_stream("f=hls-aac&br=64&br=256&br=32&sr=24&br=96&sr=44.1", TONE)

    grids = {
        tuple(
            Fraction(segment.first_sample, segment.sample_rate_hz)
            for segment in sink.segments
            if segment.variant == variant
        )
        for variant in range(4)
    }

    assert len(grids) == 1


def test_segments_are_announced_in_order_and_once_their_bytes_are_there() -> None:
    _, report, sink = make_stream("f=hls-aac-rt&br=64&br=256", TONE)

    for variant in range(2):
        paths = [segment.path for segment in sink.segments if segment.variant == variant]
        assert paths == [f"/{variant}f/{number}.ts" for number in range(len(paths))]
    assert {file.path for file in report.files} == set(sink.files)
    assert {file.path: file.size_bytes for file in report.files} == {
        path: len(content) for path, content in sink.files.items()
    }


def test_deferred_variants_are_made_too_however_short_the_sound_is() -> None:
    short = media("wav-16", synth.tone(RATE // 2, rate=RATE), rate=RATE)

    for content in (short, TONE):
        _, _, sink = make_stream("f=hls-aac-rt&br=64&br=128&rt=false&br=256&rt=false", content)
        assert {segment.variant for segment in sink.segments} == {0, 1, 2}


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    start_ms=st.integers(0, 9_000),
    length_ms=st.integers(1, 11_000),
    appended=st.integers(0, 2),
    variants=st.lists(
        st.sampled_from(["br=16&sr=8", "br=64", "br=96&sr=44.1", "br=256", "br=32&sr=24&ch=1"]),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    container=st.sampled_from(["ts", "mp4"]),
    output=st.sampled_from(["hls-aac", "hls-aac-rt"]),
)
def test_any_timeline_in_any_variants_is_what_was_planned(
    start_ms: int,
    length_ms: int,
    appended: int,
    variants: list[str],
    container: str,
    output: str,
) -> None:
    other = media("mp3", synth.noise(44_100), rate=44_100)
    query = f"f={output}&container={container}&ts={start_ms}ms&te={start_ms + length_ms}ms"
    query += "".join(f"&{variant}" for variant in variants) + "&append=/b.mp3" * appended
    resolved, report, sink = make_stream(query, TONE, *[other] * appended)

    multivariant = m3u8.loads(sink.files["/audio.m3u8"].decode())
    assert resolved.duration is not None
    assert report.samples == round(resolved.duration * report.sample_rate_hz)
    assert len(multivariant.playlists) == len(variants)
    for entry, encoding in zip(multivariant.playlists, resolved.render.encodings, strict=True):
        playlist, segments = played(sink.files, f"/{entry.uri}")
        rate = encoding.sample_rate_hz
        lengths = [Fraction(str(segment.duration)) for segment in playlist.segments]

        assert playlist.is_endlist
        assert round(sum(lengths) * rate) == round(resolved.duration * rate)
        assert max(map(round, lengths)) <= playlist.target_duration
        assert entry.stream_info.average_bandwidth <= entry.stream_info.bandwidth
        for segment, length in zip(segments, lengths, strict=True):
            sound, found = decode(segment)
            assert found == rate
            assert abs(Fraction(sound.shape[1], rate) - length) <= Fraction(2 * 1024, rate)
        stamps = times(joined(sink.files, f"/{entry.uri}"))
        steps = {b * base - a * base for (a, base), (b, _) in pairwise(stamps)}
        # Only the first frame of a PES packet has a time; libav rounds those that follow.
        assert all(abs(step - Fraction(1024, rate)) < Fraction(1, 1000) for step in steps)


def test_what_came_before_a_source_breaks_off_is_made_into_segments() -> None:
    source = MemorySource(TONE)
    plan = resolved_for(read("f=hls-aac-rt&ts=1&append=/b.wav&ts=19.9s"), [source, source]).render
    second = plan.spans[1]
    beyond = type(second)(source=1, start_samples=30 * RATE, end_samples=None)
    sink = MemorySink()

    with pytest.raises(RenderFailed):
        render(
            type(plan)(
                format=plan.format,
                spans=(plan.spans[0], beyond),
                tracks=plan.tracks,
                encodings=plan.encodings,
                shaping=plan.shaping,
                limits=plan.limits,
                expected_ms=None,
                container=plan.container,
            ),
            [source, source],
            sink,
        )

    made = sum(segment.samples for segment in sink.segments)
    assert 18.3 * RATE < made <= 19 * RATE


def test_a_limit_that_is_passed_on_the_way_is_told() -> None:
    source = MemorySource(TONE)
    plan = resolved_for(read("f=hls-aac&br=64&br=128"), [source]).render
    limits = type(LIMITS)(duration_ms=5_000, file_bytes=LIMITS.file_bytes)

    with pytest.raises(OutputTooLarge):
        render(type(plan)(**{**fields_of(plan), "limits": limits}), [source], MemorySink())


def fields_of(plan: object) -> dict[str, object]:
    return {name: getattr(plan, name) for name in type(plan).__dataclass_fields__}  # type: ignore[attr-defined]


@pytest.mark.parametrize("broken", ["/0f/1.ts", "/1f/0.ts", "/audio.m3u8"])
def test_a_disk_that_is_full_is_not_a_success_whichever_thread_finds_out(broken: str) -> None:
    class Full(MemorySink):
        def create(self, path: str) -> object:  # type: ignore[override]
            if path == broken:
                raise OSError(28, "full")
            return super().create(path)

    source = MemorySource(TONE)
    plan = resolved_for(read("f=hls-aac&br=64&br=128"), [source]).render

    with pytest.raises(OSError, match="full"):
        render(plan, [source], Full())


def test_no_sound_is_told() -> None:
    silent = media("wav-16", np.zeros((1, 0), np.float32), rate=RATE)

    with pytest.raises(TransformProblem):
        make_stream("f=hls-aac", silent)


def test_loudness_is_the_same_in_every_variant() -> None:
    _, _, sink = make_stream("f=hls-aac&norm=-20&br=64&sr=32&br=256", TONE)

    levels = [
        20 * np.log10(np.std(decode(joined(sink.files, f"/{n}f/manifest.m3u8"))[0][0]))
        for n in range(2)
    ]

    assert levels[0] == pytest.approx(levels[1], abs=0.2)
