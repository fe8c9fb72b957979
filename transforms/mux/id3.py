"""
ID3v2.4 tags, written: what MP3 and ADTS files carry their texts in.

Libraries that write ID3 are under licences this project cannot take on, and text frames are all
that is needed (ID3v2.4.0 "Main Structure" sections 3 and 4, "Native Frames" section 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping

_FRAMES = {
    "title": b"TIT2",
    "artist": b"TPE1",
    "album": b"TALB",
    "album_artist": b"TPE2",
    "composer": b"TCOM",
    "date": b"TDRC",
    "track": b"TRCK",
    "disc": b"TPOS",
    "genre": b"TCON",
    "copyright": b"TCOP",
    "publisher": b"TPUB",
    "language": b"TLAN",
}
_UTF8 = b"\x03"


def id3(tags: Mapping[str, str], *, gapless: tuple[int, int, int] | None = None) -> bytes:
    """
    Write a tag, or nothing if there is nothing to say.

    Args:
        tags: Texts by the names of ``transforms.audio.tags``.

        gapless: Priming, padding and length in samples, written as iTunes does (``iTunSMPB``)
            for streams that have no other place for them.
    """
    frames = [
        _frame(_FRAMES[name], _UTF8 + text.encode())
        for name, text in tags.items()
        if name in _FRAMES
    ]
    if "comment" in tags:
        frames.append(_comment("", tags["comment"]))
    if gapless is not None:
        priming, padding, length = gapless
        numbers = f" 00000000 {priming:08X} {padding:08X} {length:016X}" + " 00000000" * 8
        frames.append(_comment("iTunSMPB", numbers))
    if not frames:
        return b""
    body = b"".join(frames)
    return b"ID3\x04\x00\x00" + _synchsafe(len(body)) + body


def _comment(about: str, text: str) -> bytes:
    return _frame(b"COMM", _UTF8 + b"eng" + about.encode() + b"\x00" + text.encode())


def _frame(name: bytes, body: bytes) -> bytes:
    return name + _synchsafe(len(body)) + b"\x00\x00" + body


def _synchsafe(size: int) -> bytes:
    """Four bytes of seven bits each, so that no size looks like a frame's sync word."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
