"""The table of formats against the seed's price list and artifact names."""

from fractions import Fraction

import pytest

from transforms.formats import FORMATS, SINGLE_FILES, Answer, Format
from transforms.render.single import PARALLEL_WRITERS, WRITERS


def test_every_format_has_a_row_and_every_single_file_a_writer() -> None:
    assert set(Format) == set(FORMATS)
    assert set(SINGLE_FILES) == set(WRITERS) | set(PARALLEL_WRITERS)


@pytest.mark.parametrize(
    ("output", "multiplier", "artifact", "answer"),
    [
        (Format.MP3, Fraction("0.75"), "/audio.mp3", Answer.JOB),
        (Format.AAC, Fraction("0.75"), "/audio.aac", Answer.JOB),
        (Format.WAV_RIFF, Fraction("1.15"), "/audio.wav", Answer.JOB),
        (Format.WAV_RF64, Fraction("1.15"), "/audio.wav", Answer.JOB),
        (Format.HLS_AAC, Fraction("0.75"), "/audio.m3u8", Answer.JOB),
        (Format.HLS_AAC_RT, Fraction("0.75"), "/audio.m3u8", Answer.PLAYLIST),
        (Format.HTML_AAC, Fraction("0.75"), "/audio.m3u8", Answer.PAGE),
        (Format.META, Fraction(0), None, Answer.METADATA),
        (Format.FLAC, Fraction("1.15"), "/audio.flac", Answer.JOB),
        (Format.OPUS, Fraction("0.75"), "/audio.opus", Answer.JOB),
    ],
)
def test_prices_artifacts_and_answers_are_the_seeds(
    output: Format, multiplier: Fraction, artifact: str | None, answer: Answer
) -> None:
    spec = FORMATS[output]

    assert (multiplier, artifact, answer) == (spec.multiplier, spec.artifact, spec.answer)
