"""Every kind of file that people have: read, cut anywhere, and nothing moved."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A voice with a click in it, as a file of some kind, and all that is decoded of it."""

    kind: Input
    click_at: int
    content: bytes
    heard: NDArray[np.generic]


# Tests of one kind stand together, so its file is made once, and kept no longer than they last.
@pytest.fixture(scope="module", params=INPUTS)
def recording(request: pytest.FixtureRequest) -> Recording:
    kind = INPUTS[request.param]
    # No whole number of anybody's frames.
    samples = SECONDS * kind.rate + 123
    at = samples * 3 // 5
    voice = 0.3 * synth.speech(samples, rate=kind.rate, channels=kind.channels)
    click = synth.burst(samples, at=at, rate=kind.rate, channels=kind.channels)
    content = kind.encode(voice + click)
    return Recording(kind=kind, click_at=at, content=content, heard=samples_of(content))


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


def test_what_is_cut_apart_fits_together(recording: Recording) -> None:
    """``concat(trim(0, t), trim(t, end)) == whole``, in the decoded domain."""
    whole = recording.heard

    for cut in (1, 1023, recording.kind.rate + 77, whole.shape[1] - 1):
        halves = samples_of(recording.content, end=cut), samples_of(recording.content, start=cut)
        assert halves[0].shape[1] == cut
        assert np.array_equal(np.concatenate(halves, axis=1), whole)


def test_a_click_stays_where_it_was(recording: Recording) -> None:
    kind = recording.kind
    heard = recording.heard.astype(np.float64)

    off = heard[0] - np.median(heard[0])
    tolerance = 2 + 80_000 // kind.rate + kind.rate // 100_000
    # At low rates the click is a few samples wide and a codec may move its crest by some.
    found = int(np.argmax(np.abs(off)))
    assert abs(found - recording.click_at - kind.late_samples) <= tolerance


def test_its_length_is_known_before_it_is_decoded(recording: Recording) -> None:
    kind = recording.kind

    facts = survey(MemorySource(recording.content), exact=True)

    decoded = recording.heard.shape[1]
    assert (facts.exact, facts.sample_rate_hz, facts.channels) == (
        *(kind.exact, kind.rate, kind.channels),
    )
    assert facts.samples == decoded or not facts.exact
    assert abs((facts.samples or 0) - decoded) <= 8192


def test_it_can_be_made_into_something_else(recording: Recording) -> None:
    made = make("f=wav-riff", recording.content)

    assert measure.decode(made.content)[0].shape[1] == made.report.samples
    assert made.report.samples == made.planned_samples or not made.resolved.exact


def test_it_can_be_described(recording: Recording) -> None:
    kind = recording.kind
    tracks = probe(MemorySource(recording.content))["tracks"]

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
