"""
Which media type a file is delivered as, by an allow-list of extensions.

A browser must never run what somebody uploaded: what is not sound, moving or still pictures, or
a playlist of them is an attachment of unknown bytes. HTML, SVG, XML (hence MPDs) and scripts are
left out on purpose. The extensions of sound and video are those of the inputs the transforms
accept, so ``.ts``, ``.tsv`` and ``.dat`` are MPEG here and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from edge.web.delivery.disposition import Disposition, content_disposition

UNKNOWN_BYTES: Final = "application/octet-stream"

_EXTENSIONS: Final = {
    # Sound
    "audio/aac": "aac adts",
    "audio/ac3": "ac3",
    "audio/aiff": "aif aiff aifc",
    "audio/amr": "amr",
    "audio/amr-wb": "awb",
    "audio/basic": "au snd",
    "audio/eac3": "eac3 ec3",
    "audio/flac": "fla flac",
    "audio/matroska": "mka",
    "audio/mp4": "m4a m4b",
    "audio/mpeg": "mp2 mp3 mpga",
    "audio/ogg": "oga ogg opus spx",
    "audio/wav": "wav wave",
    "audio/webm": "weba",
    "audio/x-ape": "ape",
    "audio/x-caf": "caf",
    "audio/x-ms-wma": "wma",
    "audio/x-wavpack": "wv",
    # Video
    "application/mxf": "mxf",
    "video/3gpp": "3gp",
    "video/3gpp2": "3g2",
    "video/iso.segment": "m4s",
    "video/matroska": "mkv",
    "video/mp2p": "m2p ps vob",
    "video/mp2t": "ts tsv m2t m2ts mts",
    "video/mp4": "mp4 mpeg4 m4v",
    "video/mpeg": "mpg mpeg mpe mpv m1v m2v dat",
    "video/ogg": "ogv",
    "video/quicktime": "mov qt",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/x-ms-asf": "asf",
    "video/x-ms-wmv": "wmv",
    "video/x-msvideo": "avi",
    # Playlists
    "application/vnd.apple.mpegurl": "m3u8",
    "audio/mpegurl": "m3u",
    # Pictures
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/jpeg": "jpg jpeg",
    "image/png": "png",
    "image/webp": "webp",
}

MEDIA_TYPES: Final = MappingProxyType(
    {
        extension: media_type
        for media_type, extensions in _EXTENSIONS.items()
        for extension in extensions.split()
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """How a file presents itself: the values of two header fields."""

    media_type: str
    disposition: str | None = None  # None leaves it to the browser, which shows or plays it


def content_of(path: str, *, download_name: str | None = None) -> Content:
    """
    Decide how the user's file at *path* presents itself.

    Args:
        path: The file's path or name, decoded.

        download_name: Name to save the file under; it makes the answer an attachment.
    """
    name = path.rpartition("/")[2]
    stem, _, extension = name.rpartition(".")
    media_type = MEDIA_TYPES.get(extension.lower()) if stem else None
    if media_type is None:
        download_name = download_name or name
    if download_name is None:
        return Content(media_type=media_type or UNKNOWN_BYTES)
    return Content(
        media_type=media_type or UNKNOWN_BYTES,
        disposition=content_disposition(Disposition.ATTACHMENT, download_name),
    )
