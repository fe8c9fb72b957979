"""How a row of the table of files is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cache.source import EVERYTHING
from edge.library.catalogue.entry import FileEntry
from edge.library.folders.folder import Permissions
from edge.records.tables import files, media

PLAIN = (
    *("account", "path", "blob", "size_bytes", "digest", "mime", "original_name", "media"),
    *("created_ms", "modified_ms"),
)
_PREFIX = "file_"

COLUMNS = (
    *(files.c[name].label(f"{_PREFIX}{name}") for name in PLAIN),
    media.c.public,
)
"""What has to be selected of files and their media."""


def entry_of(row: Mapping[str, Any], permissions: Permissions) -> FileEntry:
    """Make a file of a row that has ``COLUMNS``."""
    plain = {name: row[f"{_PREFIX}{name}"] for name in PLAIN}
    public = row["public"]
    if public is None:
        return FileEntry(**plain, grants=permissions.grants(plain["path"]))
    return FileEntry(**plain, grants=EVERYTHING if public else ())
