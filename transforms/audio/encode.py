"""
AAC, encoded in stretches: sound in, packets of 1024 samples out.

A timeline is cut into stretches of whole frames, and each is encoded by an encoder of its own that
has heard a few frames before it. So a stretch's packets depend on the sound and the stretch alone,
not on what was encoded before, in which thread or in what order; joined, they are one stream whose
packets are numbered as those of a single encoder would be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec import CodecContext

from transforms.audio.aac_policy import aac_options
from transforms.audio.filters import Block
from transforms.plan import Encoding

AAC_FRAME_SAMPLES = 1024
AAC_PRIMING_SAMPLES = 1024

# A packet overlaps the one before it, the encoder chooses between long and short windows by what
# it has heard, and its rate control has to settle: after 8 frames a tone could still click at a
# join, after 16 no join was told from its surroundings (tests/transforms/audio/test_encode.py).
PRE_ROLL_FRAMES = 16

# The encoder gives a packet when it has the frame after the one that the packet overlaps with, by
# which it chooses the window.
LOOK_AHEAD_FRAMES = 2

# PyAV cuts larger frames itself, which takes a tenth of the time that Python would.
_FED_SAMPLES = 32 * AAC_FRAME_SAMPLES

_LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """
    A run of frames and the sound that encoding it takes.

    ``sound`` begins, at ``first_sample``, ``PRE_ROLL_FRAMES`` before ``first_frame`` and ends
    ``LOOK_AHEAD_FRAMES`` after ``end_frame``, or where the timeline does. The last stretch goes on
    to the end: its ``end_frame`` is ``None``.
    """

    number: int
    first_frame: int
    end_frame: int | None
    first_sample: int
    sound: Sequence[Block]

    @property
    def first_packet(self) -> int:
        """The number of the first packet; packet 0 is priming, packet n ends frame n - 1."""
        return self.first_frame + 1 if self.first_frame else 0

    @property
    def end_sample(self) -> int:
        """Where the stretch ends on the timeline."""
        if self.end_frame is not None:
            return self.end_frame * AAC_FRAME_SAMPLES
        return self.first_sample + sum(int(block.shape[1]) for block in self.sound)


def encode_stretch(encoding: Encoding, stretch: Stretch) -> list[bytes]:
    """Encode one stretch; the packets are numbered from ``first_packet`` on."""
    encoded = _packets(encoding, stretch.sound)
    heard = stretch.first_sample // AAC_FRAME_SAMPLES
    # Packets are numbered from where the encoder began, and its own priming is in packet 0.
    drop = stretch.first_packet - heard
    if stretch.end_frame is None:
        return list(encoded)[drop:]
    wanted = stretch.end_frame - heard + 1
    packets: list[bytes] = []
    for packet in encoded:
        packets.append(packet)
        if len(packets) == wanted:
            break
    return packets[drop:]


def _packets(encoding: Encoding, sound: Sequence[Block]) -> Iterator[bytes]:
    layout = _LAYOUTS[encoding.channels]
    context = CodecContext.create("aac", "w")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate = encoding.sample_rate_hz
    context.layout = layout
    context.format = "fltp"
    context.bit_rate = encoding.bitrate_bps or 0
    context.options = dict(aac_options(encoding))
    at = 0
    for block in sound:
        for first in range(0, block.shape[1], _FED_SAMPLES):
            piece = np.ascontiguousarray(block[:, first : first + _FED_SAMPLES])
            frame = AudioFrame.from_ndarray(piece, "fltp", layout)
            frame.sample_rate = encoding.sample_rate_hz
            frame.pts = at
            at += piece.shape[1]
            for packet in context.encode(frame):
                yield bytes(packet)
    for packet in context.encode(None):
        yield bytes(packet)
