"""
What AIOZ's clients ask for, read from JSON: drafts of media, changes, and what to look for.

Every mistake is told with the name of its field, its value, and what would do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from edge.library.media.media import Change, Draft, Quality
from edge.library.media.qualities import Status, fitting_rates
from edge.library.media.store import Search, Sort
from transforms.problems import BadParameter
from transforms.rates import aac_mono_fits

MOST_LISTED: Final = 100
USUALLY_LISTED: Final = 25
MOST_QUALITIES: Final = 10
_MOST_TAGS: Final = 100
_MOST_PAIRS: Final = 100
_LONGEST_THEME: Final = 64
_MOST_SHOWN_BYTES: Final = 200

# Those of the library, whichever door says it.
_LONGEST_TITLE: Final = 255
_LONGEST_DESCRIPTION: Final = 5000
_LONGEST_TAG: Final = 255
_LONGEST_VALUE: Final = 2000
_MOST_OFFSET: Final = 2**31 - 1
_MOST_TRACKS: Final = 100

# AIOZ, "Audio Encoding Configuration": the presets, and the bitrates recommended for them. Lossless
# is a label there too, because AAC is the only codec: it is the most that AAC-LC has here.
PRESETS: Final = {
    "standard": (128_000, 44_100),
    "good": (192_000, 44_100),
    "highest": (320_000, 44_100),
    "lossless": (576_000, 48_000),
}
_CONTAINERS: Final = {"hls": {"mpegts": "ts", "mp4": "mp4"}, "dash": {"fmp4": "mp4"}}
_SAMPLE_RATES_HZ: Final = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000)
_CHANNELS: Final = {"1": 1, "2": 2}

# RFC 5646, 2.1, without its rarest forms: subtags of letters and digits, the first of letters.
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)

# What a client gets that names none: those that the document's own answer to it has.
_USUAL: Final[list[object]] = [
    {"resolution": "highest", "type": "hls"},
    {"resolution": "standard", "type": "hls"},
]

_KINDS: Final = {
    "str": "a string",
    "int": "a whole number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_MISTAKE: Final = re.compile(r"Expected `(?P<kinds>[^`]+)`.*?(?: - at `\$\.?(?P<place>.*)`)?")
_MISSING: Final = re.compile(
    r"Object missing required field `(?P<name>[^`]+)`(?: - at `\$\.?(?P<place>.*)`)?"
)

_Body = TypeVar("_Body")


class _AudioConfig(msgspec.Struct, frozen=True, kw_only=True):
    codec: str | None = None
    bitrate: int | None = None
    channels: str | int | None = None
    sample_rate: int | None = None
    language: str | None = None
    index: int | None = None


class _QualityBody(msgspec.Struct, frozen=True, kw_only=True):
    resolution: str
    type: str
    container_type: str | None = None
    audio_config: _AudioConfig | None = None


class _PairBody(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    value: str


class _MediaBody(msgspec.Struct, frozen=True, kw_only=True):
    # Elements are read one by one, so that a mistake has its place.
    type: str | None = None
    title: str | None = None
    description: str | None = None
    is_public: bool | None = None
    metadata: list[Any] | None = None
    tags: list[Any] | None = None
    qualities: list[Any] | None = None
    player_theme_id: str | None = None


class _ListBody(msgspec.Struct, frozen=True, kw_only=True):
    offset: int | None = None
    limit: int | None = None
    sort_by: str | None = None
    order_by: str | None = None
    type: str | None = None
    tags: str | list[Any] | None = None
    metadata: dict[str, Any] | list[Any] | None = None
    status: str | list[Any] | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which media somebody wants to see, and in which order."""

    search: Search
    statuses: frozenset[Status]
    sort: Sort
    descending: bool
    offset: int
    limit: int


def draft_of(raw: object) -> Draft:
    """Read what is said of media before they are there; raises ``BadParameter``."""
    body = _read(raw, _MediaBody)
    check_type(body.type)
    wished = _USUAL if body.qualities is None else body.qualities
    _limit("qualities", wished, MOST_QUALITIES)
    return Draft(
        title=_title(body.title),
        description=_short("description", body.description or "", _LONGEST_DESCRIPTION),
        tags=_tags(body.tags or []),
        metadata=_pairs(body.metadata or []),
        public=True if body.is_public is None else body.is_public,
        qualities=tuple(_quality(f"qualities[{at}]", each) for at, each in enumerate(wished)),
    )


def change_of(raw: object) -> Change:
    """Read what is to be known from now on; raises ``BadParameter``."""
    body = _read(raw, _MediaBody)
    theme = body.player_theme_id
    if theme is not None and len(theme) > _LONGEST_THEME:
        raise BadParameter("player_theme_id", theme, f"at most {_LONGEST_THEME} characters")
    return Change(
        title=None if body.title is None else _title(body.title),
        description=None
        if body.description is None
        else _short("description", body.description, _LONGEST_DESCRIPTION),
        tags=None if body.tags is None else _tags(body.tags),
        metadata=None if body.metadata is None else _pairs(body.metadata),
        public=body.is_public,
        player_theme=theme,
    )


def listing_of(raw: object) -> Listing:
    """Read what is looked for; raises ``BadParameter``."""
    body = _read(raw, _ListBody)
    if body.type is not None:
        check_type(body.type)
    statuses = frozenset(
        _chosen("status", each, {status.value: status for status in Status})
        for each in _listed("status", body.status)
    )
    sorts = {
        "created_at": Sort.CREATED,
        "updated_at": Sort.UPDATED,
        "title": Sort.TITLE,
        "size": Sort.SIZE,
    }
    given = body.metadata or {}
    return Listing(
        search=Search(
            words=body.search or "",
            tags=tuple(_listed("tags", body.tags)),
            pairs=given if isinstance(given, dict) else _pairs(given),
            broken=True,
            deleted=_deleted(statuses),
        ),
        statuses=statuses,
        sort=_chosen("sort_by", body.sort_by or "created_at", sorts),
        descending=_chosen("order_by", body.order_by or "asc", {"asc": False, "desc": True}),
        offset=_within("offset", body.offset, 0, _MOST_OFFSET, usual=0),
        limit=_within("limit", body.limit, 1, MOST_LISTED, usual=USUALLY_LISTED),
    )


def check_type(text: str | None) -> None:
    """Make sure that media are to be audio; raises ``BadParameter``."""
    if text != "audio":
        raise BadParameter("type", "" if text is None else text, "audio")


def presets_of(text: str) -> list[str]:
    """Read names of presets with commas between; raises ``BadParameter``."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise BadParameter("qualities", text, f"some of {', '.join(PRESETS)}")
    return [_chosen("qualities", name, {each: each for each in PRESETS}) for name in names]


def _deleted(statuses: frozenset[Status]) -> bool | None:
    """Whether only deleted media are looked for, none of them, or (None) both."""
    if Status.DELETED not in statuses:
        return False
    return True if len(statuses) == 1 else None


def _quality(name: str, raw: object) -> Quality:
    body = _read(raw, _QualityBody, name)
    bitrate_bps, sample_rate_hz = _chosen(f"{name}.resolution", body.resolution, PRESETS)
    containers = _chosen(f"{name}.type", body.type, _CONTAINERS)
    wished = next(iter(containers)) if body.container_type is None else body.container_type
    container = _chosen(f"{name}.container_type", wished, containers)
    config = body.audio_config or _AudioConfig()
    name = f"{name}.audio_config"
    if config.codec not in (None, "aac"):
        raise BadParameter(f"{name}.codec", config.codec or "", "aac")
    if config.bitrate is not None:
        bitrate_bps = _within(f"{name}.bitrate", config.bitrate, 1, _MOST_OFFSET)
    if config.sample_rate is not None:
        rates = {str(rate): rate for rate in _SAMPLE_RATES_HZ}
        sample_rate_hz = _chosen(f"{name}.sample_rate", str(config.sample_rate), rates)
    channels = None
    if config.channels is not None:
        channels = _chosen(f"{name}.channels", str(config.channels), _CHANNELS)
    fit = fitting_rates(bitrate_bps, sample_rate_hz)
    if channels == 1 and not aac_mono_fits(fit.bitrate_bps, fit.sample_rate_hz):
        raise BadParameter(
            f"{name}.channels", "1", f"2, because one channel cannot carry {bitrate_bps} bits/s"
        )
    if config.language is not None and not _LANGUAGE.fullmatch(config.language):
        raise BadParameter(
            f"{name}.language", config.language, "a BCP 47 tag such as en, es or pt-BR"
        )
    return Quality(
        name=body.resolution,
        protocol=body.type,
        container=container,
        bitrate_bps=bitrate_bps,
        sample_rate_hz=sample_rate_hz,
        channels=channels,
        language=config.language,
        track=_within(f"{name}.index", config.index, 0, _MOST_TRACKS - 1, usual=0),
    )


def _title(text: str | None) -> str:
    if text is None or not text.strip():
        raise BadParameter("title", text or "", "a title")
    return _short("title", text, _LONGEST_TITLE)


def _short(name: str, text: str, most: int) -> str:
    if len(text) > most:
        raise BadParameter(name, text[:_MOST_SHOWN_BYTES], f"at most {most} characters")
    return text


def _tags(raw: list[Any]) -> tuple[str, ...]:
    _limit("tags", raw, _MOST_TAGS)
    named = ((f"tags[{at}]", each) for at, each in enumerate(raw))
    return tuple(_short(name, _text(name, each), _LONGEST_TAG) for name, each in named)


def _pairs(raw: list[Any]) -> dict[str, object]:
    _limit("metadata", raw, _MOST_PAIRS)
    pairs: dict[str, object] = {}
    for at, each in enumerate(raw):
        pair = _read(each, _PairBody, f"metadata[{at}]")
        if pair.key in pairs:
            raise BadParameter(f"metadata[{at}].key", pair.key, "a key that is not there yet")
        key = _text(f"metadata[{at}].key", pair.key)
        if isinstance(pair.value, str):
            _short(f"metadata[{at}].value", pair.value, _LONGEST_VALUE)
        pairs[_short(f"metadata[{at}].key", key, _LONGEST_TAG)] = pair.value
    return pairs


def _listed(name: str, given: str | list[Any] | None) -> list[str]:
    """Read a list that may be a text with commas as well."""
    if given is None:
        return []
    if isinstance(given, str):
        return [text.strip() for text in given.split(",") if text.strip()]
    return [_text(f"{name}[{at}]", each) for at, each in enumerate(given)]


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadParameter(name, _shown(value), "a text that is not empty")
    return value


def _limit(name: str, values: list[Any], most: int) -> None:
    if len(values) > most:
        raise BadParameter(name, f"a list of {len(values)}", f"a list of at most {most}")


_Value = TypeVar("_Value")


def _chosen(name: str, text: str, values: Mapping[str, _Value]) -> _Value:
    if text not in values:
        raise BadParameter(name, text, " or ".join(values), allowed=tuple(values))
    return values[text]


def _within(name: str, value: int | None, least: int, most: int, *, usual: int = 0) -> int:
    if value is None:
        return usual
    if not least <= value <= most:
        raise BadParameter(name, str(value), f"a whole number from {least} to {most}")
    return value


def _read(raw: object, kind: type[_Body], name: str = "") -> _Body:
    """Read an object; a mistake is told with its place below *name*."""
    _refuse_nul(raw, name)
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as mistake:
        raise _told(str(mistake), raw, name) from mistake


def _refuse_nul(raw: object, name: str) -> None:
    """Refuse a character that databases do not keep."""
    left: list[tuple[str, object]] = [(name, raw)]
    while left:
        place, value = left.pop()
        match value:
            case str() if "\x00" in value:
                raise BadParameter(place or "body", value, "a text without the character U+0000")
            case list():
                left += ((f"{place}[{at}]", each) for at, each in enumerate(value))
            case dict():
                for key, each in value.items():
                    below = f"{place}.{key}" if place else key
                    left += ((below, key), (below, each))
            case _:
                pass


def _told(text: str, raw: object, name: str) -> BadParameter:
    def below(*names: str | None) -> str:
        return ".".join(each for each in (name, *names) if each) or "body"

    if missing := _MISSING.fullmatch(text):
        return BadParameter(below(missing["place"], missing["name"]), "", "a value")
    found = _MISTAKE.fullmatch(text)
    if found is None:
        return BadParameter(below(), _shown(raw), text)
    kinds = " or ".join(_KINDS.get(kind, kind) for kind in found["kinds"].split(" | "))
    place = found["place"]
    value = raw
    for step in place.split(".") if place else ():
        value = value.get(step) if isinstance(value, dict) else value
    return BadParameter(below(place), _shown(value), kinds)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value)[:_MOST_SHOWN_BYTES].decode(errors="replace")
