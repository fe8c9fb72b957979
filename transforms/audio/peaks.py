"""
The shape of a timeline for drawing: the least and the greatest sample of every stretch.

Written as the JSON of BBC's audiowaveform (its "JSON Data Format", version 2), which players such
as Peaks.js and wavesurfer.js read, or drawn as SVG.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from transforms.audio.filters import Block, rechunk
from transforms.plan import Encoding

# Extremes are kept this finely until the length is known: 4 bytes a millisecond.
_GRAIN_SAMPLES = 64

_HEIGHT = 256
_FULL_SCALE_8_BITS = 127


def write_json(
    file: BinaryIO, encoding: Encoding, tags: Mapping[str, str], blocks: Iterable[Block]
) -> None:
    """Write audiowaveform's JSON: 8-bit minima and maxima, channels interleaved."""
    extremes, samples_a_point = _extremes(encoding, blocks)
    points = extremes.shape[1]
    document = {
        "version": 2,
        "channels": encoding.channels,
        "sample_rate": encoding.sample_rate_hz,
        "samples_per_pixel": samples_a_point,
        "bits": 8,
        "length": points,
        # (channels, points, 2) to point after point, channel after channel.
        "data": extremes.transpose(1, 0, 2).reshape(-1).tolist(),
    }
    file.write(msgspec.json.encode(document))


def write_svg(
    file: BinaryIO, encoding: Encoding, tags: Mapping[str, str], blocks: Iterable[Block]
) -> None:
    """Draw one closed outline a channel, one unit a point wide, in the colour of the text."""
    extremes, _ = _extremes(encoding, blocks)
    points = extremes.shape[1]
    height = _HEIGHT * encoding.channels
    outlines = "".join(
        f'<path d="{_outline(channel, _HEIGHT * number + _HEIGHT // 2)}"/>'
        for number, channel in enumerate(extremes)
    )
    file.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {points} {height}" '
        f'preserveAspectRatio="none" fill="currentColor">{outlines}</svg>'.encode()
    )


def _outline(channel: NDArray[Any], middle: int) -> str:
    """Go along the maxima and back along the minima, at least one unit high everywhere."""
    wide = channel.astype(np.int32)
    top = middle - np.maximum(wide[:, 1], 0)
    bottom = middle - np.minimum(wide[:, 0], -1)
    there = " ".join(f"{x} {y}" for x, y in enumerate(top.tolist()))
    back = " ".join(f"{x} {y}" for x, y in reversed(list(enumerate(bottom.tolist()))))
    return f"M{there} {back}Z"


def _extremes(encoding: Encoding, blocks: Iterable[Block]) -> tuple[NDArray[Any], int]:
    """
    Reduce a timeline to at most the wanted number of points.

    Returns:
        ``(channels, points, 2)`` int8 minima and maxima in [-128, 127], and samples a point.
    """
    grains = [_grain(block) for block in rechunk(blocks, _GRAIN_SAMPLES * 1024)]
    fine = np.concatenate(grains, axis=1)
    together = max(1, -(-fine.shape[1] // (encoding.points or 1)))
    first = np.arange(0, fine.shape[1], together)
    least = np.minimum.reduceat(fine[:, :, 0], first, axis=1)
    greatest = np.maximum.reduceat(fine[:, :, 1], first, axis=1)
    return np.stack((least, greatest), axis=2), _GRAIN_SAMPLES * together


def _grain(block: Block) -> NDArray[Any]:
    """Reduce a block to the 8-bit extremes of every grain; the last one may be short."""
    first = np.arange(0, block.shape[1], _GRAIN_SAMPLES)
    least = np.minimum.reduceat(block, first, axis=1)
    greatest = np.maximum.reduceat(block, first, axis=1)
    scaled = np.rint(np.nan_to_num(np.stack((least, greatest), axis=2)) * _FULL_SCALE_8_BITS)
    small: NDArray[Any] = np.clip(scaled, -128, 127).astype(np.int8)
    return small
