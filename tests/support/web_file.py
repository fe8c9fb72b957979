"""One file on a web server, for origins to find and to read."""

import asyncio

from aiohttp import web

CONTENT = bytes(number % 251 for number in range(3_000_000))
TUESDAY = "Tue, 14 Nov 2023 22:13:20 GMT"


class Server:
    """A web server whose single file and manners can be changed while it runs."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.etag: str | None = '"one"'
        self.last_modified: str | None = TUESDAY
        self.ranges = True
        self.head = True
        self.conditional = True
        self.chunked = False
        self.status = 200
        self.seen: list[tuple[str, str, str | None]] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        wanted = request.headers.get("Range")
        self.seen.append((request.method, request.raw_path, wanted))
        if self.gate is not None:
            await self.gate.wait()
        if request.method == "HEAD" and not self.head:
            return web.Response(status=405)
        if self.status != 200:
            return web.Response(status=self.status)
        headers = {"ETag": self.etag, "Last-Modified": self.last_modified}
        headers = {name: value for name, value in headers.items() if value is not None}
        if self.conditional and self.etag and request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304, headers=headers)
        if_range = request.headers.get("If-Range")
        if wanted and self.ranges and if_range in (None, self.etag):
            return self._part(wanted, headers)
        if self.chunked:
            response = web.StreamResponse(headers=headers)
            response.enable_chunked_encoding()
            await response.prepare(request)
            await response.write(self.content)
            return response
        return web.Response(body=self.content, headers=headers)

    def _part(self, wanted: str, headers: dict[str, str]) -> web.Response:
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last) + 1, len(self.content))
        if start >= len(self.content):
            headers["Content-Range"] = f"bytes */{len(self.content)}"
            return web.Response(status=416, headers=headers)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(self.content)}"
        return web.Response(status=206, body=self.content[start:end], headers=headers)
