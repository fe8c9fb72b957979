"""
The objects below a prefix of one bucket, asked for by name, range and version.

Keys here are relative to the prefix. Every answer's body is read to its end or its connection
closed, and a body that is shorter than its header says is an attempt that failed.
"""

import base64
import hashlib
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cache.s3.client import S3Client

# Reference of DeleteObjects: "up to 1000 keys".
_DELETED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFacts:
    """One version of one object."""

    etag: str
    """As the bucket spells it, quotes included."""

    size_bytes: int

    modified_ms: int
    """When it was put or copied, milliseconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedObject:
    """What a listing tells of an object."""

    key: str
    size_bytes: int
    modified_ms: int


class _BodyBroke(OSError):
    """A body ended early."""


class Bucket:
    """Asks one bucket, through the client that all share."""

    def __init__(self, client: S3Client, name: str, prefix: str = "") -> None:
        """Prepare to ask for what is below *prefix*, which is empty or ends with a slash."""
        self.client = client
        self.name = name
        self.prefix = prefix

    def below(self, folder: str) -> "Bucket":
        """Return the part of it below ``folder/``."""
        return Bucket(self.client, self.name, f"{self.prefix}{folder}/")

    def __str__(self) -> str:
        """Spell it as a URL."""
        return f"s3://{self.name}/{self.prefix}".rstrip("/")

    def url(self, key: str) -> str:
        """Spell an object as a URL."""
        return f"s3://{self.name}/{self.prefix}{key}"

    def named(self, key: str) -> dict[str, str]:
        """Return the parameters that name an object."""
        return {"Bucket": self.name, "Key": self.prefix + key}

    async def check(self) -> None:
        """
        Make sure that the bucket is there and may be listed.

        Raises:
            StoreAway: It is not; the text says why.
        """
        await self._page(Prefix=self.prefix, MaxKeys=1)

    async def head(self, key: str) -> ObjectFacts:
        """
        Describe an object.

        Raises:
            ObjectMissing: There is none.
        """

        async def run(client: Any) -> ObjectFacts:
            return _facts(await client.head_object(**self.named(key)))

        return await self.client.ask(self.url(key), run)

    async def get(
        self, key: str, start: int, end: int, *, etag: str | None = None
    ) -> tuple[bytes, ObjectFacts]:
        """
        Read the bytes from *start* up to *end*, fewer only where the object ends.

        Args:
            etag: The version wanted; None for whichever is there.

        Raises:
            ObjectMissing: There is no such object.

            ObjectChanged: It has become another version.

            RangeBeyond: It ends before *start*, as an empty one does.
        """
        pinned = {} if etag is None else {"IfMatch": etag}

        async def run(client: Any) -> tuple[bytes, ObjectFacts]:
            answer = await client.get_object(
                **self.named(key), Range=f"bytes={start}-{end - 1}", **pinned
            )
            async with answer["Body"] as body:
                facts = _facts(answer)
                wanted = min(end, facts.size_bytes) - start
                if answer["ContentLength"] != wanted:
                    raise _BodyBroke(f"{answer['ContentLength']} bytes instead of {wanted}")
                content = bytes(await body.read())
            if len(content) != wanted:
                raise _BodyBroke(f"{len(content)} of {wanted} bytes came")
            return content, facts

        return await self.client.ask(self.url(key), run, size_bytes=end - start)

    async def put(self, key: str, content: bytes, digest: bytes) -> None:
        """Store *content*, whose MD5 is *digest*, in place of what was there."""

        async def run(client: Any) -> None:
            body = io.BytesIO(content)
            await client.put_object(**self.named(key), Body=body, ContentMD5=spelled(digest))

        await self.client.ask(self.url(key), run, size_bytes=len(content))

    async def touch(self, key: str) -> None:
        """
        Copy an object onto itself, which makes it young; this is tried only once.

        Raises:
            ObjectMissing: There is none.
        """
        named = self.named(key)

        async def run(client: Any) -> None:
            await client.copy_object(**named, CopySource=dict(named), MetadataDirective="REPLACE")

        await self.client.ask(self.url(key), run, attempts=1)

    async def delete(self, key: str) -> None:
        """Delete an object; a missing one is no error."""

        async def run(client: Any) -> None:
            await client.delete_object(**self.named(key))

        await self.client.ask(self.url(key), run)

    async def delete_all(self, keys: Sequence[str]) -> None:
        """Delete objects, a thousand with each request; missing ones are no error."""
        for at in range(0, len(keys), _DELETED_AT_ONCE):
            await self._delete_some(keys[at : at + _DELETED_AT_ONCE])

    async def list(self, prefix: str) -> AsyncIterator[ListedObject]:
        """Yield the objects whose keys start with *prefix*, in the order of their keys."""
        more: dict[str, str] = {}
        while True:
            page = await self._page(Prefix=self.prefix + prefix, **more)
            for entry in page.get("Contents", ()):
                yield ListedObject(
                    key=entry["Key"].removeprefix(self.prefix),
                    size_bytes=entry["Size"],
                    modified_ms=milliseconds(entry["LastModified"]),
                )
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def _page(self, **parameters: object) -> dict[str, Any]:
        async def run(client: Any) -> dict[str, Any]:
            return dict(await client.list_objects_v2(Bucket=self.name, **parameters))

        return await self.client.ask(str(self), run)

    async def _delete_some(self, keys: Sequence[str]) -> None:
        wanted = {"Objects": [{"Key": self.prefix + key} for key in keys], "Quiet": True}

        async def run(client: Any) -> None:
            answer = await client.delete_objects(Bucket=self.name, Delete=wanted)
            if errors := answer.get("Errors"):
                raise OSError(f"{errors[0].get('Key')}: {errors[0].get('Code')}")

        await self.client.ask(str(self), run)


def milliseconds(moment: datetime) -> int:
    """Return an answer's time in milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


def spelled(digest: bytes) -> str:
    """Spell an MD5 as Content-MD5 does (RFC 1864)."""
    return base64.b64encode(digest).decode()


def digest_of(content: bytes) -> bytes:
    """Sum *content* up as S3 does, which is no matter of secrecy."""
    return hashlib.md5(content, usedforsecurity=False).digest()


def _facts(answer: dict[str, Any]) -> ObjectFacts:
    size_bytes = answer["ContentLength"]
    if "ContentRange" in answer:
        size_bytes = int(answer["ContentRange"].rpartition("/")[2])
    return ObjectFacts(
        etag=answer["ETag"],
        size_bytes=size_bytes,
        modified_ms=milliseconds(answer["LastModified"]),
    )
