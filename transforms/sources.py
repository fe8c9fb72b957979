"""What the engine asks of a source: its bytes, by position, and nothing else."""

from __future__ import annotations

from typing import Protocol


class Source(Protocol):
    """Random access to one source's bytes; synchronous, because decoders are."""

    @property
    def size_bytes(self) -> int: ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Read *length* bytes at *offset*; fewer only at the end of the source."""
        ...
