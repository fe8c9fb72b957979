"""
Channel layouts that are safe to touch.

libav has layouts of three kinds: a count, a mask of well-known places, and a list of its own for
everything else. PyAV 18 copies the list's pointer and frees it twice, which kills the process; so a
list is kept from being freed by it, and replaced by a mask before anything is decoded.
"""

from __future__ import annotations

import ctypes
import re

from av.audio.codeccontext import AudioCodecContext
from av.audio.layout import AudioLayout

_USUAL = {
    **{1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"},
}
# Places in the order of a mask's bits (<libavutil/channel_layout.h>); a list has them otherwise.
_PLACES = (
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC"),
    *("TFR", "TBL", "TBC", "TBR", "DL", "DR", "WL", "WR", "SDL", "SDR", "LFE2", "TSL", "TSR"),
    *("BFC", "BFL", "BFR"),
)
_SPELT_OUT = re.compile(r"\d+ channels \((.+)\)")


def is_list(layout: AudioLayout) -> bool:
    """Tell whether a layout is a list, and if so keep PyAV from freeing it."""
    places = _places(layout)
    if places is None or _is_in_order(places):
        return False
    # A reference that nobody gives back, not even the interpreter when it ends.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
    return True


def channels_of(context: AudioCodecContext) -> int:
    """Count a track's channels; its layout is not to be asked for in any other way."""
    layout = context.layout
    is_list(layout)
    return layout.nb_channels


def settle(context: AudioCodecContext) -> tuple[int, ...] | None:
    """
    Give a track that has not been decoded a layout that is no list.

    Returns:
        For each channel of the new layout, which of the decoded ones it is; None if they are in
        their places.
    """
    layout = context.layout
    places = _places(layout)
    if places is None or not is_list(layout):
        return None
    if len(set(places)) < len(places) or not set(places) <= set(_PLACES):
        # Nobody knows where these belong; taken for the usual ones they can at least be heard.
        context.layout = _USUAL.get(len(places), f"{len(places)} channels")
        return None
    ordered = sorted(places, key=_PLACES.index)
    context.layout = "+".join(ordered)
    return tuple(places.index(place) for place in ordered)


def _places(layout: AudioLayout) -> list[str] | None:
    match = _SPELT_OUT.fullmatch(layout.name)
    return match[1].split("+") if match else None


def _is_in_order(places: list[str]) -> bool:
    ranks = [_PLACES.index(place) for place in places if place in _PLACES]
    return len(ranks) == len(places) and ranks == sorted(set(ranks))
