"""Files fetched from somewhere else: every address and budget is the guarded fetcher's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from cache.origins.fetch import Answer, Fetcher, Limits
from cache.source import SourceTooLarge, SourceUnreachable
from edge.library.catalogue.entry import FileEntry
from edge.library.storage import BodyTooLong
from edge.library.uploads.intake import Intake, Wish

_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """Brings files in by their URLs."""

    fetcher: Fetcher
    intake: Intake
    most_bytes: int

    async def bring(
        self, account: str, url: str, wish: Wish, *, timeout_seconds: float
    ) -> FileEntry:
        """
        Fetch a file and bring it in; a wish's name and kind are those of the answer by default.

        Raises:
            SourceProblem: It cannot be had from there.
            BadPath, PathTaken, StorageFull: As ``Intake.bring`` says.
        """
        limits = Limits(total_seconds=timeout_seconds, max_bytes=self.most_bytes)
        async with self.fetcher.request("GET", url, limits=limits) as answer:
            if answer.status != _OK:
                raise SourceUnreachable(f"{answer.url_shown}: status {answer.status}")
            if answer.size_bytes is not None:
                await self.intake.quota.check(account, answer.size_bytes)
            named = replace(
                wish,
                size_bytes=self.most_bytes,
                mime=wish.mime or _kind_of(answer),
                original_name=wish.original_name or _name_in(answer.url),
            )
            try:
                return await self.intake.bring(account, named, answer.blocks())
            except BodyTooLong as problem:
                raise SourceTooLarge(f"{answer.url_shown}: more than {problem} bytes") from problem


def _kind_of(answer: Answer) -> str | None:
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind or None


def _name_in(url: str) -> str | None:
    return unquote(urlsplit(url).path).rpartition("/")[2] or None
