"""MPDs, read back as players read them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from urllib.parse import urljoin
from xml.etree import ElementTree

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import synth
from tests.support.engine import make_stream, read
from tests.support.measure import decode, peak
from tests.support.media import make as media
from transforms.manifests import dash
from transforms.plan import Container, Segment
from transforms.problems import BadParameter

RATE = 48_000
PRIMING = 1024
TONE = media("wav-16", synth.tone(20 * RATE, rate=RATE, channels=2), rate=RATE)
SPACE = {"": "urn:mpeg:dash:schema:mpd:2011"}


def segments(*lengths: int, variant: int = 0, rate: int = RATE, size: int = 1000) -> list[Segment]:
    """Segments one after the other, all of one size."""
    ends = [sum(lengths[: number + 1]) for number in range(len(lengths))]
    return [
        Segment(
            variant=variant,
            path=f"/{variant}f/{number}.m4s",
            first_sample=end - length,
            samples=length,
            sample_rate_hz=rate,
            size_bytes=size,
        )
        for number, (end, length) in enumerate(zip(ends, lengths, strict=True))
    ]


def parsed(text: str) -> tuple[ElementTree.Element, list[ElementTree.Element]]:
    """An MPD, and its Representations."""
    root = ElementTree.fromstring(text)
    return root, root.findall("Period/AdaptationSet/Representation", SPACE)


def seconds(duration: str) -> Fraction:
    assert duration.startswith("PT")
    assert duration.endswith("S")
    return Fraction(duration[2:-1])


def listed(representation: ElementTree.Element) -> list[tuple[int, int]]:
    """The first sample and the length of every segment, repeats written out."""
    found: list[tuple[int, int]] = []
    for entry in representation.iterfind("SegmentTemplate/SegmentTimeline/S", SPACE):
        begin, length = int(entry.attrib["t"]), int(entry.attrib["d"])
        repeats = int(entry.get("r", "0"))
        found += ((begin + number * length, length) for number in range(repeats + 1))
    return found


def parts(representation: ElementTree.Element) -> tuple[str, list[str]]:
    """The initialization segment's URI, and those of the segments."""
    template = representation.find("SegmentTemplate", SPACE)
    assert template is not None
    first = int(template.attrib["startNumber"])
    numbers = range(first, first + len(listed(representation)))
    media_uri = template.attrib["media"]
    return template.attrib["initialization"], [
        media_uri.replace("$Number$", str(number)) for number in numbers
    ]


def joined(files: Mapping[str, bytes], representation: ElementTree.Element) -> bytes:
    start, uris = parts(representation)
    return b"".join(files[urljoin(dash.MPD_PATH, uri)] for uri in (start, *uris))


def test_an_mpd_lists_what_there_is() -> None:
    text = dash.mpd(
        [
            dash.Representation(
                variant=0, channels=2, segments=segments(48128, 48128, 96256, 96256, 96256, 100)
            ),
            dash.Representation(
                variant=1, channels=1, segments=segments(24064, 24064, variant=1, rate=24_000)
            ),
        ]
    )

    assert (
        text
        == """<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011"\
 type="static" mediaPresentationDuration="PT8.023417S" maxSegmentDuration="PT2.005334S"\
 minBufferTime="PT2.005334S">
  <Period id="0" start="PT0S">
    <AdaptationSet id="0" contentType="audio" mimeType="audio/mp4" codecs="mp4a.40.2"\
 startWithSAP="1" segmentAlignment="false">
      <Representation id="0" bandwidth="3840000" audioSamplingRate="48000">
        <AudioChannelConfiguration\
 schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
        <SegmentTemplate timescale="48000" startNumber="0" initialization="0f/init.mp4"\
 media="0f/$Number$.m4s">
          <SegmentTimeline>
            <S t="0" d="48128" r="1"/>
            <S t="96256" d="96256" r="2"/>
            <S t="385024" d="100"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
      <Representation id="1" bandwidth="7979" audioSamplingRate="24000">
        <AudioChannelConfiguration\
 schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="1"/>
        <SegmentTemplate timescale="24000" startNumber="0" initialization="1f/init.mp4"\
 media="1f/$Number$.m4s">
          <SegmentTimeline>
            <S t="0" d="24064" r="1"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"""
    )


def test_a_prefix_stands_before_every_uri_whatever_is_in_it() -> None:
    text = dash.mpd([dash.Representation(variant=0, channels=2, segments=segments(48128))])
    prefix = "a&b'<$Number$>.mp3!f=dash-aac&br=64&a=/"
    based = dash.rebase(text, prefix)
    root, (representation,) = parsed(based)
    base = root.findtext("BaseURL", None, SPACE)

    assert dash.rebase(text, "") == text
    assert base == prefix
    assert parts(representation) == ("0f/init.mp4", ["0f/0.m4s"])
    assert ElementTree.tostring(root[1]) == ElementTree.tostring(parsed(text)[0][0])


@given(st.lists(st.tuples(st.integers(480, 6 * RATE), st.integers(1, 200_000)), min_size=1))
def test_who_receives_the_bandwidth_never_waits_after_the_first_time(
    sizes: list[tuple[int, int]],
) -> None:
    made = segments(*(length for length, _ in sizes))
    made = [
        Segment(**{**fields_of(segment), "size_bytes": size})
        for segment, (_, size) in zip(made, sizes, strict=True)
    ]
    root, (representation,) = parsed(
        dash.mpd([dash.Representation(variant=0, channels=2, segments=made)])
    )
    bandwidth = int(representation.attrib["bandwidth"])
    buffered = seconds(root.attrib["minBufferTime"])

    for first in range(len(made)):
        played, bits = Fraction(0), 0
        for segment in made[first:]:
            bits += 8 * segment.size_bytes
            assert bits <= bandwidth * (buffered + played)
            played += segment.duration


def fields_of(segment: Segment) -> dict[str, object]:
    return {name: getattr(segment, name) for name in type(segment).__dataclass_fields__}


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
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
)
def test_any_timeline_is_listed_and_made_as_it_was_planned(
    start_ms: int, length_ms: int, appended: int, variants: list[str]
) -> None:
    other = media("mp3", synth.noise(44_100), rate=44_100)
    query = f"f=dash-aac&ts={start_ms}ms&te={start_ms + length_ms}ms"
    query += "".join(f"&{variant}" for variant in variants) + "&append=/b.mp3" * appended
    resolved, report, sink = make_stream(query, TONE, *[other] * appended)
    root, representations = parsed(sink.files[dash.MPD_PATH].decode())
    planned = [resolved.render.samples(e.sample_rate_hz) for e in resolved.render.encodings]
    lengths = [
        Fraction(samples or 0, e.sample_rate_hz)
        for samples, e in zip(planned, resolved.render.encodings, strict=True)
    ]

    rounded = seconds(root.attrib["mediaPresentationDuration"]) - max(lengths)

    assert 0 <= rounded < Fraction(1, 1_000_000)
    assert {dash.MPD_PATH, *(f.path for f in report.files)} == set(sink.files)
    assert len(representations) == len(variants)
    for each, encoding, samples in zip(
        representations, resolved.render.encodings, planned, strict=True
    ):
        entries = listed(each)
        content = joined(sink.files, each)
        with av.open(io.BytesIO(content)) as container:
            told = sum(packet.duration or 0 for packet in container.demux(audio=0) if packet.size)
        sound, rate = decode(content)

        assert int(each.attrib["audioSamplingRate"]) == rate == encoding.sample_rate_hz
        assert entries[0][0] == 0
        assert all(begin + length == after for (begin, length), (after, _) in pairwise(entries))
        assert sum(length for _, length in entries) == samples == told - PRIMING
        assert sound.shape[0] == encoding.channels
        # libav drops the priming, but plays the last frame whole, whatever it is told.
        assert 0 <= sound.shape[1] - (samples or 0) < PRIMING


def test_segments_begin_when_the_mpd_says_so() -> None:
    _, _, sink = make_stream("f=dash-aac&br=64&br=96&sr=44.1", TONE)
    _, representations = parsed(sink.files[dash.MPD_PATH].decode())

    for each in representations:
        start, uris = parts(each)
        begun = []
        for uri in uris:
            content = sink.files[f"/{start}"] + sink.files[f"/{uri}"]
            with av.open(io.BytesIO(content)) as container:
                begun.append(min(p.pts for p in container.demux(audio=0) if p.pts is not None))

        # The first has the priming too, which the edit list puts before the beginning.
        assert begun == [-PRIMING, *(begin for begin, _ in listed(each)[1:])]


def test_hls_in_fragmented_mp4_has_the_same_files() -> None:
    query = "br=64&br=256&br=32&sr=24&ts=1.5s"
    _, _, one = make_stream(f"f=dash-aac&{query}", TONE)
    _, _, other = make_stream(f"f=hls-aac&container=mp4&{query}", TONE)

    assert one.segments == other.segments
    assert {path for path in one.files if not path.endswith(".mpd")} == {
        path for path in other.files if not path.endswith(".m3u8")
    }
    for path, content in one.files.items():
        if not path.endswith(".mpd"):
            assert other.files[path] == content


def test_sound_is_where_it_was() -> None:
    burst = media("wav-16", synth.burst(13 * RATE + 77, at=9 * RATE, rate=RATE), rate=RATE)
    _, _, sink = make_stream("f=dash-aac&br=256", burst)
    _, (representation,) = parsed(sink.files[dash.MPD_PATH].decode())

    assert abs(peak(decode(joined(sink.files, representation))[0]) - peak(decode(burst)[0])) <= 1


@pytest.mark.parametrize(
    ("query", "aligned"),
    [("br=64&br=256&br=96&sr=44.1", "true"), ("br=16&sr=8&br=96&sr=44.1", "false")],
)
def test_segments_are_called_aligned_only_where_they_are(query: str, aligned: str) -> None:
    _, _, sink = make_stream(f"f=dash-aac&{query}", TONE)
    root, _ = parsed(sink.files[dash.MPD_PATH].decode())
    found = root.find("Period/AdaptationSet", SPACE)

    assert found is not None
    assert found.attrib["segmentAlignment"] == aligned


def test_a_day_is_a_short_mpd() -> None:
    day = segments(48128, 48128, 96256, 192512, *[288768] * 14_362)
    text = dash.mpd([dash.Representation(variant=0, channels=2, segments=day)])

    assert len(text) < 1500
    assert listed(parsed(text)[1][0]) == [(each.first_sample, each.samples) for each in day]


def test_there_is_no_container_but_fragmented_mp4() -> None:
    assert read("f=dash-aac").plan == read("f=dash-aac&container=mp4").plan
    assert read("f=dash-aac").plan.container is Container.MP4
    with pytest.raises(BadParameter, match="container"):
        read("f=dash-aac&container=ts")
