"""
What an uploaded file looks like in a list, found out by a worker.

Nothing is kept here: who asks stores the answer with the file.
"""

from __future__ import annotations

from cache.source import SourceObject
from edge.fill.poison import Poison
from edge.fill.shelf import Shelf
from edge.sandbox.pool import Sandbox
from edge.sandbox.problems import DeadlineExceeded, MediaProblem, WorkerDied, ZygoteLost

PICTURE_SECONDS = 30.0


class Looks:
    """Pictures of files that can be opened, whatever is wrong with what is in them."""

    def __init__(self, sandbox: Sandbox, shelf: Shelf, poison: Poison) -> None:
        self._sandbox = sandbox
        self._shelf = shelf
        self._poison = poison

    async def thumbnail(self, account: str, source: SourceObject) -> bytes:
        """
        Make a JPEG of a file's cover, or of its format's icon if there is none that can be used.

        Returns:
            At most ``edge.sandbox.wire.MAX_PICTURE_BYTES``; 640 pixels at the longer side, or less.

        Raises:
            MediaProblem: No file that can be read here, or one that has killed workers before.
            SourceProblem: The source cannot be read.
            WorkerDied, DeadlineExceeded: Looking for its format took a worker down.
        """
        await self._poison.refuse([source])
        try:
            return await self._picture(account, source, cover=True)
        except ZygoteLost:
            raise
        except (WorkerDied, DeadlineExceeded, MediaProblem):
            # A cover may do to a worker what it likes; it is not needed to tell the format.
            pass
        try:
            return await self._picture(account, source, cover=False)
        except (WorkerDied, DeadlineExceeded) as death:
            if not isinstance(death, ZygoteLost):
                await self._poison.note([source])
            raise

    async def _picture(self, account: str, source: SourceObject, *, cover: bool) -> bytes:
        reader = await self._shelf.open(account, source)
        try:
            return await self._sandbox.picture(
                reader, cover=cover, deadline_seconds=PICTURE_SECONDS
            )
        finally:
            await reader.aclose()
