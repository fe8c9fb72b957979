"""What the engine asks of the place that its artifact files go to."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from transforms.plan import Segment


class Sink(Protocol):
    """
    Takes the files of one artifact; nothing becomes visible until its owner publishes it.

    May be used by several threads at once.
    """

    def create(self, path: str) -> BinaryIO:
        """Open a new artifact file such as ``/audio.mp3``, readable, writable and seekable."""
        ...

    def progress(self, fraction: float) -> None:
        """Tell how much of the work is done, 0 to 1; cheap, so call it often."""
        ...

    def wanted(self) -> tuple[int, int] | None:
        """
        Tell which segment somebody waits for most recently, by variant and number.

        Each is told once; ``None`` if there is nothing new.
        """
        ...

    def segment(self, segment: Segment) -> None:
        """Tell that a segment's file, and what it needs to be played, are whole."""
        ...
