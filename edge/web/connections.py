"""
HTTP/1.1 connections that a client can neither fill nor hold for ever.

Uvicorn's parser keeps a request head of any length and waits for its end for any time: a header
without an end grew the process by 140 MB before the client gave up (measured), and a connection
that says nothing is never closed. Neither has a setting, hence this.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, NoReturn

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from edge.web import problems
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
    """Uvicorn's connection, with limits on the size and the time of a request's head."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # Any: passed on as it came
        super().__init__(*arguments, **named)
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._refusal: Problem | None = None

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
        self._unset_keepalive_if_required()
        self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
            if self._head_timer is not None and self._head_bytes > _MOST_HEAD_BYTES:
                self._stop()
        except (httptools.HttpParserError, _HeadRefused):
            self._refuse(self._refusal or problems.bad_request("This is no HTTP request."))
        except httptools.HttpParserUpgrade:
            # Nothing else is spoken here, and the request is answered as if it had not asked.
            pass

    def on_message_begin(self) -> None:
        """Begin to wait for the head of a request."""
        super().on_message_begin()
        if self._head_timer is None:
            self._head_bytes = 0
            self._await_head()

    def on_headers_complete(self) -> None:
        """Start answering, unless the head is too large."""
        header_bytes = sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.url) > MOST_TARGET_BYTES or header_bytes > MOST_HEADER_BYTES:
            self._stop()
        self._cancel_timer()
        super().on_headers_complete()

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
        if self.cycle is not None and not self.cycle.response_complete:
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
        if self.cycle is not None and not self.cycle.response_complete:
            # The answer to an earlier request is on its way; what came behind it ends here.
            self.cycle.keep_alive = False
            return
        response = problem_response(problem)
        head = [STATUS_LINE[problem.status]]
        head += [b"%b: %b\r\n" % field for field in response.raw_headers]
        head += [b"connection: close\r\n\r\n"]
        self.transport.write(b"".join(head) + bytes(response.body))
        self.transport.close()
