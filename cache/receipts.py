"""
The receipt of an artifact: what belongs to it, written last.

An artifact without a receipt does not exist, whatever files lie in its place. So a crash at any
moment leaves either a complete artifact or some files that nobody will ever ask for.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFile:
    """One file of an artifact."""

    path: str
    """Path inside the artifact, such as ``/audio.mp3``."""

    digest: str
    """SHA-256 of the bytes, lower-case hexadecimal."""

    size_bytes: int
    media_type: str

    @property
    def etag(self) -> str:
        """Return the file's strong entity tag, quoted and ready for a header."""
        return f'"{self.digest[:32]}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """All files of one complete artifact."""

    key: str
    """The artifact's canonical key, 64 hexadecimal digits."""

    account: str

    source_path: str
    """The account's path of the primary source, by which artifacts are purged."""

    created_ms: int

    files: tuple[ArtifactFile, ...]
    """Sorted by path."""

    extra: Mapping[str, str]
    """Whatever the filler wants to find again; this package does not look into it."""

    @property
    def size_bytes(self) -> int:
        """Return the length of all files together."""
        return sum(file.size_bytes for file in self.files)

    def file(self, path: str) -> ArtifactFile | None:
        """Return the file at *path*, None when the artifact has none."""
        index = bisect_left(self.files, path, key=lambda file: file.path)
        found = self.files[index : index + 1]
        return found[0] if found and found[0].path == path else None


def encode(receipt: Receipt) -> bytes:
    """Write *receipt* as JSON."""
    return msgspec.json.encode(receipt)


def decode(text: bytes) -> Receipt | None:
    """Read a receipt back, None when *text* is not one."""
    try:
        return msgspec.json.decode(text, type=Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class Remembered:
    """The receipts that were used last, as many as list so many files."""

    def __init__(self, most_files: int) -> None:
        self._most_files = most_files
        self._receipts: OrderedDict[str, Receipt] = OrderedDict()
        self._listed = 0

    def get(self, key: str) -> Receipt | None:
        """Return a receipt, which counts as a use of it."""
        receipt = self._receipts.get(key)
        if receipt is not None:
            self._receipts.move_to_end(key)
        return receipt

    def add(self, receipt: Receipt) -> None:
        """Remember a receipt, and forget the least recently used ones if it has to be."""
        self.drop(receipt.key)
        self._receipts[receipt.key] = receipt
        self._listed += len(receipt.files)
        while self._listed > self._most_files and len(self._receipts) > 1:
            _, oldest = self._receipts.popitem(last=False)
            self._listed -= len(oldest.files)

    def drop(self, key: str) -> None:
        """Forget a receipt; an unknown one is no error."""
        known = self._receipts.pop(key, None)
        self._listed -= len(known.files) if known is not None else 0

    def clear(self) -> None:
        """Forget everything."""
        self._receipts.clear()
        self._listed = 0
