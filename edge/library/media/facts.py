"""
What a media library shows of a file: the few facts of ``f=meta`` that its lists and pages have.

Whatever is unknown, or cannot be true, is None. A dialect that has to say 0 for it, as Picora's
does, says so itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from transforms.audio.file_formats import FileFormat, file_format

# A few bytes may claim any length: an MP4 of 18 kB can say that it plays for 600 000 years.
_MOST_SECONDS = 100 * 366 * 86_400
# Ten times what 64 channels of 384 kHz and 32 bits take.
_MOST_BPS = 10_000_000_000

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A file's tags and numbers, told by the file itself."""

    title: str | None
    artist: str | None
    album: str | None

    duration_seconds: float | None
    """How long the first audio track plays, else the longest track of any kind."""

    bitrate_bps: int | None
    """Of the first audio track; of the whole file where that is not told and nothing but sound is
    in it."""

    format: FileFormat
    has_cover: bool


class _Track(msgspec.Struct, frozen=True, kw_only=True):
    """A track of ``f=meta``; only ``General`` has tags that are the recording's."""

    type: str
    format: str = ""
    codec: str | None = None
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    duration: float | None = None
    bit_rate: int | None = msgspec.field(name="bitRate", default=None)
    overall_bit_rate: int | None = msgspec.field(name="overallBitRate", default=None)
    has_cover: bool = msgspec.field(name="hasCover", default=False)
    video_count: int = msgspec.field(name="videoCount", default=0)


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    tracks: tuple[_Track, ...]


_DOCUMENT: msgspec.json.Decoder[_Document] = msgspec.json.Decoder(_Document)


def facts_of(metadata: bytes) -> Facts:
    """
    Take the facts from what ``f=meta`` answers, ``{"tracks": [General, Audio…, Video…]}``.

    Raises:
        ValueError: It is not such a document.
    """
    tracks = _DOCUMENT.decode(metadata).tracks
    general = next((track for track in tracks if track.type == "General"), None)
    if general is None:
        raise ValueError("a description without its General track")
    audio = next((track for track in tracks if track.type == "Audio"), _Track(type="Audio"))
    film = general.video_count > 0
    whole = None if film else general.overall_bit_rate
    return Facts(
        title=general.title or None,
        artist=general.artist or None,
        album=general.album or None,
        duration_seconds=_believed(_MOST_SECONDS, audio.duration, general.duration),
        bitrate_bps=_believed(_MOST_BPS, audio.bit_rate, whole),
        format=file_format(general.format, audio.codec, film=film),
        has_cover=general.has_cover,
    )


def _believed(most: int, *told: Number | None) -> Number | None:
    """Return the first number that can be true; NaN is not above 0 either."""
    return next((each for each in told if each is not None and 0 < each <= most), None)
