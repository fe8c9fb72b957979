"""
The URL's text, read once: where strings end.

A transform URL is ``/{account}/audio/{path}`` with parameters after ``?``, or after the first
literal ``!`` of the path; both mean the same and may be mixed. A ``!`` inside a file name arrives
as ``%21``, which is why this reads the raw path and decodes each piece exactly once. No library
knows the ``!`` form, the order that gives ``append`` and ``br`` their groups, or that a decoded
``/`` inside a segment must stay an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from transforms.problems import BadParameter, BadPath

MOST_PARAMETERS = 100
LONGEST_VALUE = 1024
LONGEST_PATH = 1024
LONGEST_SEGMENT = 255

ALIASES = {
    "artifact": "a",
    "version": "v",
    "cache-ttl": "cache_ttl",
    "cache-ttl-404": "cache_ttl_404",
    "cache-only": "cache_only",
    "cache-perm": "cache_perm",
}

_ACCOUNT = re.compile(r"[1-9A-HJ-NP-Za-km-z]{7}", re.ASCII)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class CdnUrl:
    """The pieces of a CDN URL, decoded: ``parameters`` in the order written, aliases resolved."""

    account: str
    api: str
    path: str
    raw_path: str
    parameters: tuple[tuple[str, str], ...]
    raw_parameters: tuple[str, ...]


def is_account(text: str) -> bool:
    """Tell whether *text* is shaped like an account id: seven base58 characters."""
    return _ACCOUNT.fullmatch(text) is not None


def split(raw_path: str, query: str) -> CdnUrl:
    """
    Take a request target apart and decode it once.

    Args:
        raw_path: The path as it came over the wire, still percent-encoded.

        query: What follows ``?``, still percent-encoded, or empty.

    Raises:
        BadPath: The path is not one that a file can have.
        BadParameter: A parameter is not decodable, too long, or there are too many.
    """
    head, _, inline = raw_path.partition("!")
    pieces = head.split("/", 3)
    if len(pieces) < 4 or pieces[0] or not is_account(pieces[1]):
        raise BadPath("The path must look like /{account}/{api}/{file path}.")
    _, account, api, rest = pieces
    path = decode_path("/" + rest)
    raw_parameters = tuple(p for text in (inline, query) for p in text.split("&") if p)
    if len(raw_parameters) > MOST_PARAMETERS:
        raise BadParameter(
            raw_parameters[MOST_PARAMETERS].partition("=")[0][:LONGEST_SEGMENT],
            f"number {len(raw_parameters)}",
            f"at most {MOST_PARAMETERS} parameters in one URL",
        )
    return CdnUrl(
        account=account,
        api=api,
        path=path,
        raw_path="/" + rest,
        parameters=tuple(_parameter(text) for text in raw_parameters),
        raw_parameters=raw_parameters,
    )


def decode_path(raw: str) -> str:
    """
    Decode a file path that begins with ``/``.

    Raises:
        BadPath: An empty, ``.`` or ``..`` segment, an encoded slash, a backslash, a control
            character, or bytes that are not UTF-8.
    """
    if len(raw) > 3 * LONGEST_PATH:
        raise BadPath(f"The file path is longer than {LONGEST_PATH} characters.")
    decoded = [_decode_segment(segment) for segment in raw.split("/")[1:]]
    return check_path("/" + "/".join(decoded))


def check_path(path: str) -> str:
    """Return a decoded file path, or say what no file path may have."""
    if not path.startswith("/"):
        raise BadPath("A file path begins with '/'.")
    if len(path) > LONGEST_PATH:
        raise BadPath(f"The file path is longer than {LONGEST_PATH} characters.")
    if _FORBIDDEN.search(path):
        raise BadPath("The file path has a backslash or a control character in it.")
    for segment in path.split("/")[1:]:
        if segment in ("", ".", ".."):
            raise BadPath("The file path has an empty, '.' or '..' segment.")
        if len(segment.encode()) > LONGEST_SEGMENT:
            raise BadPath(f"A segment of the file path is longer than {LONGEST_SEGMENT} bytes.")
    return path


def _decode_segment(raw: str) -> str:
    try:
        segment = unquote_to_bytes(raw).decode()
    except UnicodeError:
        raise BadPath("The file path is not UTF-8 once it is percent-decoded.") from None
    if "/" in segment:
        raise BadPath("The file path has a percent-encoded slash in it.")
    return segment


def _parameter(text: str) -> tuple[str, str]:
    raw_name, _, raw_value = text.partition("=")
    try:
        name, value = (unquote_to_bytes(raw).decode() for raw in (raw_name, raw_value))
    except UnicodeError:
        raise BadParameter(raw_name[:40], raw_value, "percent-encoded UTF-8") from None
    if len(value) > LONGEST_VALUE:
        raise BadParameter(name, value, f"at most {LONGEST_VALUE} characters")
    return ALIASES.get(name, name), value
