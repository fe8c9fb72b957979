"""Somebody else's web server, in a thread of the test: files, ranges, validators, and moods."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Origin(ThreadingHTTPServer):
    """
    Serves *files*; counts its requests; hangs up on them while it is *down*.

    Of what lies behind *held_from* it says nothing until it is told to go on or to give up.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, str | None]] = []
        self.connections = 0
        self.down = False
        self.knows_ranges = True
        self.held_from: int | None = None
        # Paths that are answered once their event is set.
        self.waiting: dict[str, threading.Event] = {}
        # What was posted: path, header fields, body; and the statuses that it is answered with,
        # the last one for ever.
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses = [200]
        self._released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def go_on(self, *, give_up: bool = False) -> None:
        """Answer what is held, or hang up on it and on whatever comes."""
        self.down = give_up
        self.held_from = None
        self._released.set()
        if give_up:
            for waiting in self.waiting.values():
                waiting.set()

    def held(self, last: int) -> bool:
        """Wait while a byte is not to be told; say whether to hang up then."""
        if self.held_from is not None and last >= self.held_from:
            self._released.wait()
            return self.down
        return False

    def verify_request(self, request: Any, client_address: Any) -> bool:
        self.connections += 1
        return not self.down


class _Requests(BaseHTTPRequestHandler):
    server: Origin
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        statuses = self.server.statuses
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        self.server.heard.append((self.path, dict(self.headers), body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, *, with_body: bool) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append((self.command, self.path, wanted))
        if self.path in self.server.waiting:
            self.server.waiting[self.path].wait()
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        if self.headers.get("If-None-Match") == etag:
            self._head(304, etag, 0)
            return
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted or "")
        if match and self.server.knows_ranges and self.headers.get("If-Range", etag) == etag:
            first, last = int(match[1]), min(int(match[2]), len(content) - 1)
            if with_body and self.server.held(last):
                return
            total, content = len(content), content[first : last + 1]
            self._head(206, etag, len(content), f"bytes {first}-{last}/{total}")
        else:
            self._head(200, etag, len(content))
        if with_body:
            with contextlib.suppress(ConnectionError):
                self.wfile.write(content)

    def _head(self, status: int, etag: str, length: int, content_range: str | None = None) -> None:
        self.send_response(status)
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", "Fri, 20 Nov 2026 20:00:00 GMT")
        self.send_header("Content-Length", str(length))
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def origin() -> Iterator[Origin]:
    """Run an origin until the block ends."""
    with Origin() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.go_on(give_up=True)
            server.shutdown()
            thread.join()
