"""
What a file is called by people, ``mp3`` or ``m4a``, told from what is in it and not from its name.

The words are those of the usual file extensions. MediaInfo's names of containers and codecs, which
``f=meta`` speaks in, are the input, so that whoever has that document needs not the file as well.
"""

from __future__ import annotations

from enum import StrEnum


class FileFormat(StrEnum):
    """A kind of audio or film file, by its usual extension."""

    AAC = "aac"
    AC3 = "ac3"
    AIFF = "aiff"
    AMR = "amr"
    AU = "au"
    AVI = "avi"
    CAF = "caf"
    DTS = "dts"
    DV = "dv"
    EAC3 = "eac3"
    FLAC = "flac"
    FLV = "flv"
    M4A = "m4a"
    MKA = "mka"
    MKV = "mkv"
    MP3 = "mp3"
    MP4 = "mp4"
    MPG = "mpg"
    MXF = "mxf"
    OGG = "ogg"
    OGV = "ogv"
    OTHER = "other"
    THREE_GP = "3gp"
    TS = "ts"
    TTA = "tta"
    W64 = "w64"
    WAV = "wav"
    WEBM = "webm"
    WMA = "wma"
    WMV = "wmv"
    WV = "wv"


_BY_CONTAINER = {
    **{"MPEG Audio": FileFormat.MP3, "ADTS": FileFormat.AAC, "FLAC": FileFormat.FLAC},
    **{"Wave": FileFormat.WAV, "Wave64": FileFormat.W64, "Ogg": FileFormat.OGG},
    **{"MPEG-4": FileFormat.M4A, "Matroska": FileFormat.MKA, "WebM": FileFormat.WEBM},
    **{"Windows Media": FileFormat.WMA, "AIFF": FileFormat.AIFF, "AU": FileFormat.AU},
    **{"CAF": FileFormat.CAF, "AMR": FileFormat.AMR, "AC-3": FileFormat.AC3},
    **{"E-AC-3": FileFormat.EAC3, "DTS": FileFormat.DTS, "TTA": FileFormat.TTA},
    **{"WavPack": FileFormat.WV, "MPEG-TS": FileFormat.TS, "MPEG-PS": FileFormat.MPG},
    **{"MPEG Video": FileFormat.MPG, "AVI": FileFormat.AVI, "Flash Video": FileFormat.FLV},
    **{"MXF": FileFormat.MXF, "DV": FileFormat.DV},
}

# The same containers are called otherwise where there are moving pictures in them.
_WITH_FILM = {
    FileFormat.M4A: FileFormat.MP4,
    FileFormat.MKA: FileFormat.MKV,
    FileFormat.OGG: FileFormat.OGV,
    FileFormat.WMA: FileFormat.WMV,
}


def file_format(container: str, codec: str | None, *, film: bool) -> FileFormat:
    """
    Name a file's format.

    Args:
        container: MediaInfo's name, as ``General`` has it under ``format``.

        codec: MediaInfo's name of the first audio track's codec, if there is one.

        film: Whether there are moving pictures; a cover is none.

    An Ogg file is ``ogg`` whether Vorbis, Opus or FLAC is in it. MPEG-1 layers I and II count as
    ``mp3``, because MediaInfo's name for the three layers is one.
    """
    named = _BY_CONTAINER.get(container, FileFormat.OTHER)
    if named is FileFormat.M4A and codec == "AMR":
        return FileFormat.THREE_GP
    return _WITH_FILM.get(named, named) if film else named
