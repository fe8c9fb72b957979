"""
Fetching sounds by their URLs: at once, or from the queue, by any node.

A task that was begun by a process which died is begun again by another, three times at most. It
finds what the first has left by the media's id, so that no file comes twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections import Counter
from urllib.parse import unquote, urlsplit

from cache.origins.fetch import Fetcher
from cache.source import SourceForbidden, SourceProblem, SourceTooLarge
from edge.jobs.wakeups import wait
from edge.library.catalogue.store import StorageFull
from edge.library.importing.store import ImportTasks, TooManyImports
from edge.library.importing.task import Failure, ImportTask
from edge.library.library import MediaGone, MediaLibrary
from edge.library.media.media import Draft, Media, new_media_id
from edge.library.paths import PathWish
from edge.library.uploads.intake import Wish
from edge.library.webhooks.store import Events
from edge.records.problems import RecordsAway

_log = logging.getLogger(__name__)

FOLDER = "/clips"
MOST_ATTEMPTS = 3

# Somebody waits at the other end of a connection.
_WAITED_SECONDS = 120.0
_QUEUED_SECONDS = 3600.0
_MOST_WAITED_OF_ACCOUNT = 8
_MOST_QUEUED_OF_ACCOUNT = 100
_MOST_AT_ONCE = 8
_MOST_AT_ONCE_OF_ACCOUNT = 2
_POLL_SECONDS = 1.0
_RENEWALS_A_LEASE = 3

_FORGET_EVERY_SECONDS = 3600.0
KEPT_DAYS = 30
_KEPT_MS = KEPT_DAYS * 86_400_000

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}")


class NoSound(Exception):
    """What was fetched is no sound that can be read; the text says why."""


class Importer:
    """Fetches sounds, and works on the queue."""

    def __init__(
        self,
        *,
        library: MediaLibrary,
        tasks: ImportTasks,
        events: Events,
        fetcher: Fetcher,
        owner: str,
        lease_seconds: float,
    ) -> None:
        """Prepare; *owner* names this process."""
        self.tasks = tasks
        self._library = library
        self._events = events
        self._fetcher = fetcher
        self._owner = owner
        self._renew_seconds = lease_seconds / _RENEWALS_A_LEASE
        self._waited: Counter[str] = Counter()
        self._running: dict[asyncio.Task[None], str] = {}
        self._forgot_at: float | None = None

    def check(self, url: str) -> None:
        """Refuse a URL whose text alone shows that it is not allowed: ``SourceForbidden``."""
        self._fetcher.check(url)

    async def fetch(self, account: str, url: str) -> Media:
        """
        Fetch a sound now.

        Raises:
            NoSound: It is none.
            TooManyImports: So many are being fetched for the account already.
            SourceProblem, StorageFull, MediaGone, ZygoteLost: As ``MediaLibrary.fetch`` says.
        """
        if self._waited[account] >= _MOST_WAITED_OF_ACCOUNT:
            raise TooManyImports(_MOST_WAITED_OF_ACCOUNT)
        self._waited[account] += 1
        try:
            return await self._brought(account, url, new_media_id(), _WAITED_SECONDS)
        finally:
            self._waited[account] -= 1
            if not self._waited[account]:
                del self._waited[account]

    async def submit(self, account: str, url: str, callback_url: str) -> ImportTask:
        """Have a sound fetched by whichever node comes to it; raises ``TooManyImports``."""
        return await self.tasks.submit(
            account=account,
            url=url,
            callback_url=callback_url,
            media=new_media_id(),
            most=_MOST_QUEUED_OF_ACCOUNT,
        )

    async def run(self) -> None:
        """Work on the queue, until it is cancelled."""
        with self.tasks.arrivals() as arrived:
            while True:
                try:
                    await self._begin_waiting()
                    await self._forget()
                except RecordsAway:
                    # What is due stays due.
                    pass
                except Exception:
                    _log.exception("imports were not looked for")
                await wait(arrived, _POLL_SECONDS)

    async def aclose(self) -> None:
        """Stop what is running, and give it back."""
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def do(self, task: ImportTask) -> None:
        """
        Do a task that this process owns.

        What may pass by itself raises, and the task is begun again when its lease has lapsed.
        """
        if task.attempts > MOST_ATTEMPTS:
            failure: Failure | None = await self._given_up(task)
        else:
            failure = await self._failure_of(task)
        if await self.tasks.finish(task, failure):
            self._events.wake()

    async def _given_up(self, task: ImportTask) -> Failure:
        """Take away what may have come: nobody will be told of it."""
        with contextlib.suppress(NoSound, MediaGone):
            await self._clear(task)
        await self._library.delete(task.account, task.media)
        return Failure(
            code="lost_too_often",
            message=f"It was begun {MOST_ATTEMPTS} times, and never came to an end.",
        )

    async def _failure_of(self, task: ImportTask) -> Failure | None:
        try:
            await self._clear(task)
            await self._brought(task.account, task.url, task.media, _QUEUED_SECONDS)
        except (SourceProblem, StorageFull, NoSound, MediaGone) as problem:
            _log.info("import %s of %s: %s", task.id, task.account, problem)
            return failure_of(problem)
        return None

    async def _clear(self, task: ImportTask) -> None:
        """
        Forget an upload that was cut short: what comes now may have another length.

        Raises:
            NoSound, MediaGone: The file has come before, and is gone again.
        """
        upload = await self._library.uploads.of_media(task.media)
        if upload is None or await self._library.give_up(upload):
            return
        gone = await self._library.rows.get(task.account, task.media, deleted=True)
        if gone is not None:
            raise MediaGone(upload.path) if gone.flaw is None else NoSound(gone.flaw)

    async def _brought(self, account: str, url: str, media_id: str, seconds: float) -> Media:
        there = await self._library.rows.get(account, media_id)
        if there is not None and there.file is not None:
            media = await self._library.described(there.file)
        else:
            wish = Wish(
                path=PathWish(whole=f"{FOLDER}/{media_id}{_extension_of(url)}"),
                size_bytes=0,
                media=media_id,
                draft=Draft(),
                overwrites=True,
            )
            media = await self._library.fetch(account, url, wish, timeout_seconds=seconds)
        if media.flaw is not None:
            await self._library.delete(account, media.id)
            raise NoSound(media.flaw)
        return media

    async def _begin_waiting(self) -> None:
        while len(self._running) < _MOST_AT_ONCE:
            under_way = Counter(self._running.values())
            busy = [each for each, n in under_way.items() if n >= _MOST_AT_ONCE_OF_ACCOUNT]
            task = await self.tasks.claim(self._owner, without=busy)
            if task is None:
                return
            running = asyncio.create_task(self._run(task))
            self._running[running] = task.account
            running.add_done_callback(self._ended)

    async def _run(self, task: ImportTask) -> None:
        doing = asyncio.create_task(self.do(task))
        try:
            while not doing.done() and await self.tasks.renew(task):
                await asyncio.wait([doing], timeout=self._renew_seconds)
        except asyncio.CancelledError:
            await _stopped(doing)
            await self.tasks.give_back(task)
            raise
        except Exception:
            _log.exception("import %s of %s", task.id, task.account)
        problem = await _stopped(doing)
        if problem is not None:
            _log.error("import %s of %s", task.id, task.account, exc_info=problem)

    def _ended(self, running: asyncio.Task[None]) -> None:
        del self._running[running]
        self.tasks.wake()

    async def _forget(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._forgot_at is None or now - self._forgot_at >= _FORGET_EVERY_SECONDS:
            self._forgot_at = now
            await self.tasks.forget(older_than_ms=_KEPT_MS)


async def _stopped(doing: asyncio.Task[None]) -> BaseException | None:
    """Cancel what is not done, and return what went wrong with it before."""
    doing.cancel()
    (outcome,) = await asyncio.gather(doing, return_exceptions=True)
    return None if isinstance(outcome, asyncio.CancelledError) else outcome


def failure_of(problem: SourceProblem | StorageFull | NoSound | MediaGone) -> Failure:
    """Say why a sound could not be had, telling nothing of where this edge has looked."""
    match problem:
        case StorageFull():
            return Failure(code="storage_full", message=str(problem))
        case NoSound():
            return Failure(
                code="unsupported_media", message=f"The URL leads to no sound: {problem}"
            )
        case MediaGone():
            return Failure(
                code="unsupported_media", message="The file was deleted while it was looked at."
            )
        case SourceForbidden():
            return Failure(
                code="source_forbidden", message="The URL leads where this edge may not go."
            )
        case SourceTooLarge():
            return Failure(code="too_large", message="The file is larger than allowed.")
        case _:
            return Failure(
                code="source_unreachable", message="There is no file to be had at the URL."
            )


def _extension_of(url: str) -> str:
    """Take the extension of a URL's path, if it looks like one."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    dot = name.rfind(".")
    extension = name[dot:].lower() if dot > 0 else ""
    return extension if _EXTENSION.fullmatch(extension) else ""
