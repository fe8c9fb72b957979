"""
One S3 client for the process, which repeats what failed on the way.

    ObjectMissing   there is no such object
    ObjectChanged   there is one, but not the version that was asked for
    RangeBeyond     there is one, and no byte of it lies in the range
    StoreAway       the bucket did not answer properly, however often it was asked

The library's own retries are switched off: they end where an answer's header does, and it is the
bodies that break. Nor does it sum up bodies by itself, because servers of a few years ago refuse
the trailers it would send (``request_checksum_calculation``); who puts something says its MD5.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.handlers import add_expect_header

from cache.source import StoreAway

_log = logging.getLogger(__name__)

# Where it has found credentials is no news to whoever has put them there.
logging.getLogger("aiobotocore.credentials").setLevel(logging.WARNING)

T = TypeVar("T")

# A bucket in us-east-1 is what a server that knows no regions calls its own.
_REGION_OF_STRANGERS = "us-east-1"

_MOST_CONNECTIONS = 64
_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
_ON_THE_WAY = (BotoCoreError, aiohttp.ClientError, TimeoutError, OSError)

# Refusals that are no verdict on the request: it was hurried, or damaged on its way.
_REPEATABLE = frozenset(
    ("BadDigest", "IncompleteBody", "InternalError", "RequestTimeout", "SlowDown", "Throttling")
)
_MISSING = frozenset(("404", "NoSuchKey", "NoSuchUpload"))
_CHANGED = frozenset(("412", "PreconditionFailed"))
_BEYOND = frozenset(("416", "InvalidRange"))


class ObjectMissing(Exception):
    """There is no such object."""


class ObjectChanged(Exception):
    """The object is not the version that was asked for."""


class RangeBeyond(Exception):
    """No byte of the object lies in the range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where buckets are."""

    url: str | None = None
    """None for Amazon's own."""

    region: str | None = None
    """None for what the environment says."""

    path_style: bool | None = None
    """Whether a bucket is named in the path instead of the host; None: where there is a URL."""

    def __str__(self) -> str:
        """Name it for people."""
        return self.url or f"Amazon S3 ({self.region or 'its default region'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a bucket is tried."""

    attempts: int = 6
    connect_seconds: float = 5
    answer_seconds: float = 20
    """For one attempt, beyond what its length excuses."""

    min_bytes_per_second: int = 128 << 10
    first_pause_seconds: float = 0.1
    """Twice as long after each attempt; how much of it is waited is left to chance."""

    longest_pause_seconds: float = 3
    total_seconds: float = 30
    """Beyond this, and what the length excuses, nothing is tried again."""


class S3Client:
    """Sends requests; one for the process, shared by all buckets of one endpoint."""

    def __init__(self, endpoint: Endpoint, patience: Patience | None = None) -> None:
        self.endpoint = endpoint
        self._patience = patience or Patience()
        self._making: Any = None  # aiobotocore has no type information.
        self._client: Any = None
        # Whatever is sent lies in memory meanwhile: a few long bodies, or more short ones.
        self.long_bodies = asyncio.Semaphore(4)
        self.short_bodies = asyncio.Semaphore(16)

    async def start(self) -> None:
        """
        Prepare to send; nothing is sent yet.

        Raises:
            StoreAway: What is said of endpoint or credentials makes no sense.
        """
        endpoint, patience = self.endpoint, self._patience
        path_style = endpoint.path_style
        if path_style is None:
            path_style = endpoint.url is not None
        config = AioConfig(
            connect_timeout=patience.connect_seconds,
            read_timeout=patience.answer_seconds,
            max_pool_connections=_MOST_CONNECTIONS,
            retries={"total_max_attempts": 1},
            signature_version="s3v4",
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            # Hashing a body a second time, on the event loop, would tell no more than its MD5.
            s3={
                "addressing_style": "path" if path_style else "virtual",
                "payload_signing_enabled": False,
            },
        )
        session = AioSession()
        try:
            region = endpoint.region or session.get_config_variable("region")
            if region is None and endpoint.url is not None:
                region = _REGION_OF_STRANGERS
            self._making = session.create_client(
                "s3", endpoint_url=endpoint.url, region_name=region, config=config
            )
            self._client = await self._making.__aenter__()
            # A server or proxy that never says "100 Continue" would be waited for in vain.
            self._client.meta.events.unregister("before-call.s3", add_expect_header)
        except (BotoCoreError, ValueError) as problem:
            raise StoreAway(f"{endpoint}: {problem}") from problem

    async def aclose(self) -> None:
        """Close all connections; a second call does nothing."""
        making, self._making, self._client = self._making, None, None
        if making is not None:
            await making.__aexit__(None, None, None)

    async def __aenter__(self) -> "S3Client":
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def ask(
        self,
        what: str,
        run: Callable[[Any], Awaitable[T]],
        *,
        size_bytes: int = 0,
        attempts: int | None = None,
    ) -> T:
        """
        Let *run* ask the client, again where the way there or back broke.

        Args:
            what: The subject, for messages, such as ``s3://bucket/key``.

            run: Does one whole attempt, bodies included; it may have worked unheard before.

            size_bytes: What is sent or awaited, which excuses that much time.

            attempts: How many, instead of what patience says.

        Raises:
            ObjectMissing, ObjectChanged, RangeBeyond: So says the bucket.

            StoreAway: It says nothing, or nothing of use.
        """
        patience = self._patience
        loop = asyncio.get_running_loop()
        excused = size_bytes / patience.min_bytes_per_second
        until = loop.time() + patience.total_seconds + excused
        most = attempts or patience.attempts
        pause = patience.first_pause_seconds
        for attempt in range(1, most + 1):
            try:
                async with asyncio.timeout(patience.answer_seconds + excused):
                    return await run(self._client)
            except ClientError as refusal:
                failed: Exception = refusal
                self._settle(what, refusal)
            except _CREDENTIALS as problem:
                raise StoreAway(f"{what}: {_no_credentials(problem)}") from problem
            except _ON_THE_WAY as problem:
                failed = problem
            if attempt == most or loop.time() + pause > until:
                break
            _log.debug("%s: attempt %d failed: %r", what, attempt, failed)
            await asyncio.sleep(random.uniform(pause / 2, pause))
            pause = min(pause * 2, patience.longest_pause_seconds)
        raise StoreAway(f"{what}: {self._told(failed)}") from failed

    def _settle(self, what: str, refusal: ClientError) -> None:
        """Raise what a refusal means, or return if it is worth another attempt."""
        code = str(refusal.response.get("Error", {}).get("Code", ""))
        status = refusal.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _MISSING:
            raise ObjectMissing(what) from refusal
        if code in _CHANGED:
            raise ObjectChanged(what) from refusal
        if code in _BEYOND:
            raise RangeBeyond(what) from refusal
        if code not in _REPEATABLE and status < 500 and status != 429:
            raise StoreAway(f"{what}: {self._verdict(code, status)}") from refusal

    def _verdict(self, code: str, status: int) -> str:
        match code:
            case "NoSuchBucket":
                return f"there is no such bucket at {self.endpoint}"
            case "InvalidAccessKeyId" | "SignatureDoesNotMatch":
                return f"{self.endpoint} does not accept these credentials ({code})"
            case "AccessDenied" | "403":
                return f"{self.endpoint} does not allow this with these credentials"
            case "PermanentRedirect" | "301" | "AuthorizationHeaderMalformed":
                return f"the bucket is in another region than {self.endpoint} ({code})"
            case _:
                return f"{self.endpoint} refuses this ({code or status})"

    def _told(self, failed: Exception) -> str:
        match failed:
            case ClientError():
                return f"{self.endpoint} is not able to answer ({failed})"
            case EndpointConnectionError():
                return f"{self.endpoint} cannot be reached"
            case TimeoutError():
                return f"{self.endpoint} did not answer in time"
            case _:
                return f"{self.endpoint} did not answer properly ({failed})"


def _no_credentials(problem: Exception) -> str:
    return (
        "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE "
        f"({problem})"
    )
