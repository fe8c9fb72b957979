"""
Picora's JSON and fields: between them and the library's nouns.

Picora writes some names in two ways; both are read, and both are sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypedDict
from urllib.parse import quote

import msgspec

from edge.ids import audio_id
from edge.library.media.media import Change, Draft, Media

MOST_TAGS = 10
MOST_TAG_CHARACTERS = 64
MOST_TITLE_CHARACTERS = 255
MOST_DESCRIPTION_CHARACTERS = 5000
MOST_NAME_CHARACTERS = 255

TYPES = ("audio", "video", "image")

# What can be said of a file, by all of its names.
FIELDS = {
    "title": "title",
    "description": "description",
    "isPublic": "isPublic",
    "is_public": "isPublic",
    "tags": "tags",
    "tags[]": "tags",
}

_SWITCH = {"true": True, "1": True, "false": False, "0": False}


class BadField(ValueError):
    """A field whose value is none; the text says what would be."""

    def __init__(self, field: str, message: str, value: object = None) -> None:
        super().__init__(message)
        self.field = field
        self.value = value


class AudioBody(TypedDict):
    """A file of audio, in the order of the document, then what it has beside that."""

    id: str
    url: str
    thumbnail_url: str | None
    title: str
    filename: str
    sizeBytes: int
    durationSeconds: int
    bitrate: int
    isPublic: bool
    createdAt: str
    updatedAt: str
    thumbnailUrl: str | None
    duration_seconds: int
    is_public: bool
    artist: str | None
    album: str | None
    type: str
    format: str | None
    mimeType: str
    description: str
    tags: tuple[str, ...]


class Patch(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be known of a file from now on."""

    title: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET
    is_public_camel: bool | msgspec.UnsetType = msgspec.field(
        name="isPublic", default=msgspec.UNSET
    )
    is_public: bool | msgspec.UnsetType = msgspec.UNSET
    tags: tuple[str, ...] | str | msgspec.UnsetType = msgspec.UNSET

    def change(self) -> Change:
        """
        Say it in the library's words.

        Raises:
            BadField: A value is none.
        """
        known = [
            each
            for each in (self.is_public_camel, self.is_public)
            if not isinstance(each, msgspec.UnsetType)
        ]
        title, description, tags = self.title, self.description, self.tags
        if not isinstance(title, msgspec.UnsetType) and not title.strip():
            raise BadField("title", "A title is not empty.", title)
        return Change(
            title=None if isinstance(title, msgspec.UnsetType) else title_of(title),
            description=(
                None
                if isinstance(description, msgspec.UnsetType)
                else description_of(description or "")
            ),
            public=_agreed(known),
            tags=(
                None
                if isinstance(tags, msgspec.UnsetType)
                else tags_of([tags] if isinstance(tags, str) else tags, cut=isinstance(tags, str))
            ),
        )


def draft_of(said: Iterable[tuple[str, str]], *, note: str | None = None) -> Draft:
    """
    Put together what is said of a file in fields of text, whose names are keys of ``FIELDS``.

    Raises:
        BadField: A value is none, or one is said twice.
    """
    values: dict[str, list[str]] = {}
    for name, value in said:
        values.setdefault(FIELDS[name], []).append(value)
    for name in ("title", "description"):
        if len(values.get(name, ())) > 1:
            raise BadField(name, f"There is more than one {name}.")
    title, description = (values.get(name, [""])[0] for name in ("title", "description"))
    return Draft(
        title=title_of(title) or None,
        description=description_of(description),
        public=_agreed([_switch_of(text) for text in values.get("isPublic", ())]),
        tags=tags_of(values.get("tags", ()), cut=True),
        note=note,
    )


def title_of(text: str) -> str:
    """Read a title."""
    return _text("title", text.strip(), MOST_TITLE_CHARACTERS)


def description_of(text: str) -> str:
    """Read a description."""
    return _text("description", text.strip(), MOST_DESCRIPTION_CHARACTERS)


def words_of(text: str) -> str:
    """Read what is looked for."""
    return _text("q", text.strip(), MOST_TITLE_CHARACTERS)


def name_of(text: str | None) -> str | None:
    """Read the name of a file, of which only the last part counts."""
    name = (text or "").replace("\\", "/").rpartition("/")[2].strip()
    return _text("filename", name, MOST_NAME_CHARACTERS) or None


def tags_of(texts: Iterable[str], *, cut: bool, field: str = "tags") -> tuple[str, ...]:
    """Read tags, each once; with *cut*, a text may be several with commas between."""
    split = (part for text in texts for part in (_tags_in(text) if cut else [text]))
    tags = tuple(dict.fromkeys(tag for part in split if (tag := part.strip())))
    if len(tags) > MOST_TAGS:
        raise BadField(field, f"A file has up to {MOST_TAGS} tags.", len(tags))
    for tag in tags:
        if len(tag) > MOST_TAG_CHARACTERS or not tag.isprintable():
            raise BadField(
                field, f"A tag has up to {MOST_TAG_CHARACTERS} printable characters.", tag[:100]
            )
    return tags


def _tags_in(text: str) -> list[str]:
    """Cut a text into tags: a JSON list, which is how scripts put one into a form, or commas."""
    if not text.lstrip().startswith("["):
        return text.split(",")
    try:
        return msgspec.json.decode(text, type=list[str])
    except (msgspec.DecodeError, RecursionError):
        raise BadField(
            "tags", "Tags are texts with commas between, or a JSON list.", text[:100]
        ) from None


def audio_body(media: Media, base_url: str) -> AudioBody:
    """Describe a file; what nobody could find out is 0."""
    file = media.file
    assert file is not None, "media without their file are not shown"
    known, storage = audio_id(media.id), f"{base_url}/{media.account}/raw"
    thumbnail = None if media.thumbnail is None else f"{storage}/thumbnails/{known}.jpg"
    seconds = _seconds(media.duration_seconds)
    public = "*" in file.grants or "raw" in file.grants
    return AudioBody(
        id=known,
        url=storage + quote(file.path),
        thumbnail_url=thumbnail,
        title=media.name,
        filename=file.original_name or file.path.rpartition("/")[2],
        sizeBytes=file.size_bytes,
        durationSeconds=seconds,
        bitrate=round((media.bitrate_bps or 0) / 1000),
        isPublic=public,
        createdAt=_moment(media.created_ms),
        updatedAt=_moment(media.updated_ms),
        thumbnailUrl=thumbnail,
        duration_seconds=seconds,
        is_public=public,
        artist=media.artist,
        album=media.album,
        type="audio",
        format=media.format,
        mimeType=file.mime,
        description=media.description,
        tags=media.tags,
    )


def told(data: object) -> dict[str, object]:
    """Wrap what is answered."""
    return {"success": True, "data": data}


def refused(code: str, message: str, details: Mapping[str, object]) -> dict[str, object]:
    """Wrap why something is refused."""
    error: dict[str, object] = {"code": code, "message": message}
    if details:
        error["details"] = dict(details)
    return {"success": False, "error": error}


def page_body(found: Sequence[Media], cursor: str | None, base_url: str) -> dict[str, object]:
    """List files, and where the list goes on."""
    items = [audio_body(media, base_url) for media in found]
    return {**told(items), "nextCursor": cursor, "hasMore": cursor is not None}


def _text(field: str, text: str, most: int) -> str:
    if len(text) > most:
        raise BadField(field, f"It has up to {most} characters; this has {len(text)}.")
    if "\0" in text:
        raise BadField(field, "It has no NUL characters.")
    return text


def _switch_of(text: str) -> bool:
    try:
        return _SWITCH[text.strip().lower()]
    except KeyError:
        raise BadField("isPublic", "It is true or false.", text[:100]) from None


def _agreed(said: Sequence[bool]) -> bool | None:
    if len(set(said)) > 1:
        raise BadField("isPublic", "isPublic and is_public say different things.")
    return said[0] if said else None


def _seconds(duration: float | None) -> int:
    """Round, but not to 0, which means that nobody knows."""
    return max(1, round(duration)) if duration else 0


def _moment(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
