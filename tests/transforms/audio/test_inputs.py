"""Every kind of file that people have: read, cut anywhere, and nothing moved."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import measure, synth
from tests.support.engine import make
from tests.support.inputs import INPUTS, SEED_ROWS, Input, pictures
from tests.support.memory import MemorySource
from transforms.audio.decode import decode
from transforms.audio.describe.probe import probe
from transforms.audio.survey import survey
from transforms.problems import UnsupportedMedia

SECONDS = 2
KINDS = pytest.mark.parametrize("name", INPUTS)


def sound_of(kind: Input) -> tuple[synth.Sound, int]:
    """A voice with a click in it, and where that is; no whole number of anybody's frames."""
    samples = SECONDS * kind.rate + 123
    at = samples * 3 // 5
    voice = 0.3 * synth.speech(samples, rate=kind.rate, channels=kind.channels)
    return voice + synth.burst(samples, at=at, rate=kind.rate, channels=kind.channels), at


def samples_of(content: bytes, start: int = 0, end: int | None = None) -> NDArray[np.generic]:
    pieces = []
    for frame in decode(MemorySource(content), start=start, end=end):
        piece = frame.to_ndarray()
        if not frame.format.is_planar:
            piece = piece.reshape(-1, frame.layout.nb_channels).T
        pieces.append(piece)
    return np.concatenate(pieces, axis=1)


def test_every_row_of_the_tables_has_a_file() -> None:
    assert {kind.row for kind in INPUTS.values()} >= set(SEED_ROWS)


@KINDS
def test_what_is_cut_apart_fits_together(name: str) -> None:
    """``concat(trim(0, t), trim(t, end)) == whole``, in the decoded domain."""
    kind = INPUTS[name]
    content = kind.encode(sound_of(kind)[0])
    whole = samples_of(content)

    for cut in (1, 1023, kind.rate + 77, whole.shape[1] - 1):
        halves = samples_of(content, end=cut), samples_of(content, start=cut)
        assert halves[0].shape[1] == cut
        assert np.array_equal(np.concatenate(halves, axis=1), whole)


@KINDS
def test_a_click_stays_where_it_was(name: str) -> None:
    kind = INPUTS[name]
    sound, at = sound_of(kind)

    heard = samples_of(kind.encode(sound)).astype(np.float64)

    off = heard[0] - np.median(heard[0])
    tolerance = 2 + 80_000 // kind.rate + kind.rate // 100_000
    # At low rates the click is a few samples wide and a codec may move its crest by some.
    assert abs(int(np.argmax(np.abs(off))) - at - kind.late_samples) <= tolerance


@KINDS
def test_its_length_is_known_before_it_is_decoded(name: str) -> None:
    kind = INPUTS[name]
    content = kind.encode(sound_of(kind)[0])

    facts = survey(MemorySource(content), exact=True)

    decoded = samples_of(content).shape[1]
    assert (facts.exact, facts.sample_rate_hz, facts.channels) == (
        *(kind.exact, kind.rate, kind.channels),
    )
    assert facts.samples == decoded or not facts.exact
    assert abs((facts.samples or 0) - decoded) <= 8192


@KINDS
def test_it_can_be_made_into_something_else(name: str) -> None:
    kind = INPUTS[name]
    made = make("f=wav-riff", kind.encode(sound_of(kind)[0]))

    assert measure.decode(made.content)[0].shape[1] == made.report.samples
    assert made.report.samples == made.planned_samples or not made.resolved.exact


@KINDS
def test_it_can_be_described(name: str) -> None:
    kind = INPUTS[name]
    tracks = probe(MemorySource(kind.encode(sound_of(kind)[0])))["tracks"]

    assert isinstance(tracks, list)
    general, audio, *others = tracks
    assert (general["type"], audio["type"]) == ("General", "Audio")
    assert (audio["samplingRate"], audio["channels"]) == (kind.rate, kind.channels)
    assert abs(audio["duration"] - SECONDS) < 0.1
    assert [other["type"] for other in others] == (["Video"] if kind.video else [])


@pytest.mark.parametrize(
    ("codec", "container"),
    [
        ("mpeg2video", "mpeg2video"),
        ("mpeg1video", "mpeg1video"),
        ("mpeg4", "mp4"),
        ("mpeg2video", "mpegts"),
        ("mpeg4", "avi"),
        ("libvpx", "webm"),
    ],
)
def test_pictures_without_sound_are_refused_clearly(codec: str, container: str) -> None:
    with pytest.raises(UnsupportedMedia) as refusal:
        samples_of(pictures(codec, container))

    assert (refusal.value.code, refusal.value.message) == (
        "no_audio",
        "The file has no audio track.",
    )
