"""LAME called directly: what goes in survives, whatever it is."""

import numpy as np
import pytest

from tests.support import measure, synth
from transforms.audio.filters import Block
from transforms.audio.lame import LameEncoder, load
from transforms.plan import Encoding
from transforms.problems import RenderFailed


def encoding(*, rate: int = 44100, channels: int = 1, kbps: int = 128) -> Encoding:
    return Encoding(
        bitrate_bps=kbps * 1000,
        average=False,
        sample_rate_hz=rate,
        channels=channels,
        bit_depth=None,
    )


def encoded(block: Block, settings: Encoding) -> bytes:
    library = load()
    assert library is not None
    with LameEncoder(library, settings) as encoder:
        stream = b"".join(encoder.encode([block]))
        tag = encoder.tag_frame()
    return tag + stream[len(tag) :]


def test_a_lame_is_found_and_kept() -> None:
    library = load()

    assert library is not None
    assert library.origin in ("lameenc", "system")
    assert load() is library


@pytest.mark.parametrize("nonsense", [np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-42])
@pytest.mark.parametrize("channels", [1, 2])
def test_nonsense_does_not_end_the_process(nonsense: float, channels: int) -> None:
    block = synth.tone(5000, rate=44100, channels=channels)
    block[:, 2000:2100] = nonsense

    sound, _ = measure.decode(encoded(block, encoding(channels=channels)))

    assert sound.shape == (channels, 5000)
    assert np.all(np.isfinite(sound))


def test_samples_past_full_scale_are_clipped_not_wrapped() -> None:
    loud = synth.tone(20_000, rate=44100, amplitude=2.0)

    sound, _ = measure.decode(encoded(loud, encoding()))

    assert measure.snr_db(np.clip(loud, -1, 1), sound) > 20


def test_left_and_right_stay_where_they_are() -> None:
    both = np.concatenate((synth.tone(20_000, rate=44100), synth.silence(20_000)))

    sound, _ = measure.decode(encoded(both, encoding(channels=2)))

    assert (measure.level(sound[:1]) > 0.3, measure.level(sound[1:]) < 0.01) == (True, True)


def test_settings_that_no_lame_takes_are_a_failure() -> None:
    library = load()
    assert library is not None

    with pytest.raises(RenderFailed):
        LameEncoder(library, encoding(rate=12345, channels=7))


def test_closing_twice_does_nothing() -> None:
    library = load()
    assert library is not None
    encoder = LameEncoder(library, encoding())

    encoder.close()
    encoder.close()


def test_what_is_encoded_does_not_depend_on_how_it_comes() -> None:
    library = load()
    assert library is not None
    sound = synth.noise(50_000, channels=1)
    with LameEncoder(library, encoding()) as encoder:
        pieces = [*encoder.go_on([sound[:, :700]]), *encoder.go_on([sound[:, 700:]])]
        stream = b"".join((*pieces, encoder.end()))
        tag = encoder.tag_frame()

    assert tag + stream[len(tag) :] == encoded(sound, encoding())


def test_one_that_was_closed_encodes_no_more() -> None:
    library = load()
    assert library is not None
    encoder = LameEncoder(library, encoding())
    encoder.close()

    with pytest.raises(RenderFailed):
        encoder.end()


def test_one_that_is_dropped_is_freed() -> None:
    library = load()
    assert library is not None
    encoder = LameEncoder(library, encoding())
    free = encoder._free

    del encoder

    assert not free.alive
