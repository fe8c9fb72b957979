"""From plans and facts to samples, against a model that really lays every sample out."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.engine import LIMITS, read
from transforms.audio.timeline import Resolved, ResolvedClip, resolve
from transforms.plan import Encoding, Length, Limits, RenderPlan, Shaping, SourceFacts, Span
from transforms.problems import BadParameter, OutputTooLarge

RATE = 48000


def facts(
    samples: int | None = 10 * RATE,
    *,
    rate: int = RATE,
    channels: int = 2,
    frame: int | None = None,
    exact: bool = True,
) -> SourceFacts:
    return SourceFacts(
        container="wav",
        codec="pcm_s16le",
        sample_rate_hz=rate,
        channels=channels,
        frame_samples=frame,
        samples=samples,
        exact=exact,
    )


def resolved(query: str, *sources: SourceFacts, limits: Limits = LIMITS) -> Resolved:
    return resolve(read(query).plan, sources or (facts(),), limits)


def span(source: int, start: int, end: int | None) -> Span:
    return Span(source=source, start_samples=start, end_samples=end)


def test_a_timeline_is_the_whole_plan() -> None:
    made = resolved(
        "f=mp3&br=128&ts=1.5&te=3&rp=2&gain=1&append=/b&track=2",
        facts(frame=1152),
        facts(7 * 44100, rate=44100, channels=1),
    )

    duration = 2 * Fraction(3 * RATE - RATE - 5 * 1152, RATE) + 7
    cut = span(0, RATE + 5 * 1152, 3 * RATE)
    assert made == Resolved(
        render=RenderPlan(
            format=made.render.format,
            spans=(cut, cut, span(1, 0, None)),
            tracks=(1, 2),
            encodings=(
                Encoding(
                    bitrate_bps=128_000,
                    average=False,
                    sample_rate_hz=48000,
                    channels=2,
                    bit_depth=None,
                ),
            ),
            shaping=Shaping(gain_centibels=100),
            limits=LIMITS,
            expected_ms=round(duration * 1000),
            lengths=(
                *[Length(samples=2 * RATE - 5 * 1152, sample_rate_hz=RATE)] * 2,
                Length(samples=7 * 44_100, sample_rate_hz=44_100),
            ),
        ),
        clips=(
            ResolvedClip(
                path="/a.bin",
                sample_rate_hz=RATE,
                start_samples=RATE + 5 * 1152,
                end_samples=3 * RATE,
                repeat=2,
            ),
            ResolvedClip(
                path="/b", sample_rate_hz=44100, start_samples=0, end_samples=None, repeat=1
            ),
        ),
        duration=duration,
        exact=True,
    )


@settings(max_examples=300, deadline=None)
@given(
    length=st.integers(1, 4000),
    start=st.integers(0, 4000),
    end=st.none() | st.integers(1, 12000),
    repeat=st.integers(1, 5),
    mode=st.sampled_from(["before-repeat", "after-repeat"]),
)
def test_every_cut_is_what_laying_samples_out_gives(
    length: int, start: int, end: int | None, repeat: int, mode: str
) -> None:
    rate = 1_000_000
    source = list(range(length))
    whole = source * repeat if mode == "after-repeat" else source
    kept = whole[start:end] * (repeat if mode == "before-repeat" else 1)
    query = f"f=wav-riff&rp={repeat}&tm={mode}&ts={start / 1000:.3f}ms"
    query += "" if end is None else f"&te={end / 1000:.3f}ms"

    try:
        made = resolved(query, facts(length, rate=rate))
    except BadParameter as problem:
        past_end = start >= len(whole)
        backwards = end is not None and start >= end
        assert problem.parameter in {"ts": past_end, "te": backwards}
        assert past_end or backwards
        return

    played = [n for s in made.render.spans for n in source[s.start_samples : s.end_samples]]
    assert kept == played
    assert Fraction(len(kept), rate) == made.duration


def test_a_start_past_the_end_is_an_error_that_says_where_the_end_is() -> None:
    with pytest.raises(BadParameter) as refusal:
        resolved("f=mp3&ts=10")

    assert refusal.value.details == {
        "parameter": "ts",
        "value": "10",
        "expected": "a point before the end of /a.bin, 10 s",
    }


def test_a_source_without_a_sample_is_left_to_the_decoder_to_refuse() -> None:
    made = resolved("f=mp3", facts(0))

    assert (made.render.spans, made.duration) == ((span(0, 0, None),), 0)


def test_an_end_past_the_source_changes_nothing() -> None:
    assert resolved("f=mp3&te=11").render == resolved("f=mp3").render


def test_an_end_that_lies_before_the_start_in_samples_is_an_error() -> None:
    with pytest.raises(BadParameter) as refusal:
        resolved("f=mp3&ts=1.90&te=1.1s")

    assert refusal.value.parameter == "te"


def test_a_length_that_is_only_claimed_refuses_no_start_but_no_run_can_be_cut() -> None:
    claimed = facts(exact=False)

    made = resolved("f=mp3&ts=11&te=12", claimed)
    assert (made.render.spans, made.duration, made.exact) == (
        (span(0, 11 * RATE, 12 * RATE),),
        Fraction(1),
        False,
    )
    with pytest.raises(BadParameter) as refusal:
        resolved("f=mp3&ts=1&rp=2&tm=after-repeat", claimed)
    assert refusal.value.parameter == "tm"


def test_an_unknown_length_stays_unknown() -> None:
    made = resolved("f=mp3", facts(None, exact=False))

    assert (made.duration, made.exact, made.render.expected_ms) == (None, False, None)


@pytest.mark.parametrize(
    ("query", "sources", "channels"),
    [
        ("f=mp3", (1,), 1),
        ("f=mp3", (2,), 2),
        ("f=mp3", (6,), 2),
        ("f=mp3&append=/b", (1, 2), 2),
        ("f=mp3&append=/b", (1, 1), 1),
        ("f=mp3&ch=2", (1,), 2),
        ("f=mp3&ch=1", (6,), 1),
        ("f=aac&br=288", (1,), 1),
        ("f=aac&br=320", (1,), 2),
        ("f=aac&br=256&sr=32", (1,), 2),
        ("f=opus&br=256", (1,), 1),
        ("f=opus&br=288", (1,), 2),
        ("f=wav-riff&sr=192", (1,), 1),
    ],
)
def test_the_widest_clip_decides_unless_asked_or_unable(
    query: str, sources: tuple[int, ...], channels: int
) -> None:
    made = resolved(query, *(facts(channels=count) for count in sources))

    assert channels == made.render.encodings[0].channels


def test_riff_past_four_gigabytes_is_refused_naming_the_format_that_can() -> None:
    hours = facts(7 * 3600 * RATE)

    with pytest.raises(OutputTooLarge) as refusal:
        resolved("f=wav-riff", hours)

    assert (refusal.value.code, refusal.value.details) == (
        "riff_too_large",
        {"parameter": "f", "value": "wav-riff", "expected": "wav-rf64"},
    )
    assert resolved("f=wav-rf64", hours).duration == 7 * 3600


def test_a_day_is_made_and_a_second_more_is_not() -> None:
    day = facts(12 * 3600 * RATE)

    assert resolved("f=mp3&rp=2", day).duration == 24 * 3600
    with pytest.raises(OutputTooLarge) as refusal:
        resolved("f=mp3&rp=2&append=/b&te=1", day, facts())
    assert refusal.value.details == {"seconds": 86401.0, "mostSeconds": 86400.0}


def test_more_bytes_than_allowed_are_refused() -> None:
    with pytest.raises(OutputTooLarge) as refusal:
        resolved("f=wav-riff", limits=Limits(duration_ms=10**9, file_bytes=10**6))

    assert refusal.value.details == {"bytes": 1_920_000, "mostBytes": 1_000_000}
