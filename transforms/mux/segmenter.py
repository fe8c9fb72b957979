"""
Cutting a variant's packets where the grid says.

Packet 0 is the encoder's priming and comes with the first segment; from then on packet ``n`` ends
the sound's frame ``n - 1``. So a cut never falls into a frame, and nothing is encoded twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from transforms.manifests.grid import CRUMB_SECONDS, FRAME_SAMPLES, Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """
    The packets of one segment, and the stretch of sound they stand for.

    ``padding_samples`` are those past the end of the sound, in the last segment only.
    """

    packets: Sequence[bytes]
    first_packet: int
    first_sample: int
    samples: int
    padding_samples: int = 0


def cut(
    packets: Iterable[bytes],
    grid: Grid,
    sample_rate_hz: int,
    samples_in: Callable[[], int],
) -> Iterator[Cut]:
    """
    Divide a variant's packets into segments.

    Args:
        packets: One AAC frame each, the priming first.

        samples_in: Tells, once the packets have ended, how many samples went into the encoder.
    """
    crumb_frames = max(1, int(CRUMB_SECONDS * sample_rate_hz / FRAME_SAMPLES))
    held: list[bytes] = []
    first = number = 0
    begin, end = (grid.first_frame(boundary, sample_rate_hz) for boundary in (0, 1))
    for packet in packets:
        held.append(packet)
        if first + len(held) - 1 - end < crumb_frames:
            continue
        count = end + 1 - first
        yield Cut(
            packets=held[:count],
            first_packet=first,
            first_sample=begin * FRAME_SAMPLES,
            samples=(end - begin) * FRAME_SAMPLES,
        )
        held = held[count:]
        number += 1
        first, begin, end = end + 1, end, grid.first_frame(number + 1, sample_rate_hz)
    samples = samples_in()
    yield Cut(
        packets=held,
        first_packet=first,
        first_sample=begin * FRAME_SAMPLES,
        samples=samples - begin * FRAME_SAMPLES,
        padding_samples=(first + len(held) - 1) * FRAME_SAMPLES - samples,
    )
