"""What is known of a sound in the library, and what somebody wants to be known of one."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from edge.ids import audio_id
from edge.library.catalogue.entry import FileEntry


class Quality(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    A named way in which a sound is to be had as a stream.

    ``protocol`` is ``hls`` or ``dash``, ``container`` that of its segments (``ts`` or ``mp4``),
    ``track`` counts the file's audio tracks from 0, ``language`` is a BCP 47 tag.
    """

    name: str
    protocol: str
    container: str
    bitrate_bps: int | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None
    language: str | None = None
    track: int = 0


class Draft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What is said of a file before it is there.

    Without a title it gets the one in its tags, or its name; ``public`` of None is as its folder.
    ``note`` is only for whoever sends it, to be told again while the file comes.
    """

    title: str | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, object] = {}
    public: bool | None = None
    qualities: tuple[Quality, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be known of media from now on; None leaves a thing as it is."""

    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    metadata: Mapping[str, object] | None = None
    public: bool | None = None
    player_theme: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """
    What a file says of itself; ``flaw`` tells why it is no sound, if it is none.

    ``title``, ``artist`` and ``album`` are its tags; ``thumbnail`` the blob of a JPEG.
    """

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    duration_seconds: float | None = None
    bitrate_bps: int | None = None
    format: str | None = None
    flaw: str | None = None
    thumbnail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """
    A sound in an account's library, or another file; announced, there, or deleted.

    ``public`` of None is as the folder of the file says. Times are milliseconds since the Unix
    epoch.
    """

    id: str
    account: str
    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict)
    qualities: tuple[Quality, ...] = ()
    public: bool | None = None
    player_theme: str | None = None
    described_ms: int | None = None
    artist: str | None = None
    album: str | None = None
    duration_seconds: float | None = None
    bitrate_bps: int | None = None
    format: str | None = None
    flaw: str | None = None
    thumbnail: str | None = None
    created_ms: int
    updated_ms: int
    deleted_ms: int | None = None
    file: FileEntry | None = None

    @property
    def name(self) -> str:
        """What to call it: its title, or the name of its file."""
        if self.title or self.file is None:
            return self.title
        return stem_of(self.file.original_name or self.file.path)


# Where the pictures of media can be had, as Picora has it: no folder, but as good as one.
THUMBNAIL_PATH = "/thumbnails/{id}.jpg"


def thumbnail_paths(media_id: str) -> tuple[str, ...]:
    """List the paths of media's picture: their id may be spelt in two ways."""
    return tuple(THUMBNAIL_PATH.format(id=each) for each in (media_id, audio_id(media_id)))


def new_media_id() -> str:
    """Return a fresh id, a random UUID (RFC 9562, version 4)."""
    return str(uuid.uuid4())


def is_media_id(text: str) -> bool:
    """Tell whether *text* is an id as ``new_media_id`` spells them."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def stem_of(path: str) -> str:
    """Return the name of a file without folder and extension."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def folded(text: str) -> str:
    """Spell a text as it is searched: no difference of case, width or ligature matters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
