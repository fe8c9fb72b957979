from __future__ import annotations

import numpy as np
import pytest

from tests.support.pictures import seen
from transforms.audio.file_formats import FileFormat
from transforms.audio.icons import ICONS, OTHER, SIDE, Icon, draw, icon

WHITE = 250


@pytest.mark.parametrize("of", FileFormat)
def test_every_format_has_an_icon(of: FileFormat) -> None:
    jpeg = icon(of)

    assert seen(jpeg)[:2] == (SIDE, SIDE)
    assert len(jpeg) < 40_000


@pytest.mark.parametrize(
    ("of", "most", "least"),
    [
        (FileFormat.MP3, "red", "blue"),
        (FileFormat.M4A, "blue", "red"),
        (FileFormat.FLAC, "green", "red"),
        (FileFormat.OGG, "blue", "green"),
    ],
)
def test_the_colours_are_those_of_the_document(of: FileFormat, most: str, least: str) -> None:
    means = dict(zip(("red", "green", "blue"), seen(icon(of))[2], strict=True))
    order = sorted(means, key=lambda colour: means[colour])

    assert (order[-1], order[0]) == (most, least)
    assert means[most] - means[least] > 40


def test_a_wave_file_is_grey() -> None:
    means = seen(icon(FileFormat.WAV))[2]

    assert max(means) - min(means) < 25


def test_formats_that_differ_look_different() -> None:
    drawn = {icon(of) for of in ICONS}

    # M4A and AAC share theirs, and so do the two kinds of WAV.
    assert len(drawn) == len(ICONS) - 2
    assert icon(FileFormat.OTHER) not in drawn
    assert icon(FileFormat.MKV) == icon(FileFormat.OTHER)


@pytest.mark.parametrize("what", [*ICONS.values(), OTHER])
def test_the_glyph_is_white_smooth_and_in_the_middle(what: Icon) -> None:
    pixels = draw(what)
    white = (pixels > WHITE).all(axis=2)
    rows, columns = (np.flatnonzero(white.any(axis=axis)) for axis in (1, 0))

    assert 0.04 < white.mean() < 0.4
    for along in (rows, columns):
        assert along[0] > SIDE * 0.2
        assert abs((along[0] + along[-1]) / 2 - SIDE / 2) < SIDE * 0.04
    # Between white and colour lie pixels that are partly both.
    beside = np.diff(pixels.astype(int).sum(axis=2), axis=1)
    assert np.abs(beside).max() < 3 * 255


def test_drawing_twice_makes_the_same_bytes() -> None:
    assert icon(FileFormat.MP3) == icon(FileFormat.MP3)
