"""
A proxy in front of the S3 server of the tests: counts what passes, and breaks it as it is told.

It runs in a thread with a loop of its own, for tests that wait and for servers they have started.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

import aiohttp
from aiohttp import web
from yarl import URL

_HOP_BY_HOP = {"connection", "expect", "keep-alive", "transfer-encoding"}
_HOLDING_SECONDS = 0.02
_SLOW_DOWN = (
    b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Less, please.</Message></Error>'
)


class Harm(Enum):
    """What can be done to a request."""

    LATE = auto()
    """It waits before it is passed on."""
    RESET = auto()
    """The connection breaks before the server hears of it."""
    SLOW_DOWN = auto()
    """It is answered with 503 SlowDown, and the server does not hear of it."""
    LOST = auto()
    """The server does it, and the connection breaks instead of an answer."""
    TRUNCATED = auto()
    """The answer's body ends in its middle."""


@dataclass(slots=True)
class Rule:
    """Which requests are harmed, and how."""

    harm: Harm
    method: str
    target: re.Pattern[str]
    times: int
    seconds: float
    every: int
    seen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A request that came, and the length of the body it was answered with."""

    method: str
    target: str
    range: str
    answered_bytes: int


class FaultyS3:
    """The proxy; its ``url`` is the endpoint to give away."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._held: tuple[re.Pattern[str], int] | None = None
        self.passed: list[Passed] = []
        self.harmed = 0
        self.url = ""

    def forget(self) -> None:
        """Count from nothing again."""
        with self._lock:
            self.passed.clear()
            self.harmed = 0

    def harm(
        self,
        harm: Harm,
        *,
        method: str = "",
        target: str = "",
        times: int = 1 << 30,
        seconds: float = 0,
        every: int = 1,
    ) -> None:
        """
        Harm requests of a method whose target has a match of a pattern.

        Args:
            times: How many, at most.

            every: One in so many of those that no rule before this one has harmed.
        """
        with self._lock:
            pattern = re.compile(target)
            self._rules.append(Rule(harm, method, pattern, times, seconds, every))

    def hold(self, target: str, *, from_byte: int) -> None:
        """Say nothing of what lies behind a byte of objects that match, until all is healed."""
        with self._lock:
            self._held = re.compile(target), from_byte

    def heal(self) -> None:
        """Harm nothing any more, and hold nothing."""
        with self._lock:
            self._rules.clear()
            self._held = None

    def _holds(self, request: web.BaseRequest) -> bool:
        wanted = re.fullmatch(r"bytes=\d+-(\d+)", request.headers.get("Range", ""))
        with self._lock:
            if self._held is None or request.method != "GET":
                return False
            target, from_byte = self._held
            reaches = wanted is None or int(wanted[1]) >= from_byte
            return reaches and target.search(request.raw_path) is not None

    def _rule_for(self, method: str, target: str) -> Rule | None:
        with self._lock:
            for rule in self._rules:
                if rule.times and rule.method in ("", method) and rule.target.search(target):
                    rule.seen += 1
                    if rule.seen % rule.every:
                        continue
                    rule.times -= 1
                    self.harmed += 1
                    return rule
        return None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()  # However long it is, unlike request.read().
        rule = self._rule_for(request.method, request.raw_path)
        harm = rule.harm if rule is not None else None
        if rule is not None and harm is Harm.LATE:
            await asyncio.sleep(rule.seconds)
        while self._holds(request):
            await asyncio.sleep(_HOLDING_SECONDS)
        if harm is Harm.RESET:
            return _broken(request)
        if harm is Harm.SLOW_DOWN:
            return web.Response(status=503, body=_SLOW_DOWN, content_type="application/xml")
        headers = {
            name: text for name, text in request.headers.items() if name.lower() not in _HOP_BY_HOP
        }
        async with self._session.request(
            request.method,
            URL(self._endpoint + request.raw_path, encoded=True),
            headers=headers,
            data=io.BytesIO(body) if body else None,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            allow_redirects=False,
        ) as heard:
            content = await heard.read()
        if harm is Harm.LOST:
            return _broken(request)
        with self._lock:
            self.passed.append(
                Passed(
                    method=request.method,
                    target=request.raw_path,
                    range=request.headers.get("Range", ""),
                    answered_bytes=len(content),
                )
            )
        return await _told(request, heard, content, truncated=harm is Harm.TRUNCATED)

    async def _serve(self, ready: threading.Event, over: asyncio.Event) -> None:
        async with aiohttp.ClientSession(auto_decompress=False) as self._session:
            runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            assert runner.addresses
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            ready.set()
            await over.wait()
            await runner.cleanup()


def _broken(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _told(
    request: web.BaseRequest, heard: aiohttp.ClientResponse, content: bytes, *, truncated: bool
) -> web.StreamResponse:
    headers = [
        (name, text) for name, text in heard.headers.items() if name.lower() not in _HOP_BY_HOP
    ]
    answer = web.StreamResponse(status=heard.status, headers=headers)
    if "Content-Length" not in heard.headers and request.method != "HEAD":
        answer.content_length = len(content)
    await answer.prepare(request)
    if request.method != "HEAD" and content:
        await answer.write(content[: len(content) // 2] if truncated else content)
    if truncated:
        # What was written is on its way before the connection ends.
        await asyncio.sleep(0.01)
        return _broken(request)
    await answer.write_eof()
    return answer


@contextlib.contextmanager
def faulty(endpoint: str) -> Iterator[FaultyS3]:
    """Run a proxy in front of a server until the block ends."""
    proxy = FaultyS3(endpoint)
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(proxy._serve(ready, over))

    thread = threading.Thread(target=run, name="faulty S3")
    thread.start()
    assert ready.wait(60)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
