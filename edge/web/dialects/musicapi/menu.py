"""
What MusicAPI's document names in its menu and this product does not do.

The document gives these no paths; they are the ones that the names suggest, with words joined by
``-`` or ``_``.
"""

from __future__ import annotations

from typing import Final

_OF_SONIC: Final = {
    **dict.fromkeys(
        ("create", "extend", "cover", "remaster", "concat", "add-vocals", "add-instrumental"),
        "Making music",
    ),
    **dict.fromkeys(("upload-extend", "upload-cover", "replace-section"), "Making music"),
    **dict.fromkeys(("sample", "mashup", "batch"), "Making music"),
    "persona": "Making personas",
    "vox": "Taking voices out of music",
    **dict.fromkeys(("stems", "stems/basic", "stems/full"), "Taking music apart"),
    "midi": "Writing music down as MIDI",
    **dict.fromkeys(("lyrics", "lyrics-timeline", "aligned-lyrics"), "Timing lyrics"),
    "upsample-tags": "Describing styles",
}
# Other families of endpoints, each below a path of its own.
FAMILIES: Final = {
    "riffusion": "Making music",
    "producer": "Making music",
    "studio": "Making music",
    "nuro": "Making music",
    "lyrics": "Writing lyrics",
}


def left_out(rest: str) -> str | None:
    """Say what an endpoint below ``/api/v1/sonic/`` would be for; None if there is none."""
    return _OF_SONIC.get(rest.strip("/").replace("_", "-").lower())
