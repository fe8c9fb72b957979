"""
Where an upload is put: paths with variables, as Bytescale's documents define them.

    /uploads/{UTC_YEAR}/{UTC_MONTH}/{UTC_DAY} / {UTC_TIME_TOKEN_INVERSE}{UNIQUE_DIGITS_2}-…

Variables are replaced once, when the upload begins, so that whoever uploads knows the path before
the first byte is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cache.origins.paths import nameable, segments
from edge.ids import BASE58, random_base58

DEFAULT_FOLDER = "/uploads/{UTC_YEAR}/{UTC_MONTH}/{UTC_DAY}"
DEFAULT_NAME = "{UTC_TIME_TOKEN_INVERSE}{UNIQUE_DIGITS_2}-{ORIGINAL_FILE_NAME}{ORIGINAL_FILE_EXT}"
MOST_PATH_CHARACTERS = 512

# A backslash takes the brace after it literally.
_VARIABLE = re.compile(r"\\\{|\{(?P<name>[A-Z_]+?)(?:_(?P<digits>\d{1,2}))?\}")
_TOKEN_DIGITS = 8
_LAST_MOMENT_MS = 10**13 - 1
_MOST_UNIQUE_DIGITS = 20

# What an unnamed upload is called.
_NAMELESS = "file"


class BadPath(ValueError):
    """A path that no file can have; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathWish:
    """
    Where somebody wants a file, as yet unresolved; what is left out is by default.

    ``whole`` is a path without variables, and excludes the others.
    """

    whole: str | None = None
    folder: str | None = None
    folder_variables: bool = True
    name: str | None = None
    name_variables: bool = True
    fallback_name: str | None = None

    def resolve(self, original_name: str | None, now_ms: int, *, fallback: bool = False) -> str:
        """
        Settle the path.

        Args:
            original_name: The file's name on the user's device.

            now_ms: Since the Unix epoch.

            fallback: Use the name for when the first one is taken.

        Raises:
            BadPath: It is none, or has an unknown variable in it.
        """
        if self.whole is not None:
            return checked(self.whole if self.whole.startswith("/") else f"/uploads/{self.whole}")
        fill = _Filler(original_name or _NAMELESS, now_ms)
        folder = DEFAULT_FOLDER if self.folder is None else self.folder
        name = (self.fallback_name if fallback else self.name) or DEFAULT_NAME
        if self.folder_variables or self.folder is None:
            folder = fill(folder)
        if self.name_variables or name is DEFAULT_NAME:
            name = fill(name)
        if "/" in name:
            raise BadPath("A file name must not contain '/'.")
        if not folder.startswith("/"):
            folder = f"/uploads/{folder}"
        return checked(f"{folder.rstrip('/')}/{name}")


def checked(path: str) -> str:
    """
    Return *path* if a file can have it.

    Raises:
        BadPath: It is not absolute, too long, or has an empty, relative or unprintable segment.
    """
    if len(path) > MOST_PATH_CHARACTERS:
        raise BadPath(f"The path has {len(path)} characters; {MOST_PATH_CHARACTERS} are allowed.")
    if segments(path) is None:
        raise BadPath(
            "A path begins with '/', and its names are neither empty nor '.' nor '..', "
            "without backslashes and control characters."
        )
    return path


class _Filler:
    """Replaces variables; every one has one value for the whole path."""

    def __init__(self, original_name: str, now_ms: int) -> None:
        name = nameable(original_name)
        stem, dot, extension = name.rpartition(".")
        self.stem, self.extension = (stem, dot + extension) if stem else (name, "")
        self._now_ms = now_ms

    def __call__(self, text: str) -> str:
        return _VARIABLE.sub(self._replaced, text)

    def _replaced(self, found: re.Match[str]) -> str:
        if found["name"] is None:
            return "{"
        if found["name"] == "UNIQUE_DIGITS" and found["digits"]:
            digits = int(found["digits"])
            if not 1 <= digits <= _MOST_UNIQUE_DIGITS:
                raise BadPath(f"{found[0]}: 1 to {_MOST_UNIQUE_DIGITS} unique digits can be had.")
            return random_base58(digits)
        value = None if found["digits"] else _VALUES.get(found["name"])
        if value is None:
            known = ", ".join(f"{{{name}}}" for name in (*_VALUES, "UNIQUE_DIGITS_8"))
            raise BadPath(f"There is no path variable {found[0]}; there are {known}.")
        return value(self)

    def at(self, form: str) -> str:
        """Write the moment down."""
        return datetime.fromtimestamp(self._now_ms / 1000, UTC).strftime(form)

    @property
    def milliseconds(self) -> str:
        return f"{self._now_ms % 1000:03}"

    def token(self, *, inverse: bool) -> str:
        """Write the moment in base 58, so that names sort by it."""
        rest = _LAST_MOMENT_MS - self._now_ms if inverse else self._now_ms
        digits = ""
        for _ in range(_TOKEN_DIGITS):
            rest, digit = divmod(rest, len(BASE58))
            digits = BASE58[digit] + digits
        return digits


_VALUES: dict[str, Callable[[_Filler], str]] = {
    "ORIGINAL_FILE_NAME": lambda fill: fill.stem,
    "ORIGINAL_FILE_EXT": lambda fill: fill.extension,
    "UTC_DATE": lambda fill: fill.at("%Y-%m-%d"),
    "UTC_TIME": lambda fill: f"{fill.at('%H:%M:%S')}.{fill.milliseconds}",
    "UTC_TIME_TOKEN": lambda fill: fill.token(inverse=False),
    "UTC_TIME_TOKEN_INVERSE": lambda fill: fill.token(inverse=True),
    "UTC_YEAR": lambda fill: fill.at("%Y"),
    "UTC_MONTH": lambda fill: fill.at("%m"),
    "UTC_DAY": lambda fill: fill.at("%d"),
    "UTC_HOUR": lambda fill: fill.at("%H"),
    "UTC_MINUTE": lambda fill: fill.at("%M"),
    "UTC_SECOND": lambda fill: fill.at("%S"),
    "UTC_MILLISECOND": lambda fill: fill.milliseconds,
}
