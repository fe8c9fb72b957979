"""Points in time: frames of the source, or exact with a unit."""

import pytest

from transforms.problems import BadParameter
from transforms.timecode import EXPECTED, TimePoint, parse_time


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("0", TimePoint()),
        ("7", TimePoint(second=7)),
        ("007", TimePoint(second=7)),
        ("86399", TimePoint(second=86399)),
        ("86399.99", TimePoint(second=86399, frame=99)),
        ("1.5", TimePoint(second=1, frame=5)),
        ("1.05", TimePoint(second=1, frame=5)),
        ("1.50", TimePoint(second=1, frame=50)),
        ("1.0", TimePoint(second=1)),
        ("1.5s", TimePoint(exact_us=1_500_000)),
        ("1500ms", TimePoint(exact_us=1_500_000)),
        ("0.000001s", TimePoint(exact_us=1)),
        ("0.001ms", TimePoint(exact_us=1)),
        ("86399.999999s", TimePoint(exact_us=86_399_999_999)),
        ("2s", TimePoint(second=2)),
        ("2000.0ms", TimePoint(second=2)),
        ("0ms", TimePoint()),
    ],
)
def test_a_time_is_read(text: str, point: TimePoint) -> None:
    assert point == parse_time("ts", text)


@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "nan", "inf", "-inf", "1e9", "-1", "+1", "٣", "1.٣", "1.005", "", " ", " 1", "1 "),
        *("1\n", "1.", ".5", "1,5", "0x10", "1_0", "1.5.5", "--1", "86400", "99999", "100000"),
        *("86400s", "86400000ms", "99999.5s", "1.5S", "1.5 s", "s", "ms", "1.s", "1.0000001s"),
        *("1.0001ms", "-1s", "1e3ms", "9" * 1000),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadParameter) as refusal:
        parse_time("te", text)

    shown = text if len(text) <= 80 else text[:79] + "…"
    assert refusal.value.details == {"parameter": "te", "value": shown, "expected": EXPECTED}


@pytest.mark.parametrize(
    ("text", "rate", "frame", "sample"),
    [
        ("1.05", 48000, 1024, 48000 + 5 * 1024),
        ("1.46", 48000, 1024, 48000 + 46 * 1024),
        ("3.43", 44100, 1024, 3 * 44100 + 43 * 1024),
        ("2.38", 44100, 1152, 2 * 44100 + 38 * 1152),
        ("2.38", 22050, 576, 2 * 22050 + 38 * 576),
        ("1.49", 48000, 960, 48000 + 49 * 960),
        ("1.99", 44100, None, 44100 + 99 * 441),
        ("1.01", 22050, None, 22050 + 220),
        ("1.03", 22050, None, 22050 + 662),
        ("86399.1", 192000, None, 86399 * 192000 + 1920),
        ("1.5s", 44100, 1152, 66150),
        ("0.00001s", 44100, 1024, 0),
        ("0.00002s", 44100, 1024, 1),
        ("333.333ms", 48000, None, 16000),
    ],
)
def test_a_time_is_a_sample_of_the_track(
    text: str, rate: int, frame: int | None, sample: int
) -> None:
    assert sample == parse_time("ts", text).to_samples(rate, frame, "ts")


@pytest.mark.parametrize(
    ("text", "rate", "frame", "last", "frames"),
    [
        ("1.47", 48000, 1024, 46, "46.875"),
        ("1.44", 44100, 1024, 43, "43.0664"),
        ("1.39", 44100, 1152, 38, "38.2812"),
        ("1.39", 22050, 576, 38, "38.2812"),
        ("1.50", 48000, 960, 49, "50"),
    ],
)
def test_a_frame_that_does_not_exist_says_how_many_do(
    text: str, rate: int, frame: int, last: int, frames: str
) -> None:
    with pytest.raises(BadParameter) as refusal:
        parse_time("te", text).to_samples(rate, frame, "te")

    assert refusal.value.details == {
        "parameter": "te",
        "value": text,
        "expected": f"a frame number from 0 to {last} after the point, because a second of this "
        f"track has {frames} frames; for decimal seconds write a unit, such as {text}s",
    }


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("1.05", "1.5"),
        ("1.50", "1.50"),
        ("01", "1"),
        ("1500ms", "1.5s"),
        ("1.000001s", "1.000001s"),
        ("2s", "2"),
        ("0.5ms", "0.0005s"),
        ("10ms", "0.01s"),
    ],
)
def test_a_time_has_one_spelling_that_reads_back(text: str, spelled: str) -> None:
    point = parse_time("ts", text)

    assert (str(point), parse_time("ts", str(point))) == (spelled, point)


@pytest.mark.parametrize(
    ("later", "earlier", "expected"),
    [
        ("2", "1.99", True),
        ("2", "2", True),
        ("1.99", "2", False),
        ("1.5s", "1500ms", True),
        ("1.4s", "1.5s", False),
        ("1.5s", "1", False),
        ("9.1", "1.5s", False),
    ],
)
def test_order_is_told_where_no_source_is_needed(later: str, earlier: str, expected: bool) -> None:
    assert expected == parse_time("ts", later).surely_not_before(parse_time("te", earlier))
