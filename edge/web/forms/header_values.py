"""Header values with parameters, ``form-data; name="file"``, as clients really spell them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER: Final = re.compile(
    rf"""(?sx)
    ; [\ \t]*
    (?:
        (?P<name> {_TOKEN} ) [\ \t]* = [\ \t]*
        (?: "(?P<quoted> (?: [^"\\] | \\. )* )" [\ \t]* | (?P<bare> [^";]* ) )
    )?
    (?= ; | \Z )
    """
)
_ESCAPED: Final = re.compile(r'\\(["\\])')

# RFC 8187 section 3.2.1; the second charset is of its predecessor, RFC 5987.
_EXTENDED: Final = re.compile(r"(?i)(utf-8|iso-8859-1)'[a-z0-9-]*'([!#$&+\-.^_`|~a-z0-9%]*)")


class BadValue(ValueError):
    """A header value that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderValue:
    """A value, lower case, and its parameters, whose names are."""

    value: str
    parameters: Mapping[str, str]


def parse(text: str) -> HeaderValue:
    """
    Read a header value.

    A backslash escapes quotes and backslashes only (RFC 9110 section 5.6.4 has it escape all):
    browsers send the backslashes of file names as they are.

    Raises:
        BadValue: It is malformed, or says something twice.
    """
    value, semicolon, rest = text.partition(";")
    rest = semicolon + rest
    parameters: dict[str, str] = {}
    at = 0
    while at < len(rest):
        found = _PARAMETER.match(rest, at)
        if found is None:
            raise BadValue(f"no parameter can be read at {rest[at : at + 40]!r}")
        at = found.end()
        if found["name"] is None:
            continue
        name = found["name"].lower()
        if name in parameters:
            raise BadValue(f"the parameter {name} is there twice")
        quoted = found["quoted"]
        parameters[name] = (
            found["bare"].strip(" \t") if quoted is None else _ESCAPED.sub(r"\1", quoted)
        )
    return HeaderValue(value=value.strip(" \t").lower(), parameters=parameters)


def extended(text: str) -> str:
    """
    Decode the value of a parameter such as ``filename*`` (RFC 8187).

    Raises:
        BadValue: It is malformed, or in a charset other than UTF-8 and ISO-8859-1.
    """
    found = _EXTENDED.fullmatch(text)
    if found is None:
        raise BadValue(f"{text[:40]!r} is not as RFC 8187 has it: UTF-8''percent-encoded")
    try:
        return unquote_to_bytes(found[2]).decode(found[1])
    except UnicodeDecodeError as mistake:
        raise BadValue(f"{text[:40]!r} is not in the charset that it names") from mistake
