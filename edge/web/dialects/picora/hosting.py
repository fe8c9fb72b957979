"""What both ways in share: who may bring how much, where it goes, whether it is audio at all."""

from __future__ import annotations

from dataclasses import dataclass

from edge.accounts.plans import Plans
from edge.ids import audio_id
from edge.library.catalogue.entry import FileEntry
from edge.library.library import MediaLibrary
from edge.library.media.media import Draft, Media, new_media_id
from edge.library.paths import PathWish
from edge.library.uploads.intake import Wish
from edge.web.dialects.picora.formats import MIME_TYPES
from edge.web.problems import Problem
from transforms.audio.file_formats import FileFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """Lets audio in, and nothing else."""

    library: MediaLibrary
    plans: Plans

    def wish(
        self, size_bytes: int, *, format: FileFormat | None, filename: str | None, draft: Draft
    ) -> Wish:
        """Choose the id and the path of a new file."""
        media_id = new_media_id()
        return Wish(
            path=PathWish(whole=path_of(media_id, format)),
            size_bytes=size_bytes,
            mime=None if format is None else MIME_TYPES[format],
            original_name=filename,
            media=media_id,
            draft=draft,
            overwrites=False,
        )

    async def accepted(self, entry: FileEntry) -> Media:
        """
        Describe a file that has come, and let it stay if it is audio.

        Raises:
            Problem: It is none of the formats (415); nothing of it is kept.
            MediaGone, ZygoteLost, SourceProblem: As ``MediaLibrary.described`` says.
        """
        media = await self.library.described(entry)
        if media.flaw is None and media.format in MIME_TYPES:
            return media
        await self.library.delete(media.account, media.id)
        why = media.flaw or f"By its content, this is {media.format}."
        raise Problem(
            415,
            "unsupported_format",
            f"Audio is MP3, M4A or AAC, FLAC, WAV and OGG. {why}",
            details={"accepted": tuple(MIME_TYPES), "detected": media.format},
        )


def path_of(media_id: str, format: FileFormat | None) -> str:
    """Name the path of a file: ``/audio/aud_….mp3``."""
    extension = "" if format is None else f".{format}"
    return f"/audio/{audio_id(media_id)}{extension}"
