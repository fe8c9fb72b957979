"""What the engine asks of the place that its artifact files go to."""

from __future__ import annotations

from typing import BinaryIO, Protocol


class Sink(Protocol):
    """Takes the files of one artifact; nothing becomes visible until its owner publishes it."""

    def create(self, path: str) -> BinaryIO:
        """Open a new artifact file such as ``/audio.mp3``, readable, writable and seekable."""
        ...

    def progress(self, fraction: float) -> None:
        """Tell how much of the work is done, 0 to 1; cheap, so call it often."""
        ...
