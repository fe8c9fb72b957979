"""
HTTP/1.1 connections that a client can neither fill nor hold for ever, and that answer hits at once.

Uvicorn's parser keeps a request head of any length and waits for its end for any time: a header
without an end grew the process by 140 MB before the client gave up (measured), and a connection
that says nothing is never closed. Neither has a setting, hence this.

It also makes a task, a scope and three timers for every request. A hit in memory needs none of
them: whoever asks for one is answered before the parser is left, and everything else goes on as
uvicorn has it. That more than halves what a hit costs; ``bench/hit_path.py`` measures it.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any, Final, NoReturn

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from edge.web import problems
from edge.web.hits.path import HitPath
from edge.web.problems import Problem, problem_response

# The longest legal target (a hundred parameters of a thousand characters) is longer than any that
# a browser sends; headers of an honest client, cookies included, take half of this.
MOST_TARGET_BYTES: Final = 32 << 10
MOST_HEADER_BYTES: Final = 16 << 10

_MOST_HEAD_BYTES: Final = MOST_TARGET_BYTES + MOST_HEADER_BYTES

HEAD_SECONDS: Final = 30.0


class _HeadRefused(Exception):
    """Stops the parser."""


class Connection(HttpToolsProtocol):
    """Uvicorn's connection, with limits on a request's head, and a short way for hits."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # Any: passed on as it came
        super().__init__(*arguments, **named)
        # Uvicorn logs requests on its own way, so with an access log it is taken by all.
        self._hits = self.app if isinstance(self.app, HitPath) and not self.access_log else None
        self._head_bytes = 0
        self._piece_bytes = 0
        self._first_bytes = 0
        self._in_head = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._refusal: Problem | None = None
        self._heard_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._cancel_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; what is no request is answered once, and is nobody's log entry."""
        if self._refusal is not None:
            return
        self._heard_at = self.loop.time()
        self._piece_bytes = len(data)
        self._head_bytes += self._piece_bytes
        try:
            self.parser.feed_data(data)
            if self._in_head:
                if self._head_bytes > _MOST_HEAD_BYTES:
                    self._stop()
                if self._head_timer is None:
                    self._await_head()
        except (httptools.HttpParserError, _HeadRefused):
            self._refuse(self._refusal or problems.bad_request("This is no HTTP request."))
        except httptools.HttpParserUpgrade:
            # Nothing else is spoken here, and the request is answered as if it had not asked.
            pass

    def on_message_begin(self) -> None:
        """Begin the head of a request."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._in_head = True
        self._first_bytes = self._piece_bytes
        if self._head_timer is None:
            self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """Answer at once or begin to answer, unless the head is too large."""
        # Small requests need no counting: the head is in the piece it began in and those after.
        if self._first_bytes + self._head_bytes > MOST_HEADER_BYTES:
            header_bytes = sum(len(name) + len(value) + 4 for name, value in self.headers)
            if len(self.url) > MOST_TARGET_BYTES or header_bytes > MOST_HEADER_BYTES:
                self._stop()
        self._in_head = False
        self._cancel_timer()
        if self._hits is None or not self._answer_at_once(self._hits):
            self._begin_to_answer()

    def on_message_complete(self) -> None:
        """Tell the answer that is being given, if there is one, that the request has ended."""
        if self.cycle is not None:
            super().on_message_complete()

    def timeout_keep_alive_handler(self) -> None:
        """
        Hang up if the client has said nothing since; otherwise look again later.

        So the timer need not be set for every request. A head that has begun has a timer of its
        own, and the end of an answer sets this one again.
        """
        self.timeout_keep_alive_task = None
        if self._in_head or self._is_answering():
            return
        left = self._heard_at + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._hang_up_after(left)
        else:
            super().timeout_keep_alive_handler()

    def _answer_at_once(self, hits: HitPath) -> bool:
        """Answer with a hit in memory, if the request before is answered and taken."""
        if self._is_answering() or self.flow.write_paused or self.transport.is_closing():
            return False
        if self.parser.get_http_version() != "1.1" or not self.parser.should_keep_alive():
            return False
        began = perf_counter()
        ready = hits.at_once(self.parser.get_method(), self.url, self.headers)
        if ready is None:
            return False
        state = self.server_state
        common = b"".join([b"%b: %b\r\n" % field for field in state.default_headers])
        timing = b"server-timing: hit;dur=%.3f\r\n\r\n" % ((perf_counter() - began) * 1000)
        head = b"".join((STATUS_LINE[ready.status], common, ready.spelt, timing))
        self.transport.writelines((head, ready.body) if ready.body else (head,))
        state.total_requests += 1
        if self.timeout_keep_alive_task is None:
            self._hang_up_after(self.timeout_keep_alive)
        return True

    def _begin_to_answer(self) -> None:
        """Let uvicorn make a scope and a task for the request."""
        url, headers, expecting = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url = url
        self.headers.extend(headers)
        self.expect_100_continue = expecting
        super().on_headers_complete()

    def _is_answering(self) -> bool:
        # What is answered at once has no cycle, so there may be none yet.
        return self.cycle is not None and not self.cycle.response_complete

    def _hang_up_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def _stop(self) -> NoReturn:
        self._refusal = Problem(
            431,
            "head_too_large",
            f"A request's target may have {MOST_TARGET_BYTES} bytes, "
            f"its headers {MOST_HEADER_BYTES}.",
        )
        raise _HeadRefused

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self._is_answering():
            # The next request waits behind a long answer, which is not the client's fault.
            self._await_head()
            return
        self._head_timer = None
        message = f"The request did not arrive within {HEAD_SECONDS:g} s."
        self._refuse(Problem(408, "request_timeout", message))

    def _cancel_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, problem: Problem) -> None:
        """Answer in place of the application, and hang up."""
        self._refusal = problem
        self._cancel_timer()
        if self._is_answering():
            # The answer to an earlier request is on its way; what came behind it ends here.
            self.cycle.keep_alive = False
            return
        response = problem_response(problem)
        head = [STATUS_LINE[problem.status]]
        head += [b"%b: %b\r\n" % field for field in response.raw_headers]
        head += [b"connection: close\r\n\r\n"]
        self.transport.write(b"".join(head) + bytes(response.body))
        self.transport.close()
