"""How the blobs of artifacts are named: see ``cache.artifacts``."""

import re
from pathlib import PurePosixPath

from cache.receipts import ArtifactFile

ROOT = "artifacts/"
_KEY = re.compile(r"[0-9a-f]{64}\Z")
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")


def check_key(key: str) -> str:
    """Return *key* if an artifact can have it; raise ``ValueError`` otherwise."""
    if not _KEY.match(key):
        raise ValueError(f"{key!r} is no artifact key")
    return key


def prefix(key: str) -> str:
    """Begin the name of everything that belongs to an artifact."""
    return f"{ROOT}{key[:2]}/{check_key(key)}/"


def receipt_key(key: str) -> str:
    """Name an artifact's receipt."""
    return prefix(key) + "receipt.json"


# What notes about an artifact that is being made can be about: how far it is, and what somebody
# waits for.
GROWTH, WANTED = NOTES = ("growth", "wanted")


def note_key(key: str, subject: str) -> str:
    """Name a note about an artifact that is being made."""
    return prefix(key) + f"{subject}.json"


def owner(blob_key: str) -> str | None:
    """Return the key of the artifact that a blob belongs to, None for a stranger."""
    key = PurePosixPath(blob_key).parent.name
    return key if _KEY.match(key) and blob_key.startswith(prefix(key)) else None


def blob_key(key: str, file: ArtifactFile) -> str:
    """Name a file of an artifact by its content."""
    extension = PurePosixPath(file.path).suffix
    return prefix(key) + file.digest + (extension if _EXTENSION.match(extension) else "")
