"""Why the two differ where we know it, as rules over both descriptions of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

REASONS = {
    "played": (
        "We say what a player plays: priming and padding that the file states (edit list, LAME "
        "header, Opus pre-skip, Matroska's CodecDelay) are left out, and what the packets hold is "
        "counted. MediaInfo repeats the container's rounded duration or multiplies frames."
    ),
    "edit list": (
        "An edit list hides packets. We count those that libavformat hands on, some of which are "
        "only needed before what is heard; MediaInfo calculates how many the edit list shows."
    ),
    "shorter time": (
        "MediaInfo divides the bytes by the header's duration, cut at the edit list or at a last "
        "packet that is stated as shorter or longer; we by all that the packets hold."
    ),
    "delay": (
        "The sound begins later than at 0; MediaInfo counts from 0, we from where it begins."
    ),
    "header": (
        "MediaInfo repeats what a header claims: a nominal bit rate, or FLV's flag for stereo. We "
        "count packets and read the codec's own configuration."
    ),
    "calculated": (
        "MediaInfo multiplies a duration that the header states by the frame rate; we count "
        "packets."
    ),
    "milliseconds": (
        "FLV's times are in milliseconds, from which we count; MediaInfo reads H.264's own rate."
    ),
    "remainder": (
        "The container states no bit rate for pictures; MediaInfo takes what is left of the file's "
        "after the sound's and an overhead it supposes. We count packets."
    ),
    "whole file": (
        "MediaInfo's rate of an MP3 file is that of its sound; ours has tags and pictures in it, "
        "as in all other formats."
    ),
    "Opus at 48 kHz": (
        "Opus is decoded at 48 kHz; MediaInfo repeats the rate of what was encoded (RFC 7845, "
        "section 5.1)."
    ),
    "PCM samples": "MediaInfo counts PCM's samples as frames; there are no frames in PCM.",
    "program clock": "MediaInfo takes the span of MPEG-TS's clock; we count frames.",
    "essence label": "libavformat does not tell MXF's label of the essence.",
    "second tag": "ID3v2 and ID3v1 contradict each other; libavformat takes ID3v1's in ADTS.",
    "one packet": "MediaInfo does not count a video track of one packet in an MPEG-PS.",
    "no packets": "There is no packet of the track in the file, so we do not say.",
    "markers": "MediaInfo finds ASF's markers but does not list them.",
    "G.711": "MediaInfo calls A-law and µ-law ADPCM; they are companded PCM (ITU-T G.711).",
    "3GPP boxes": "libavformat does not read the tags of 3GPP TS 26.244, section 8.",
    "no picture decoder": (
        "The container does not state how large the pictures are, and we have no decoder for them."
    ),
    "RIFF names": (
        "MediaInfo takes RIFF's track number (``IPRT``) for a part's, as RIFF's list of tags has "
        "it; programs that write sound mean the track."
    ),
    "accompaniment": "MediaInfo takes ASF's album artist for the performer.",
}


# More than any encoder adds at either end.
_MOST_PADDING_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Both descriptions of a file, and of the track in question."""

    ours: Sequence[Mapping[str, object]]
    theirs: Sequence[Mapping[str, object]]
    mine: Mapping[str, object]
    other: Mapping[str, object]

    @property
    def container(self) -> object:
        """The container, as we name it."""
        return self.ours[0]["format"] if self.ours else ""


def reason_for(field: str, where: Where) -> str:
    """Name the first reason that explains a difference; empty if none does."""
    rules = _RULES.get(field, ())
    return next((name for name, holds in rules if holds(where)), "")


def _in(*names: str) -> Callable[[Where], bool]:
    return lambda where: where.container in names


def _codec(*names: str) -> Callable[[Where], bool]:
    return lambda where: where.mine.get("codec") in names


def _empty(where: Where) -> bool:
    return not where.mine.get("frameCount") and not where.mine.get("duration")


def _unread(where: Where) -> bool:
    tags = {"title", "artist", "album", "genre", "copyright"}
    return where.container == "MPEG-4" and not tags & where.mine.keys()


def _film(where: Where) -> bool:
    return where.mine.get("type") == "Video"


def _sound(where: Where) -> bool:
    return where.mine.get("type") == "Audio"


def _closely(where: Where) -> bool:
    """Whether durations are as far apart as priming, padding and rounding may put them."""
    mine, other = (one.get("duration") for one in (where.mine, where.other))
    if not isinstance(mine, float) or not isinstance(other, float):
        return False
    return abs(mine - other) < _MOST_PADDING_SECONDS


def _all(*rules: Callable[[Where], bool]) -> Callable[[Where], bool]:
    return lambda where: all(rule(where) for rule in rules)


_MPEG4 = _in("MPEG-4")
_FLASH = _in("Flash Video")

# For each field the reasons that may hold, the likeliest first.
_RULES: Mapping[str, Sequence[tuple[str, Callable[[Where], bool]]]] = {
    "duration": (
        ("no packets", _empty),
        ("program clock", _in("MPEG-TS")),
        ("delay", _FLASH),
        ("calculated", _all(_film, _in("Windows Media"))),
        ("played", _closely),
    ),
    "overallBitRate": (
        ("program clock", _in("MPEG-TS")),
        ("delay", _FLASH),
        ("whole file", _in("MPEG Audio")),
        ("played", _closely),
    ),
    "bitRate": (
        ("remainder", _all(_film, _in("Flash Video", "Windows Media", "Matroska", "WebM"))),
        ("header", _all(_sound, _in("Flash Video", "AVI"))),
        ("header", _codec("Vorbis", "MPEG Audio")),
        ("shorter time", _MPEG4),
    ),
    "bitRateMode": (
        ("no packets", _empty),
        ("header", _codec("Vorbis", "AAC")),
    ),
    "frameCount": (
        ("no packets", _empty),
        ("PCM samples", _codec("PCM")),
        ("edit list", _MPEG4),
        ("program clock", _in("MPEG-TS")),
        ("calculated", _in("Windows Media")),
    ),
    "frameRate": (("no packets", _empty), ("milliseconds", _FLASH)),
    "channels": (("header", _FLASH),),
    "samplingRate": (("Opus at 48 kHz", _codec("Opus")),),
    "codec": (("G.711", _codec("PCM")),),
    "codecId": (("essence label", _in("MXF")),),
    "videoCount": (("one packet", _in("MPEG-PS")),),
    "chapters": (("markers", _in("Windows Media")),),
    "artist": (
        ("second tag", _in("ADTS")),
        ("accompaniment", _in("Windows Media")),
        ("3GPP boxes", _unread),
    ),
    **{name: (("3GPP boxes", _unread),) for name in ("title", "album", "genre", "copyright")},
    "width": (("no picture decoder", _film),),
    "height": (("no picture decoder", _film),),
    "disc": (("RIFF names", _in("Wave", "AVI")),),
}
