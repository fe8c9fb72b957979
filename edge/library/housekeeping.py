"""
What is put in order now and then: uploads that were given up, bytes that nothing names, what
was made of files that are gone, files that nobody has looked at.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from edge.fill.made_of import MadeOf
from edge.library.debris.store import Debris
from edge.library.media.describing import Describer
from edge.library.uploads.store import UploadRows
from edge.records.problems import RecordsAway

_log = logging.getLogger(__name__)

_EVERY_SECONDS = 60.0
_ABANDONED_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeper:
    """Does a round a minute; any number of nodes may, each for all of them."""

    uploads: UploadRows
    debris: Debris
    made_of: MadeOf
    describer: Describer
    upload_hours: int
    """How long an upload may be under way."""

    async def keep(self) -> None:
        """Do one round after another, until it is cancelled."""
        while True:
            try:
                await self.round()
            except RecordsAway:
                pass
            except Exception:
                # The next round meets it again, and may have more luck.
                _log.exception("housekeeping failed")
            await asyncio.sleep(_EVERY_SECONDS)

    async def round(self) -> None:
        """Put everything in order once."""
        await self._give_up_uploads()
        while await self.debris.sweep():
            pass
        while await self.made_of.sweep():
            pass
        await self.describer.describe_left()

    async def _give_up_uploads(self) -> None:
        older_than_ms = self.upload_hours * 3_600_000
        for upload in await self.uploads.abandoned(
            older_than_ms=older_than_ms, limit=_ABANDONED_AT_ONCE
        ):
            if await self.uploads.abandon(upload):
                _log.info("gave up upload %s of %s", upload.id, upload.account)
