"""The head of a part: its headers, and what they say of the field or file under them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge.web.forms.header_values import BadValue, HeaderValue, extended, parse
from edge.web.forms.mistakes import malformed, unsupported

# These leave the bytes as they are. RFC 7578 section 4.7 wants none of them, clients send them.
_TRANSPARENT: Final = frozenset({"7bit", "8bit", "binary"})
_TEXT_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:[ \t]*;[ -~]*)?", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

# What a browser replaces in a quoted name, and nothing else (HTML, "multipart/form-data").
_REPLACED: Final = re.compile(r"%(22|0D|0A)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """
    What is said of a part.

    ``filename`` is its last path component, None if there was none or nothing is left of it.
    """

    name: str
    is_file: bool
    filename: str | None
    content_type: str | None


def read_head(headers: Sequence[tuple[bytes, bytes]], *, nameless_files: bool) -> Head:
    """
    Read the head of a part.

    Raises:
        Problem: It is malformed, has no name, or announces an encoding that is not read here.
    """
    fields = _fields(headers)
    disposition = _parsed("Content-Disposition", fields.get("content-disposition", ""))
    if disposition.value != "form-data" or "name" not in disposition.parameters:
        raise malformed(
            'Each part needs a header Content-Disposition: form-data; name="…".',
            value=fields.get("content-disposition"),
        )
    name = _visible("name", _REPLACED.sub(_unreplaced, disposition.parameters["name"]))
    is_named = not {"filename", "filename*"}.isdisjoint(disposition.parameters)
    is_file = is_named or nameless_files
    content_type = _content_type(fields.get("content-type"), name, is_file=is_file)
    encoding = fields.get("content-transfer-encoding", "binary").lower()
    if encoding not in _TRANSPARENT:
        raise unsupported(
            f"The part {name!r} is encoded as {encoding!r}; send its bytes as they are.",
            field=name,
        )
    return Head(
        name=name,
        is_file=is_file,
        filename=_filename(disposition) if is_named else None,
        content_type=content_type,
    )


def _fields(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for raw_name, raw_value in headers:
        # The parser lets tokens pass as names only.
        name = raw_name.decode("ascii").lower()
        if name in fields:
            raise malformed(f"A part has the header {name} twice.")
        try:
            fields[name] = raw_value.decode().strip(" \t")
        except UnicodeDecodeError as mistake:
            raise malformed(f"The header {name} of a part is not UTF-8.") from mistake
    return fields


def _parsed(name: str, text: str) -> HeaderValue:
    try:
        return parse(text)
    except BadValue as mistake:
        raise malformed(f"The header {name} of a part is malformed: {mistake}.") from mistake


def _filename(disposition: HeaderValue) -> str | None:
    if (encoded := disposition.parameters.get("filename*")) is not None:
        try:
            whole = extended(encoded)
        except BadValue as mistake:
            raise malformed(f"filename* cannot be read: {mistake}.") from mistake
    else:
        whole = _REPLACED.sub(_unreplaced, disposition.parameters["filename"])
    last = _visible("filename", whole.replace("\\", "/").rpartition("/")[2])
    return None if last in ("", ".", "..") else last


def _content_type(text: str | None, name: str, *, is_file: bool) -> str | None:
    if not text:
        return None
    if not _MEDIA_TYPE.fullmatch(text):
        raise malformed(f"The part {name!r} has no media type, but {text[:80]!r}.", field=name)
    if text.lower().startswith("multipart/"):
        raise unsupported(
            f"The part {name!r} is a multipart body itself; send each file as a part.", field=name
        )
    if not is_file:
        charset = _parsed("Content-Type", text).parameters.get("charset", "utf-8").lower()
        if charset not in _TEXT_CHARSETS:
            raise unsupported(
                f"The field {name!r} is in {charset!r}; send its text in UTF-8.", field=name
            )
    return text


def _unreplaced(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _visible(parameter: str, text: str) -> str:
    if _CONTROL.search(text):
        raise malformed(f"The {parameter} of a part has control characters: {text[:80]!r}.")
    return text
