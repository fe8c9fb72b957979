"""AAC packets and how they are cut into segments: what the segment muxers are tried with."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import av
import numpy as np
from hypothesis import strategies as st

from tests.support import synth
from tests.support.synth import Sound
from transforms.audio.stretches import encode_whole
from transforms.mux.adts import header
from transforms.mux.segments import SegmentMuxer
from transforms.plan import Encoding

RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
FRAME = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One variant's packets, priming first, and the sound they were made of."""

    encoding: Encoding
    packets: tuple[bytes, ...] = field(repr=False)
    sound: Sound = field(repr=False)

    @property
    def samples(self) -> int:
        return self.sound.shape[1]

    @property
    def padding(self) -> int:
        return (len(self.packets) - 1) * FRAME - self.samples

    def decoded(self) -> Sound:
        """What the packets decode to, in the simplest stream there is, priming and padding too."""
        return decoded(b"".join(map(self.with_header, self.packets)), "aac")

    def with_header(self, packet: bytes) -> bytes:
        return header(len(packet), self.encoding.sample_rate_hz, self.encoding.channels) + packet

    def segments(self, muxer: SegmentMuxer, cuts: Sequence[int]) -> list[bytes]:
        """Mux everything, in segments that begin with packet 0 and those in *cuts*."""
        bounds = [0, *cuts, len(self.packets)]
        return [
            muxer.segment(
                self.packets[first:end],
                number=number,
                first_packet=first,
                padding_samples=self.padding if end == len(self.packets) else 0,
            )
            for number, (first, end) in enumerate(pairwise(bounds))
        ]


def encoding(rate: int = 48000, channels: int = 2, bps: int = 96_000) -> Encoding:
    return Encoding(
        bitrate_bps=bps, average=False, sample_rate_hz=rate, channels=channels, bit_depth=None
    )


@cache
def encode(
    kind: str, samples: int, *, rate: int = 48000, channels: int = 2, bps: int = 96_000
) -> Stream:
    """Encode one of ``synth``'s sounds; its burst is in the middle."""
    match kind:
        case "silence":
            sound = synth.silence(samples, channels=channels)
        case "noise":
            sound = synth.noise(samples, channels=channels)
        case "burst":
            sound = synth.burst(samples, at=samples // 2, rate=rate, channels=channels)
        case _:
            sound = synth.sweep(samples, rate=rate, channels=channels)
    chosen = encoding(rate, channels, bps)
    return Stream(encoding=chosen, packets=tuple(encode_whole(chosen, [sound])), sound=sound)


@st.composite
def streams(draw: st.DrawFn, *, most_samples: int = 80_000) -> Stream:
    """Any sound at any bitrate, rate and channel count."""
    rate, channels = draw(st.sampled_from(RATES)), draw(st.sampled_from([1, 2]))
    most_bps = min(576_000, 6 * rate * channels)
    bps = draw(st.sampled_from([16_000, 32_000, 96_000, 256_000, 576_000]))
    return encode(
        draw(st.sampled_from(["silence", "noise", "sweep"])),
        draw(st.integers(1, most_samples)),
        rate=rate,
        channels=channels,
        bps=min(bps, most_bps),
    )


@st.composite
def segmentations(draw: st.DrawFn) -> tuple[Stream, list[int]]:
    """A stream and where it is cut."""
    stream = draw(streams())
    places = st.integers(1, len(stream.packets) - 1)
    return stream, sorted(draw(st.sets(places, max_size=6)))


def packets_of(content: bytes, kind: str) -> list[av.Packet]:
    """
    Demux a file's only track; libav must find nothing wrong with it.

    It is told the *kind*: less than ten transport packets it may take for MPEG-PS.
    """
    with av.open(io.BytesIO(content), format=kind) as container:
        (stream,) = container.streams
        made = [packet for packet in container.demux(stream) if packet.size]
    assert not any(packet.is_corrupt or packet.is_discard for packet in made)
    return made


def decoded(content: bytes, kind: str) -> Sound:
    """Decode a file with libav, nothing trimmed that libav does not trim."""
    with av.open(io.BytesIO(content), format=kind) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(frames, axis=1)
