"""A client for ASGI applications that shows every message, so that tests can see streaming."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What an application sent."""

    messages: tuple[Message, ...]

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def chunks(self) -> tuple[bytes, ...]:
        return tuple(message["body"] for message in self.messages[1:])

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


Call = Callable[..., Awaitable[Answered]]


async def never() -> Message:
    """Stand for a client that stays and has nothing more to say."""
    await asyncio.Event().wait()
    raise AssertionError


@pytest.fixture(scope="session")
def call() -> Call:
    async def call_once(
        app: ASGIApp,
        method: str = "GET",
        path: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        receive: Receive = never,
    ) -> Answered:
        messages: list[Message] = []

        async def send(message: Message) -> None:
            messages.append(message)

        raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": raw,
            "client": ("192.0.2.1", 40000),
            "server": ("192.0.2.2", 80),
        }
        await app(scope, receive, send)
        return Answered(messages=tuple(messages))

    return call_once
