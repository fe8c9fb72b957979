"""
AAC in ADTS, the ``.aac`` file (ISO 13818-7, 6.2).

ADTS itself has no place for texts or for the length of priming and padding; an ID3 tag in front
does, and HLS made players used to one (RFC 8216, 3.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import BinaryIO

from transforms.audio.encode import AAC_FRAME_SAMPLES, AAC_PRIMING_SAMPLES
from transforms.audio.filters import Block, Counted
from transforms.audio.stretches import encode_whole
from transforms.mux.id3 import id3
from transforms.plan import Encoding

HEADER_BYTES = 7

# ISO 14496-3, table 1.18.
RATE_INDEX = {
    **{96000: 0, 88200: 1, 64000: 2, 48000: 3, 44100: 4, 32000: 5, 24000: 6},
    **{22050: 7, 16000: 8, 12000: 9, 11025: 10, 8000: 11},
}
_LC = 1


def write(
    file: BinaryIO,
    encoding: Encoding,
    tags: Mapping[str, str],
    blocks: Iterable[Block],
    *,
    threads: int = 1,
) -> None:
    """Write an ADTS file with its tag in front."""
    # The tag's size does not depend on its numbers, so it is written again when they are known.
    file.write(id3(tags, gapless=(0, 0, 0)))
    sound = Counted(blocks)
    packets = 0
    for packet in encode_whole(encoding, sound, threads=threads):
        file.write(header(len(packet), encoding.sample_rate_hz, encoding.channels) + packet)
        packets += 1
    padding = packets * AAC_FRAME_SAMPLES - AAC_PRIMING_SAMPLES - sound.samples
    file.seek(0)
    file.write(id3(tags, gapless=(AAC_PRIMING_SAMPLES, padding, sound.samples)))


def header(body_bytes: int, sample_rate_hz: int, channels: int) -> bytes:
    """Make the seven bytes before an AAC-LC frame of *body_bytes*: no CRC, one raw data block."""
    size = body_bytes + HEADER_BYTES
    rate = RATE_INDEX[sample_rate_hz]
    fullness = 0x7FF
    return bytes(
        (
            0xFF,
            0xF1,
            _LC << 6 | rate << 2 | channels >> 2,
            (channels & 3) << 6 | size >> 11,
            size >> 3 & 0xFF,
            (size & 7) << 5 | fullness >> 6,
            (fullness & 0x3F) << 2,
        )
    )
