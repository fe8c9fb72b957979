"""AAC packets: one for every 1024 samples, whoever encoded those before them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import aac, synth
from tests.support.synth import Sound
from transforms.audio.encode import (
    AAC_FRAME_SAMPLES,
    AAC_PRIMING_SAMPLES,
    Stretch,
    encode_stretch,
)
from transforms.audio.stretches import encode_whole, stretches
from transforms.plan import Encoding

FRAME = AAC_FRAME_SAMPLES
RATE = 48_000

# ISO 14496-3, 4.5.2.1.1: only long, start, short, stop; and which of them may follow which.
ONLY_LONG, START, SHORT, STOP = range(4)
MAY_FOLLOW = {
    ONLY_LONG: (ONLY_LONG, START),
    START: (SHORT,),
    SHORT: (SHORT, STOP),
    STOP: (ONLY_LONG, START),
}


def encoding(kbps: int, channels: int = 2, rate: int = RATE) -> Encoding:
    return Encoding(
        bitrate_bps=kbps * 1000,
        average=False,
        sample_rate_hz=rate,
        channels=channels,
        bit_depth=None,
    )


def joined(sound: Sound, chosen: Encoding, frames: int) -> list[bytes]:
    """Encode in stretches of so many frames, the last of them first."""
    pieces = list(stretches([sound], lambda number: number * frames))
    made = {piece.number: encode_stretch(chosen, piece) for piece in reversed(pieces)}
    return [packet for _, packets in sorted(made.items()) for packet in packets]


def in_one(sound: Sound, chosen: Encoding) -> list[bytes]:
    whole = Stretch(number=0, first_frame=0, end_frame=None, first_sample=0, sound=[sound])
    return encode_stretch(chosen, whole)


def heard(packets: Sequence[bytes], chosen: Encoding) -> Sound:
    stream = aac.Stream(encoding=chosen, packets=tuple(packets), sound=np.zeros((1, 0), np.float32))
    return stream.decoded()[:, AAC_PRIMING_SAMPLES:]


def window_sequence(packet: bytes) -> int:
    """Read the window sequence of a packet's first channel (ISO 14496-3, tables 4.4 to 4.11)."""
    bits = "".join(f"{byte:08b}" for byte in packet[:64])
    if bits[:3] == "110":  # A fill element, in which libavcodec says its name now and then.
        count = int(bits[3:7], 2)
        extra = int(bits[7:15], 2) - 1 if count == 15 else 0
        bits = bits[(15 if count == 15 else 7) + 8 * (count + extra) :]
    paired, common = bits[:3] == "001", bits[7] == "1"
    assert paired or bits[:3] == "000"
    # The element's tag, then the global gain where it comes first, then a reserved bit.
    at = (9 if common else 17) if paired else 16
    return int(bits[at : at + 2], 2)


def attacks(samples: int, *, every_samples: int) -> Sound:
    """Noise that starts abruptly again and again: what short windows are for."""
    sound = synth.noise(samples, channels=2, amplitude=0.02)
    for at in range(every_samples, samples - 4000, every_samples):
        ring = np.exp(-np.arange(4000) / 600).astype(np.float32)
        sound[:, at : at + 4000] += ring * synth.noise(4000, channels=2, amplitude=0.8)
    return sound


@pytest.mark.parametrize("samples", [1, 1023, 1024, 1025, 10_240, 48_000])
def test_packets_hold_priming_and_every_sample(samples: int) -> None:
    packets = in_one(synth.noise(samples, channels=2), encoding(96))

    assert all(packets)
    assert len(packets) * FRAME >= samples + AAC_PRIMING_SAMPLES


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 60_000), st.integers(1, 40), st.sampled_from([1, 2]), st.integers(1, 50_000))
def test_stretches_make_as_many_packets_as_one_encoder(
    samples: int, frames: int, channels: int, block: int
) -> None:
    chosen = encoding(64 * channels, channels)
    sound = synth.sweep(samples, rate=RATE, channels=channels)

    packets = joined(sound, chosen, frames)

    assert len(packets) == len(in_one(sound, chosen))
    blocks = [sound[:, first : first + block] for first in range(0, samples, block)]
    pieces = stretches(blocks, lambda number: number * frames)
    assert packets == [p for piece in pieces for p in encode_stretch(chosen, piece)]


@pytest.mark.parametrize("kbps", [48, 96, 192])
def test_windows_follow_each_other_legally_across_joins(kbps: int) -> None:
    chosen = encoding(kbps)
    short = 0
    for every_samples in (4_700, 7_001, 9_973):
        packets = joined(attacks(6 * RATE, every_samples=every_samples), chosen, 7)
        for before, after in itertools.pairwise(map(window_sequence, packets)):
            assert after in MAY_FOLLOW[before]
            short += after == SHORT
    assert short > 50, "else nothing was tried"


def noise_to_signal_db(sound: Sound, made: Sound) -> Sound:
    """The coding noise of each frame, relative to its sound."""
    frames = min(sound.shape[1], made.shape[1]) // FRAME
    whole = sound[:, : frames * FRAME], made[:, : frames * FRAME]
    noise, signal = (
        np.square(part).reshape(part.shape[0], frames, FRAME).sum(axis=(0, 2)) + 1e-6
        for part in (whole[1] - whole[0], whole[0])
    )
    ratio: Sound = 10 * np.log10(noise / signal)
    return ratio


@pytest.mark.parametrize("kbps", [64, 128])
def test_joins_are_no_noisier_than_the_rest(kbps: int) -> None:
    chosen = encoding(kbps)
    for sound in (
        synth.speech(12 * RATE, rate=RATE, channels=2),
        attacks(12 * RATE, every_samples=11_003),
    ):
        one = noise_to_signal_db(sound, heard(in_one(sound, chosen), chosen))
        many = noise_to_signal_db(sound, heard(joined(sound, chosen, 24), chosen))
        joins = np.arange(len(one)) % 24 <= 1
        joins[:2] = False

        # Single frames differ by more, up and down, as the encoder's reservoir comes and goes.
        assert float((many - one)[joins].mean()) < 1.0
        assert np.percentile((many - one)[joins], 90) <= max(
            3.0, np.percentile(np.abs((many - one)[~joins]), 99)
        )


@pytest.mark.parametrize("kbps", [64, 128, 192])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_tone_does_not_click_where_stretches_join(rate: int, kbps: int) -> None:
    chosen = encoding(kbps, rate=rate)
    tone = synth.tone(4 * rate, rate=rate, channels=2)

    one, many = (
        np.abs(heard(packets, chosen)[0, : 4 * rate] - tone[0])
        for packets in (in_one(tone, chosen), joined(tone, chosen, 20))
    )
    places = range(20 * FRAME, 4 * rate - 2 * FRAME, 20 * FRAME)

    # The onset and the end of a tone are hard to encode, and what comes at once is settling.
    assert max(many[at - FRAME : at + FRAME].max() for at in places) <= max(
        one[at - FRAME : at + FRAME].max() for at in range(8 * FRAME, 4 * rate - 8 * FRAME, FRAME)
    )


@pytest.mark.parametrize("threads", [2, 5])
def test_the_number_of_threads_changes_nothing(threads: int) -> None:
    sound = synth.speech(75 * 16_000, rate=16_000)
    chosen = encoding(32, 1, 16_000)

    assert list(encode_whole(chosen, [sound])) == list(
        encode_whole(chosen, [sound], threads=threads)
    )
