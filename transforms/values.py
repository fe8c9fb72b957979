"""
Values of parameters, read: each function takes one as it was written, or says what would do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from transforms.problems import BadParameter

_E = TypeVar("_E", bound=StrEnum)

_INTEGER = re.compile(r"-?[0-9]{1,12}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,3})?", re.ASCII)


def choice(name: str, value: str, choices: type[_E]) -> _E:
    """Read one of an enumeration's values."""
    try:
        return choices(value)
    except ValueError:
        allowed = [str(member) for member in choices]
        raise BadParameter(name, value, "one of " + ", ".join(allowed), allowed=allowed) from None


def listed(name: str, value: str, allowed: Mapping[str, int], noun: str) -> int:
    """Read one of listed numbers, *allowed* by how each is spelled; *noun* names them all."""
    # 096 is 96.
    found = allowed.get(value.lstrip("0"))
    if found is None:
        expected = f"one of the {noun} {', '.join(allowed)}"
        raise BadParameter(name, value, expected, allowed=list(allowed))
    return found


def integer(name: str, value: str, least: int, most: int) -> int:
    """Read a whole number from *least* to *most*."""
    if not _INTEGER.fullmatch(value) or not least <= int(value) <= most:
        raise BadParameter(name, value, f"a whole number from {least} to {most}")
    return int(value)


def thousandths(name: str, value: str, least: int, most: int) -> int:
    """Read a decimal number from *least* to *most*, in thousandths."""
    if not _DECIMAL.fullmatch(value) or not least <= Decimal(value) <= most:
        raise BadParameter(name, value, f"a number from {least} to {most}, decimals allowed")
    return int(Decimal(value) * 1000)


def boolean(name: str, value: str) -> bool:
    """Read ``true`` or ``false``."""
    if value not in ("true", "false"):
        raise BadParameter(name, value, "true or false", allowed=["true", "false"])
    return value == "true"


def seconds(name: str, value: str) -> int | None:
    """Read a number of seconds."""
    return integer(name, value, 0, 10**9)


def sequence(name: str, value: str) -> int | None:
    """Read a media sequence number."""
    return integer(name, value, 0, 10**9)


def expiry(name: str, value: str) -> int | None:
    """Read seconds or milliseconds since 1970 (told apart by size), or ``inf``."""
    if value == "inf":
        return None
    if not _INTEGER.fullmatch(value) and not re.fullmatch(r"[0-9]{13,16}", value, re.ASCII):
        raise BadParameter(name, value, "a Unix time in seconds or milliseconds, or inf")
    stamp = int(value)
    return stamp if stamp >= 10**11 else stamp * 1000
