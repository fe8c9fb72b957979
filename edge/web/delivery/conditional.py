"""
Conditional requests, decided from the header values and two validators.

The order of the questions is that of RFC 9110 section 13.2.2, and every one of them is answered
in time linear in the header's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from enum import Enum, auto
from typing import Final

# An entity-tag of RFC 9110 section 8.8.3; the header was decoded as Latin-1.
_ENTITY_TAG: Final = re.compile(r'(?P<weak>W/)?(?P<opaque>"[\x21\x23-\x7e\x80-\xff]*")')

# The longest HTTP-date, an obsolete one on a Wednesday, has 33 characters.
_MAX_DATE_LENGTH: Final = 40

_FIELDS: Final = {
    b"if-match": "if_match",
    b"if-none-match": "if_none_match",
    b"if-modified-since": "if_modified_since",
    b"if-unmodified-since": "if_unmodified_since",
    b"if-range": "if_range",
    b"range": "range",
}

CONDITION_FIELDS: Final = frozenset(_FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The request fields that decide whether, and how much of, a representation is sent."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None
    if_range: str | None = None
    range: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What tells one state of a representation from another."""

    etag: str  # strong and quoted
    modified_seconds: int | None  # since the epoch, as coarse as an HTTP-date


class Verdict(Enum):
    """What the preconditions of a request come to."""

    PROCEED = auto()
    NOT_MODIFIED = auto()
    FAILED = auto()


def read_conditions(headers: Iterable[tuple[bytes, bytes]]) -> Conditions:
    """
    Pick the conditions out of a request's raw headers, names in lower case.

    A field that was sent twice becomes one list, as RFC 9110 section 5.3 says; where the field
    is not a list, this makes it malformed, and it is ignored.
    """
    found: dict[str, str] = {}
    for name, value in headers:
        if field := _FIELDS.get(name):
            text = value.decode("latin-1").strip(" \t")
            found[field] = f"{found[field]}, {text}" if field in found else text
    return Conditions(**found)


def evaluate(conditions: Conditions, validators: Validators) -> Verdict:
    """Decide the preconditions of a GET or HEAD for a representation that exists."""
    if conditions.if_match is not None:
        holds = _lists(conditions.if_match, validators.etag, weakly=False)
    else:
        holds = _modified_after(conditions.if_unmodified_since, validators) is not True
    if not holds:
        return Verdict.FAILED
    if conditions.if_none_match is not None:
        known = _lists(conditions.if_none_match, validators.etag, weakly=True)
    else:
        known = _modified_after(conditions.if_modified_since, validators) is False
    return Verdict.NOT_MODIFIED if known else Verdict.PROCEED


def range_applies(if_range: str | None, validators: Validators) -> bool:
    """
    Tell whether a Range may be honoured: the client's part belongs to what is here now.

    RFC 9110 section 13.1.5: an entity-tag must match strongly, a date exactly.
    """
    if if_range is None:
        return True
    if '"' in if_range:
        return if_range == validators.etag
    stated = _http_date(if_range)
    return stated is not None and stated == validators.modified_seconds


def http_date(seconds: int) -> str:
    """Spell seconds since the epoch as an IMF-fixdate."""
    return formatdate(seconds, usegmt=True)


def _lists(header: str, etag: str, *, weakly: bool) -> bool:
    """Tell whether a list of entity-tags, or ``*``, includes a strong *etag*."""
    return header == "*" or any(
        tag["opaque"] == etag and (weakly or not tag["weak"])
        for tag in _ENTITY_TAG.finditer(header)
    )


def _modified_after(date: str | None, validators: Validators) -> bool | None:
    """Compare with a date; None where there is no date on either side, which decides nothing."""
    limit = _http_date(date)
    if limit is None or validators.modified_seconds is None:
        return None
    return validators.modified_seconds > limit


def _http_date(text: str | None) -> int | None:
    """Read any of the three forms of an HTTP-date; anything else counts as not sent."""
    if text is None or len(text) > _MAX_DATE_LENGTH:
        return None
    try:
        moment: datetime = parsedate_to_datetime(text)
        # The asctime form names no zone, and every HTTP-date is in UTC.
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return int(aware.timestamp())
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
