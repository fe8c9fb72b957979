"""
The parts of a segmented artifact: how they are called, and what they are while nobody made them.

HLS and DASH list the same files, so that one run of the engine serves either.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from transforms.manifests.grid import FRAME_SAMPLES, Grid
from transforms.plan import Container, Segment

INITIALISATION_NAME = "init.mp4"
MEDIA_TYPES = {Container.TS: "video/mp2t", Container.MP4: "audio/mp4"}

# AAC-LC (RFC 6381, 3.3; ISO 14496-3, table 1.17).
CODEC = "mp4a.40.2"

_EXTENSIONS = {Container.TS: "ts", Container.MP4: "m4s"}


def extension(container: Container) -> str:
    """Name what the names of segments end in, with its dot."""
    return f".{_EXTENSIONS[container]}"


def variant_folder(variant: int) -> str:
    """Name the folder of a variant's files: ``/0f`` for the first (seed, Example 6)."""
    return f"/{variant}f"


def initialisation_path(variant: int) -> str:
    """Name a variant's Media Initialization Section."""
    return f"{variant_folder(variant)}/{INITIALISATION_NAME}"


def segment_path(variant: int, number: int, container: Container) -> str:
    """Name a segment of a variant."""
    return f"{variant_folder(variant)}/{number}.{_EXTENSIONS[container]}"


def planned_segments(
    grid: Grid, samples: int, *, variant: int, sample_rate_hz: int, container: Container
) -> tuple[Segment, ...]:
    """List a variant's segments before they are made; nobody knows their sizes yet."""
    count = grid.segments(samples, sample_rate_hz)
    starts = [grid.first_frame(n, sample_rate_hz) * FRAME_SAMPLES for n in range(count)]
    return tuple(
        Segment(
            variant=variant,
            path=segment_path(variant, number, container),
            first_sample=start,
            samples=end - start,
            sample_rate_hz=sample_rate_hz,
            size_bytes=0,
        )
        for number, (start, end) in enumerate(pairwise([*starts, samples]))
    )


def total_samples(segments: Iterable[Segment]) -> int:
    """Add up the timeline that segments hold, in samples."""
    return sum(segment.samples for segment in segments)


def bps(bits: int, samples: int, sample_rate_hz: int) -> int:
    """Tell the bit rate of so many bits in so many samples, rounded up."""
    return -(-bits * sample_rate_hz // samples)
