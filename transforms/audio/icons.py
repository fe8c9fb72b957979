"""
Pictures for files that have none: an icon in the colour of the file's format.

They are drawn, not stored, from shapes given by their signed distance (negative inside), so that
their edges are smooth at any size. Coordinates run from -1 to 1, x to the right and y down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from transforms.audio.cover import to_jpeg
from transforms.audio.file_formats import FileFormat

SIDE = 512

# (SIDE, SIDE): distances, or shares in [0, 1]; colours add an axis of three.
Plane: TypeAlias = NDArray[np.float64]
Point: TypeAlias = tuple[float, float]
Glyph: TypeAlias = Callable[[Plane, Plane], Plane]

_TILE_HALF = 0.82
_TILE_ROUND = 0.3
_CANVAS_BRIGHTNESS = 0.72
_PIXEL = 2 / SIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Icon:
    """A white glyph on a tile whose colour runs from ``light``, above, to ``deep``, sRGB."""

    light: tuple[int, int, int]
    deep: tuple[int, int, int]
    glyph: Glyph


def icon(of: FileFormat) -> bytes:
    """Draw the icon of a format as a JPEG of ``SIDE`` by ``SIDE`` pixels."""
    return to_jpeg(VideoFrame.from_ndarray(draw(ICONS.get(of, OTHER)), "rgb24"))


def draw(what: Icon) -> NDArray[np.uint8]:
    """Draw an icon: ``(SIDE, SIDE, 3)`` uint8 sRGB."""
    line = (np.arange(SIDE) + 0.5) * _PIXEL - 1
    x, y = np.meshgrid(line, line)
    light, deep = (np.array(colour, float) / 255 for colour in (what.light, what.deep))
    picture = _mixed(light, deep, 0.62 + 0.38 * y) * _CANVAS_BRIGHTNESS
    tile = _box(x, y, (0, 0), (_TILE_HALF, _TILE_HALF), _TILE_ROUND)
    picture = _over(picture, deep * 0.3, 0.5 * _blurred(tile, 0.12, drop=0.05))
    # Light falls from above and a little from the left.
    face = _mixed(light, deep, 0.5 + 0.32 * y + 0.18 * x)
    glow = 0.2 * np.exp(-((x + 0.45) ** 2 + (y + 0.6) ** 2) / 0.5)[..., None]
    picture = _over(picture, face + (1 - face) * glow, _covered(tile))
    glyph = what.glyph(x, y)
    picture = _over(picture, deep * 0.35, 0.4 * _blurred(glyph, 0.07, drop=0.02))
    picture = _over(picture, np.ones(3), _covered(glyph))
    pixels: NDArray[np.uint8] = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return pixels


def music_note(x: Plane, y: Plane) -> Plane:
    """Two quavers under one beam."""
    # The stems end where the heads are widest, so that there is no corner.
    places = ((-0.295, 0.38), (0.275, 0.26))
    heads = (_ellipse(x, y, place, (0.17, 0.13), turned=-0.35) for place in places)
    left = _box(x, y, (-0.167, 0.037), (0.038, 0.32), 0.0)
    right = _box(x, y, (0.403, -0.083), (0.038, 0.32), 0.0)
    corners = ((-0.193, -0.338), (0.429, -0.469), (0.429, -0.272), (-0.193, -0.141))
    beam = _polygon(x, y, corners) - 0.012
    return _union(*heads, left, right, beam)


def waveform(x: Plane, y: Plane) -> Plane:
    """Bars as high as a sound is loud."""
    heights = (0.1, 0.22, 0.38, 0.2, 0.5, 0.3, 0.42, 0.24, 0.1)
    middle = (len(heights) - 1) / 2
    return _union(
        *(
            _box(x, y, ((number - middle) * 0.128, 0), (0.036, height), 0.036)
            for number, height in enumerate(heights)
        )
    )


def loudspeaker(x: Plane, y: Plane) -> Plane:
    """A hi-fi loudspeaker of two ways, seen from its front."""
    cabinet = _box(x, y, (0, 0), (0.33, 0.54), 0.08)
    tweeter = _disc(x, y, (0, -0.31), 0.11)
    woofer = _disc(x, y, (0, 0.16), 0.235)
    rim = np.abs(_disc(x, y, (0, 0.16), 0.165)) - 0.016
    cap = _disc(x, y, (0, 0.16), 0.075)
    dome = _disc(x, y, (0, -0.31), 0.045)
    return _union(_without(cabinet, tweeter, woofer), rim, cap, dome)


def record(x: Plane, y: Plane) -> Plane:
    """A record with its grooves."""
    disc = _disc(x, y, (0, 0), 0.54)
    shine = _wedges(x, y, -np.pi / 4, 0.45)
    rings = (np.abs(_disc(x, y, (0, 0), radius)) - 0.012 for radius in (0.44, 0.36, 0.28))
    grooves = (np.maximum(ring, shine) for ring in rings)
    label = np.abs(_disc(x, y, (0, 0), 0.19)) - 0.02
    return _without(disc, *grooves, label, _disc(x, y, (0, 0), 0.04))


_BLUE = Icon(light=(92, 176, 255), deep=(22, 82, 214), glyph=music_note)
_GREY = Icon(light=(168, 178, 192), deep=(75, 85, 99), glyph=waveform)

# Picora's document, "ID3 cover art extraction", names five; its table puts M4A and AAC together.
ICONS: Mapping[FileFormat, Icon] = {
    FileFormat.MP3: Icon(light=(255, 176, 72), deep=(234, 84, 12), glyph=music_note),
    FileFormat.M4A: _BLUE,
    FileFormat.AAC: _BLUE,
    FileFormat.WAV: _GREY,
    FileFormat.W64: _GREY,
    FileFormat.FLAC: Icon(light=(74, 214, 132), deep=(13, 128, 72), glyph=loudspeaker),
    FileFormat.OGG: Icon(light=(190, 132, 255), deep=(110, 38, 202), glyph=music_note),
}
OTHER = Icon(light=(100, 116, 139), deep=(30, 41, 59), glyph=record)


def _covered(distance: Plane) -> Plane:
    """Tell how much of each pixel a shape covers."""
    share: Plane = np.clip(0.5 - distance / _PIXEL, 0, 1)
    return share


def _blurred(distance: Plane, width: float, *, drop: float) -> Plane:
    """Tell how dark a shape's shadow is, *drop* further down."""
    fallen = np.roll(distance, round(drop / _PIXEL), axis=0)
    share: Plane = np.clip(0.5 - fallen / (2 * width), 0, 1)
    return share * share * (3 - 2 * share)


def _mixed(first: Plane, second: Plane, share: Plane) -> Plane:
    part = np.clip(share, 0, 1)[..., None]
    return first * (1 - part) + second * part


def _over(below: Plane, colour: Plane, cover: Plane) -> Plane:
    part = cover[..., None]
    return below * (1 - part) + colour * part


def _union(*shapes: Plane) -> Plane:
    joined: Plane = reduce(np.minimum, shapes)
    return joined


def _without(shape: Plane, *holes: Plane) -> Plane:
    left: Plane = np.maximum(shape, -_union(*holes))
    return left


def _disc(x: Plane, y: Plane, centre: Point, radius: float) -> Plane:
    away: Plane = np.hypot(x - centre[0], y - centre[1])
    return away - radius


def _box(x: Plane, y: Plane, centre: Point, half: Point, corner: float) -> Plane:
    """A rectangle with round corners."""
    over_x = np.abs(x - centre[0]) - half[0] + corner
    over_y = np.abs(y - centre[1]) - half[1] + corner
    outside: Plane = np.hypot(np.maximum(over_x, 0), np.maximum(over_y, 0))
    inside: Plane = np.minimum(np.maximum(over_x, over_y), 0)
    return outside + inside - corner


def _wedges(x: Plane, y: Plane, towards: float, half: float) -> Plane:
    """Two wedges that meet in the middle, *half* radians to each side of a line *towards*."""
    along: Plane = np.abs(x * np.cos(towards) + y * np.sin(towards))
    across: Plane = np.abs(x * np.sin(towards) - y * np.cos(towards))
    return across * float(np.cos(half)) - along * float(np.sin(half))


def _ellipse(x: Plane, y: Plane, centre: Point, radii: Point, *, turned: float) -> Plane:
    """An ellipse turned by radians; its distance is of first order, good enough near its edge."""
    right, down = x - centre[0], y - centre[1]
    along = (right * np.cos(turned) + down * np.sin(turned)) / radii[0]
    across = (down * np.cos(turned) - right * np.sin(turned)) / radii[1]
    length: Plane = np.hypot(along, across)
    steepness: Plane = np.maximum(np.hypot(along / radii[0], across / radii[1]), 1e-9)
    return length * (length - 1) / steepness


def _polygon(x: Plane, y: Plane, corners: Sequence[Point]) -> Plane:
    """A convex polygon, its corners given clockwise as seen; exact inside and along its sides."""
    sides = []
    for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0]), strict=True):
        length = np.hypot(bx - ax, by - ay)
        sides.append(((x - ax) * (by - ay) - (y - ay) * (bx - ax)) / length)
    within: Plane = reduce(np.maximum, sides)
    return within
