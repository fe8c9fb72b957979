"""From one to sixteen channels: each is heard where it belongs when two are left."""

from __future__ import annotations

import struct
from dataclasses import replace

import av
import numpy as np
import pytest

from tests.support import measure, media, synth
from tests.support.engine import make
from tests.support.media import LAYOUTS, Recipe
from tests.support.memory import MemorySource
from transforms.audio.decode import decode
from transforms.audio.layouts import is_list
from transforms.problems import UnsupportedMedia

RATE = 48_000
SAMPLES = RATE // 4

# ITU-R BS.775-3, annex 4: the centre and the surrounds 3 dB lower, the centre of the back 3 dB
# more, the low frequencies left out; all of it scaled so that full scale is never passed.
SHARES = {
    **{"FL": (1.0, 0.0), "FR": (0.0, 1.0), "FC": (0.7071, 0.7071), "LFE": (0.0, 0.0)},
    **{"BL": (0.7071, 0.0), "BR": (0.0, 0.7071), "SL": (0.7071, 0.0), "SR": (0.0, 0.7071)},
    "BC": (0.5, 0.5),
}


def alone(channel: int, channels: int) -> synth.Sound:
    sound = np.zeros((channels, SAMPLES), np.float32)
    sound[channel] = synth.tone(SAMPLES, rate=RATE)[0]
    return sound


@pytest.mark.parametrize("kind", ["wav-16", "flac"])
@pytest.mark.parametrize("channels", [2, 3, 4, 5, 6, 7, 8])
def test_every_channel_is_mixed_to_its_side(kind: str, channels: int) -> None:
    names = [channel.name for channel in av.AudioLayout(LAYOUTS[channels]).channels]
    whole = np.sum([SHARES[name] for name in names], axis=0).max()

    for number, name in enumerate(names):
        sound = alone(number, channels)
        made = make("f=wav-riff", media.make(kind, sound, rate=RATE)).sound
        loud = [
            measure.level(made[side : side + 1]) / measure.level(sound[number : number + 1])
            for side in (0, 1)
        ]
        assert loud == pytest.approx(np.array(SHARES[name]) / whole, abs=0.005), name


def test_one_channel_stays_one_at_its_level() -> None:
    sound = alone(0, 1)
    mono, doubled = (
        make(f"f=wav-riff{more}", media.make("wav-16", sound, rate=RATE)).sound
        for more in ("", "&ch=2")
    )

    assert np.array_equal(doubled, np.repeat(mono, 2, axis=0))
    assert measure.level(mono) == pytest.approx(measure.level(sound), rel=0.001)


WIDE = [
    Recipe(container="wav", codec="pcm_s16le"),
    Recipe(container="wv", codec="wavpack", sample_format="fltp"),
    Recipe(
        container="matroska",
        codec="libopus",
        sample_format="flt",
        bitrate_bps=500_000,
        codec_options={"mapping_family": "255"},
    ),
]


@pytest.mark.parametrize("recipe", WIDE, ids=lambda recipe: recipe.codec)
@pytest.mark.parametrize("channels", [8, 10, 16])
def test_many_channels_are_cut_on_the_sample(recipe: Recipe, channels: int) -> None:
    """PyAV cannot count the planes of eight channels or more, and must not be asked to."""
    options = {} if channels == 8 else recipe.codec_options
    content = media.encode(
        replace(recipe, codec_options=options),
        synth.noise(SAMPLES, channels=channels),
        rate=RATE,
    )

    def samples(start: int, end: int | None) -> list[np.ndarray]:
        frames = decode(MemorySource(content), start=start, end=end)
        return [frame.to_ndarray().reshape(-1, channels) for frame in frames]

    whole = np.concatenate(samples(0, None))
    halves = np.concatenate([*samples(0, 1001), *samples(1001, None)])

    assert whole.shape == (SAMPLES, channels)
    assert np.array_equal(whole, halves)
    assert make("f=wav-riff", content).sound.shape == (2, SAMPLES)


@pytest.mark.parametrize("channels", [17, 64])
def test_more_channels_than_sound_has_are_refused(channels: int) -> None:
    header = media.wav_header(rate=RATE, channels=channels, data_bytes=channels * 200)

    with pytest.raises(UnsupportedMedia, match=f"claims {channels} channels; 1 to 16 are read"):
        list(decode(MemorySource(header + bytes(channels * 200))))


def test_a_track_that_turns_into_many_channels_ends_nothing_but_itself() -> None:
    """As mutated files do: the packets after the change are as good as broken."""
    two = media.make("adts", synth.noise(RATE, channels=2), rate=RATE)
    eight = media.make("adts", synth.noise(RATE, channels=8), rate=RATE)

    made = make("f=wav-riff", two + eight)

    assert made.sound.shape == (2, made.report.samples)
    assert made.report.samples == made.planned_samples


def described(sound: synth.Sound, labels: list[int]) -> bytes:
    """A CAF whose channels are described one by one (Apple's CAF 1.0, ``chan`` chunk)."""
    recipe = Recipe(container="caf", codec="pcm_s16le")
    content = media.encode(recipe, sound, rate=RATE)
    at = content.index(b"chan")
    told = struct.pack(">III", 0, 0, len(labels))
    told += b"".join(struct.pack(">II3f", label, 0, 0, 0, 0) for label in labels)
    return content[:at] + b"chan" + struct.pack(">Q", len(told)) + told + content[at + 24 :]


LEFT, RIGHT, CENTRE, LFE, LEFT_SURROUND, RIGHT_SURROUND, UNKNOWN = 1, 2, 3, 4, 5, 6, 0xFFFFFFFF


@pytest.mark.parametrize(
    ("labels", "shares"),
    [
        ([LEFT, RIGHT], [(1, 0), (0, 1)]),
        ([RIGHT, LEFT], [(0, 1), (1, 0)]),
        ([LEFT, UNKNOWN], [(1, 0), (0, 1)]),
        ([LEFT, LEFT], [(1, 0), (0, 1)]),
        (
            [CENTRE, LEFT, RIGHT, LEFT_SURROUND, RIGHT_SURROUND, LFE],
            [(0.293, 0.293), (0.414, 0), (0, 0.414), (0.293, 0), (0, 0.293), (0, 0)],
        ),
    ],
)
def test_channels_in_any_order_are_put_in_their_places(
    labels: list[int], shares: list[tuple[float, float]]
) -> None:
    for number, share in enumerate(shares):
        sound = alone(number, len(labels))
        made = make("f=wav-riff", described(sound, labels)).sound
        loud = [measure.level(made[side : side + 1]) for side in (0, 1)]

        assert np.array(loud) / measure.level(sound[number : number + 1]) == pytest.approx(
            share, abs=0.005
        )


def test_a_list_of_places_is_told_from_a_mask() -> None:
    assert is_list(av.AudioLayout("FR+FL"))
    assert not is_list(av.AudioLayout("FL+FC"))
    assert not is_list(av.AudioLayout("5.1(side)"))
    assert not is_list(av.AudioLayout("16 channels"))
