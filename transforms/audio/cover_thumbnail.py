"""A picture for every file: its cover, or else the icon of its format."""

from __future__ import annotations

import av

from transforms.audio.cover import read_cover
from transforms.audio.describe.codec_names import audio_codec_name, container_name
from transforms.audio.describe.film import films
from transforms.audio.file_formats import FileFormat, file_format
from transforms.audio.icons import icon
from transforms.audio.open import open_container
from transforms.problems import UnsupportedMedia
from transforms.sources import Source


def thumbnail(source: Source, *, cover: bool = True) -> bytes:
    """
    Make the JPEG that stands for a file in lists.

    Args:
        source: The bytes.

        cover: Whether to look for a picture in the file; one that cannot be used is as good as
            none. Without it, nothing that is in the file is decoded.

    Raises:
        UnsupportedMedia: No allowed demuxer knows the file.
    """
    named = format_of(source)
    if cover:
        try:
            return read_cover(source)
        except (UnsupportedMedia, av.error.FFmpegError):
            # What can be opened and has no cover to show still has a format.
            pass
    return icon(named)


def format_of(source: Source) -> FileFormat:
    """Name a file's format by its contents; raises as ``thumbnail``."""
    with open_container(source) as container:
        audio = next(iter(container.streams.audio), None)
        context = audio.codec_context if audio is not None else None
        return file_format(
            container_name(source, container),
            audio_codec_name(context.codec.name) if context is not None else None,
            film=bool(films(container)),
        )
