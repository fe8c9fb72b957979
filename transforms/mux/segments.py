"""
What the muxers of HLS segments have in common: packets of AAC in, one segment's bytes out.

Their packets are those of ``transforms.audio.encode``: AAC-LC raw data blocks of 1024
samples, of which number 0 is the encoder's priming, so that the sound begins with number 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from transforms.audio.encode import AAC_FRAME_SAMPLES


class SegmentMuxer(Protocol):
    """One variant's muxer: what it makes of a segment depends on nothing but that segment."""

    extension: str
    media_type: str

    def initialisation(self) -> bytes | None:
        """Make the Media Initialization Section (RFC 8216, 3); ``None`` if there is none."""

    def segment(
        self,
        packets: Sequence[bytes],
        *,
        number: int,
        first_packet: int,
        padding_samples: int = 0,
    ) -> bytes:
        """
        Mux one segment.

        Args:
            packets: One AAC frame each, without ADTS headers.

            number: The segment's own, from 0.

            first_packet: The number of ``packets[0]`` in the stream.

            padding_samples: How many of the packets' samples, not all of them, lie past the end
                of the sound; more than none in the last segment only.
        """


def audible(packets: Sequence[bytes], padding_samples: int) -> Sequence[bytes]:
    """
    Leave out the packets at the end that hold nothing but padding.

    No decoder needs them: what a packet decodes to depends on itself and the one before it. In
    MP4 a duration of zero would not do, Chromium plays such a packet in full.
    """
    whole = padding_samples // AAC_FRAME_SAMPLES
    return packets[: len(packets) - whole] if whole else packets
