"""The shape of sound: audiowaveform's JSON, and the drawing of it."""

import io
import re

import msgspec
import numpy as np

from tests.support import synth
from tests.support.synth import Sound
from transforms.audio import peaks
from transforms.plan import Encoding


def drawing(points: int, channels: int = 1) -> Encoding:
    return Encoding(
        bitrate_bps=None,
        average=False,
        sample_rate_hz=48000,
        channels=channels,
        bit_depth=None,
        points=points,
    )


def written(sound: Sound, points: int) -> dict[str, object]:
    file = io.BytesIO()
    peaks.write_json(file, drawing(points, sound.shape[0]), {}, [sound])
    document: dict[str, object] = msgspec.json.decode(file.getvalue())
    return document


def test_every_point_has_the_least_and_the_greatest_sample_of_its_stretch() -> None:
    left = np.repeat(np.float32([0.5, -1.0, 0.0, 1.0]), 640)
    right = np.repeat(np.float32([-0.25, 0.25, 0.75, 0.0]), 640)
    right[0] = 0.5
    expected = {
        "version": 2,
        "channels": 2,
        "sample_rate": 48000,
        "samples_per_pixel": 640,
        "bits": 8,
        "length": 4,
        "data": [64, 64, -32, 64, -127, -127, 32, 32, 0, 0, 95, 95, 127, 127, 0, 0],
    }

    assert written(np.stack((left, right)), 4) == expected


def test_there_are_never_more_points_than_asked_for() -> None:
    lengths = {
        (samples, points): written(synth.noise(samples), points)["length"]
        for samples in (1, 63, 64, 65, 100_000, 99_999)
        for points in (1, 7, 1000)
    }

    assert all(1 <= int(str(length)) <= points for (_, points), length in lengths.items())


def test_a_short_sound_has_a_point_for_every_64_samples() -> None:
    document = written(synth.noise(640), 1000)

    assert (document["samples_per_pixel"], document["length"]) == (64, 10)


def test_samples_that_are_no_numbers_are_drawn_as_silence() -> None:
    assert written(np.full((1, 64), np.nan, np.float32), 1)["data"] == [0, 0]


def test_the_drawing_is_as_wide_as_its_points_and_as_high_as_its_sound() -> None:
    sound = np.repeat(np.float32([1.0, 0.0]), 64)[np.newaxis]
    file = io.BytesIO()
    peaks.write_svg(file, drawing(2), {}, [sound])
    svg = file.getvalue().decode()
    outline = re.search(r' d="([^"]*)"', svg)

    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 256"')
    assert outline is not None
    assert outline[1] == "M0 1 1 128 1 129 0 129Z"
