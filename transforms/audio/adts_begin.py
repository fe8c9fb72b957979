"""
Where an ADTS stream begins that something else is in front of: the end of a frame, or junk.

libavformat takes for a frame whatever looks like the header of one, and with it the frames that
are within its supposed length; what it says of its rate would be taken for the stream's.
"""

from __future__ import annotations

from transforms.audio.chain import Link
from transforms.audio.open import open_container
from transforms.problems import UnsupportedMedia
from transforms.sources import Source

_LOOKED_AT_BYTES = 1 << 16
_HEADER_BYTES = 7
_SYNCS = (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9")

# So many frames of one kind on end are no accident.
_FRAMES = 8


def from_first_frame(source: Source) -> Source:
    """Leave out what is before an ADTS stream's first frame; anything else stays as it is."""
    head = source.read_at(0, min(_LOOKED_AT_BYTES, source.size_bytes))
    if head.startswith((b"ID3", *_SYNCS)):
        return source
    found = (head.find(sync) for sync in _SYNCS)
    at = min((place for place in found if place > 0), default=-1)
    while at > 0 and not _follow_each_other(head, at):
        found = (head.find(sync, at + 1) for sync in _SYNCS)
        at = min((place for place in found if place > 0), default=-1)
    return Link(source, at, source.size_bytes) if at > 0 and _is_adts(source) else source


def _is_adts(source: Source) -> bool:
    """Other containers may have such frames in them, one after another."""
    try:
        with open_container(source) as container:
            return container.format.name == "aac"
    except UnsupportedMedia:
        return False


def _follow_each_other(head: bytes, at: int) -> bool:
    """ISO 14496-3, section 1.A.2.2: each frame says how long it is, and all else stays."""
    kind: bytes | None = None
    for _ in range(_FRAMES):
        if len(head) < at + _HEADER_BYTES or (kind or _kind(head, at)) != _kind(head, at):
            return False
        kind = _kind(head, at)
        size = (head[at + 3] & 3) << 11 | head[at + 4] << 3 | head[at + 5] >> 5
        if size < _HEADER_BYTES:
            return False
        at += size
    return True


def _kind(head: bytes, at: int) -> bytes:
    """Sync word, profile, rate and channels."""
    return bytes((head[at], head[at + 1], head[at + 2] & 0xFD, head[at + 3] & 0xC0))
