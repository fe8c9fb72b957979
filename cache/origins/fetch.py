"""
Guarded HTTP: asks other people's servers without becoming their tool.

A URL from outside may point at this machine, at its neighbours or at a metadata service, by
number, by name, by redirect, or by a name that changes its address between check and use. So the
address is checked where it is used, in the connector's socket factory: what is not allowed never
becomes a socket. A server may also answer slowly, endlessly, compressed a thousandfold, or with
less than it promised; each of these ends in a SourceProblem.

aiohttp's own redirects, cookies, proxies, decompression and timeouts are switched off here: they
cannot be given these limits.
"""

import asyncio
import errno
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType

import aiohttp
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from cache.origins.addresses import Network, is_address, is_listed, is_public
from cache.origins.urls import admit, redirected, without_secrets
from cache.source import SourceForbidden, SourceProblem, SourceTooLarge, SourceUnreachable

_PORTS = frozenset((80, 443))
_LOCAL_NAMES = ("localhost", "localhost.")
_LOOPBACK = ("127.0.0.1", "::1")
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_BLOCK_BYTES = 64 << 10

# What a redirect to another origin may still be told; anything else could be a credential.
_IMPERSONAL = frozenset(
    (
        "accept",
        "range",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may cost."""

    connect_seconds: float = 10
    """For the name, the connection and TLS, per hop."""

    headers_seconds: float = 30
    """From the request to the end of the answer's header, per hop."""

    total_seconds: float = 300
    """From the first request to the last byte of the body."""

    slack_seconds: float = 20
    """How long a body may keep us waiting altogether, beyond what its length excuses."""

    min_bytes_per_second: int = 4096
    """Every so many bytes of body excuse one second of waiting."""

    max_bytes: int = 1 << 30
    """Length of the body."""

    max_redirects: int = 3


class Answer:
    """One response, its header complete and its body still on the wire."""

    def __init__(
        self, response: aiohttp.ClientResponse, limits: Limits, deadline: float, shown: str
    ) -> None:
        self._response = response
        self._limits = limits
        self._deadline = deadline
        self._shown = shown

    @property
    def status(self) -> int:
        """Return the status code."""
        return self._response.status

    @property
    def url(self) -> str:
        """Return the URL that answered, after redirects."""
        return str(self._response.url)

    @property
    def url_shown(self) -> str:
        """Return the same for people to read, without the query, which may hold secrets."""
        return self._shown

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """Return the header fields."""
        return self._response.headers

    @property
    def size_bytes(self) -> int | None:
        """Return the Content-Length, None when there is none."""
        return self._response.content_length

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        """
        Yield the body as it arrives.

        Raises:
            SourceTooLarge: It is longer than allowed, by its own word or in fact.

            SourceUnreachable: It is too slow, or shorter than its own word.
        """
        limits = self._limits
        if self.size_bytes is not None and self.size_bytes > limits.max_bytes:
            raise self._too_large()
        loop = asyncio.get_running_loop()
        received = 0
        waited = 0.0
        while True:
            # Only waiting for the network counts: whoever consumes the blocks may take their time.
            patience = limits.slack_seconds + received / limits.min_bytes_per_second - waited
            before = loop.time()
            try:
                async with asyncio.timeout_at(min(before + patience, self._deadline)):
                    block = await self._response.content.read(_BLOCK_BYTES)
            except TimeoutError as problem:
                raise SourceUnreachable(f"{self._shown}: the body arrives too slowly") from problem
            except (aiohttp.ClientError, OSError) as problem:
                raise SourceUnreachable(f"{self._shown}: the body broke off") from problem
            if not block:
                return
            waited += loop.time() - before
            received += len(block)
            if received > limits.max_bytes:
                raise self._too_large()
            yield block

    async def read(self) -> bytes:
        """Return the whole body; raises what ``blocks`` raises."""
        return b"".join([block async for block in self.blocks()])

    def _too_large(self) -> SourceTooLarge:
        return SourceTooLarge(f"{self._shown}: more than {self._limits.max_bytes} bytes")


class _NotAllowed(PermissionError):
    """
    An address that must not be connected to.

    The text is always the same, on purpose: when several addresses of a name fail, aiohappyeyeballs
    raises the first error itself only if all of them read alike.
    """

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "address or port not allowed")


class Fetcher:
    """Sends requests within limits; one for the process, closed at its end."""

    def __init__(
        self,
        *,
        allow_networks: Sequence[Network] = (),
        limits: Limits | None = None,
        resolver: AbstractResolver | None = None,
        user_agent: str = "audio-edge",
    ) -> None:
        """
        Prepare a fetcher; connections are made on demand, in the running loop.

        Args:
            allow_networks: May be reached although they are not public, and on any port.

            limits: For requests that bring none of their own.

            resolver: Looks up names; the system's by default.
        """
        self._allow_networks = tuple(allow_networks)
        self._limits = limits or Limits()
        self._resolver = resolver
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None

    @property
    def limits(self) -> Limits:
        """Return the limits of requests that bring none of their own."""
        return self._limits

    def check(self, url: str) -> None:
        """
        Refuse a URL whose text alone shows that it is not allowed; a name may yet prove to be.

        Raises:
            SourceForbidden: It is none, or names an address or a port that is not allowed.
        """
        admitted = admit(url)
        host, port = admitted.raw_host or "", admitted.port or 0
        addresses = _LOOPBACK if host.lower() in _LOCAL_NAMES else (host,)
        if is_address(addresses[0]):
            allowed = any(self._reaches(address, port) for address in addresses)
        else:
            # Which address it has is seen when it is connected to.
            allowed = port in _PORTS or bool(self._allow_networks)
        if not allowed:
            raise SourceForbidden(f"{without_secrets(admitted)}: {_NotAllowed().strerror}")

    async def __aenter__(self) -> "Fetcher":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; a second call does nothing."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limits: Limits | None = None,
    ) -> AsyncIterator[Answer]:
        """
        Send a request and give its answer, whatever its status; leaving drops the rest of it.

        GET and HEAD follow redirects, other methods give them back as they are. Another origin
        is told of *headers* only ranges and conditions.

        Raises:
            SourceForbidden: URL, address, port or redirect is not allowed.

            SourceUnreachable: No proper answer came in time.
        """
        limits = limits or self._limits
        deadline = asyncio.get_running_loop().time() + limits.total_seconds
        response = await self._follow(
            method, admit(url), dict(headers or {}), body, limits, deadline
        )
        try:
            yield Answer(response, limits, deadline, without_secrets(response.url))
        finally:
            # A body that was not read to its end takes the connection with it.
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def _follow(
        self,
        method: str,
        url: URL,
        headers: dict[str, str],
        body: bytes | None,
        limits: Limits,
        deadline: float,
    ) -> aiohttp.ClientResponse:
        for _ in range(limits.max_redirects + 1):
            response = await self._send(method, url, headers, body, limits, deadline)
            if response.status not in _REDIRECTS or method not in ("GET", "HEAD"):
                try:
                    _refuse_encodings(response)
                except SourceProblem:
                    response.close()
                    raise
                return response
            location = response.headers.get("Location")
            response.close()
            if location is None:
                raise SourceUnreachable(f"{without_secrets(url)}: a redirect to nowhere")
            target = redirected(url, location)
            if target.origin() != url.origin():
                headers = {name: headers[name] for name in headers if name.lower() in _IMPERSONAL}
            url = target
        raise SourceForbidden(f"{without_secrets(url)}: more than {limits.max_redirects} redirects")

    async def _send(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        body: bytes | None,
        limits: Limits,
        deadline: float,
    ) -> aiohttp.ClientResponse:
        shown = without_secrets(url)
        sent = CIMultiDict(headers)
        sent["Accept-Encoding"] = "identity"
        sent["User-Agent"] = self._user_agent
        until = asyncio.get_running_loop().time() + limits.headers_seconds
        try:
            async with asyncio.timeout_at(min(until, deadline)):
                return await self._opened().request(
                    method,
                    url,
                    headers=sent,
                    data=body,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(
                        total=None, connect=limits.connect_seconds, sock_connect=None
                    ),
                )
        except TimeoutError as problem:
            raise SourceUnreachable(f"{shown}: no answer in time") from problem
        except aiohttp.ClientConnectorError as problem:
            if isinstance(problem.os_error, _NotAllowed):
                raise SourceForbidden(f"{shown}: {problem.os_error.strerror}") from None
            raise SourceUnreachable(f"{shown}: no connection") from problem
        except aiohttp.InvalidURL as problem:
            raise SourceForbidden(f"{shown}: not a proper URL") from problem
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            raise SourceUnreachable(f"{shown}: no proper answer") from problem

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    socket_factory=self._socket, resolver=self._resolver, ttl_dns_cache=10
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _socket(self, addr_info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = addr_info
        host, port = str(address[0]), address[1]
        if not self._reaches(host, port):
            raise _NotAllowed
        return socket.socket(family, kind, protocol)

    def _reaches(self, address: str, port: int) -> bool:
        public = port in _PORTS and is_public(address)
        return public or is_listed(address, self._allow_networks)


def _refuse_encodings(response: aiohttp.ClientResponse) -> None:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    transfer = response.headers.get("Transfer-Encoding", "chunked").strip().lower()
    if encoding not in ("", "identity") or transfer != "chunked":
        raise SourceUnreachable(
            f"{without_secrets(response.url)}: the body is encoded although it must not be"
        )
