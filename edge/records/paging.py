"""
Cursors: where a list that is newest first goes on.

A cursor names the last row it showed, so rows that arrive meanwhile neither repeat nor hide any.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

# Whatever fits is harmless to ask the database for: no number it cannot hold, no odd character.
_PLAIN = re.compile(r"([0-9]{1,15})\.([0-9A-Za-z-]{1,64})")


class BadCursor(ValueError):
    """A cursor that no list of ours has handed out."""

    def __init__(self, text: str) -> None:
        super().__init__("The cursor is not one this list has handed out.")
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The last row of a page: its time, and the identifier that breaks ties."""

    at_ms: int
    identifier: str

    def __str__(self) -> str:
        """Return the opaque text for the next request."""
        plain = f"{self.at_ms}.{self.identifier}".encode()
        return base64.urlsafe_b64encode(plain).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """
        Read a cursor back.

        Raises:
            BadCursor: It is not one of ours.
        """
        try:
            padded = text + "=" * (-len(text) % 4)
            plain = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        except ValueError as error:
            raise BadCursor(text) from error
        match = _PLAIN.fullmatch(plain)
        if match is None:
            raise BadCursor(text)
        return cls(at_ms=int(match[1]), identifier=match[2])


async def newest_first(
    connection: AsyncConnection,
    query: Select[Any],
    at_ms: Column[int],
    identifier: Column[str],
    *,
    cursor: str | None,
    limit: int,
) -> tuple[list[dict[str, Any]], str | None]:
    """
    Run *query* for one page in descending order of its columns *at_ms* and *identifier*.

    Returns:
        At most *limit* rows, and the cursor of the next page or None on the last one.

    Raises:
        BadCursor: The cursor is not one of ours.
    """
    if cursor is not None:
        last = Cursor.parse(cursor)
        query = query.where(tuple_(at_ms, identifier) < tuple_(last.at_ms, last.identifier))
    query = query.order_by(at_ms.desc(), identifier.desc()).limit(limit + 1)
    rows = [row._asdict() for row in await connection.execute(query)]
    if len(rows) <= limit:
        return rows, None
    last_row = rows[limit - 1]
    next_cursor = Cursor(at_ms=last_row[at_ms.name], identifier=last_row[identifier.name])
    return rows[:limit], str(next_cursor)
