"""Somebody's server that webhooks are sent to, and events to send."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.library.webhooks.store import add
from edge.records.engine import writing
from edge.records.tables import events

ACCOUNT = "W142hJk"


@dataclass(kw_only=True)
class Receiver:
    """Keeps what it hears, and answers with *statuses* in turn, the last one for ever."""

    statuses: list[int] = field(default_factory=lambda: [200])
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    held: asyncio.Event | None = None
    url: str = ""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        self.heard.append((dict(request.headers), await request.read()))
        if self.held is not None:
            await self.held.wait()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, headers={"Location": "/elsewhere"})


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver until the block ends."""
    receiver = Receiver()
    runner = web.ServerRunner(web.Server(receiver.answer), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def tell(
    records: AsyncEngine, url: str = "https://a.example/", account: str = ACCOUNT
) -> str:
    """Write an event down, as something that happens does."""
    async with writing(records) as connection:
        return await add(connection, account=account, kind="test", url=url, body='{"a":1}')


async def come_due(records: AsyncEngine) -> None:
    """Let all that was put off be due."""
    async with writing(records) as connection:
        await connection.execute(update(events).values(due_ms=events.c.due_ms - 10 * 86_400_000))
