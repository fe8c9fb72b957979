"""
Files that are put in parts, because one request could neither be held in memory nor be repeated.

An upload that fails is aborted; those of processes that died meanwhile lie in the bucket unseen,
and cost what they weigh, until a sweep finds them a day later.
"""

import asyncio
import contextlib
import io
import os
import uuid
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from cache.s3.bucket import Bucket, digest_of, milliseconds, spelled
from cache.s3.client import ObjectMissing
from cache.source import StoreAway

PART_BYTES = 8 << 20

# S3 takes 10 000 parts of an object (user guide, "Amazon S3 multipart upload limits").
_MOST_PARTS = 10_000

_ABANDONED_MS = 24 * 3600 * 1000

# Says which upload an object came from, when the answer to its completion was lost.
_MARK = "upload"


async def put_in_parts(bucket: Bucket, key: str, path: Path, size_bytes: int) -> None:
    """
    Store the file at *path*, of *size_bytes*, under *key*, some parts at once.

    Raises:
        StoreAway: It could not be; nothing is in its place then.
    """
    mark = uuid.uuid4().hex

    async def begin(client: Any) -> str:
        answer = await client.create_multipart_upload(**bucket.named(key), Metadata={_MARK: mark})
        return str(answer["UploadId"])

    url = bucket.url(key)
    upload = await bucket.client.ask(url, begin)
    try:
        parts = await _put_parts(bucket, key, upload, path, size_bytes)
        await _complete(bucket, key, upload, parts, mark)
    except BaseException:
        await asyncio.shield(_abort(bucket, key, upload))
        raise


async def sweep_abandoned(bucket: Bucket, *, age_ms: int = _ABANDONED_MS) -> int:
    """
    Abort the uploads that nobody has completed for a day, and return how many there were.

    A day is one of the store's clock, not of this machine's. A store that cannot list them, or
    does not say what time it is, is believed to have none.
    """

    async def run(client: Any) -> list[dict[str, Any]]:
        old: list[dict[str, Any]] = []
        pages = client.get_paginator("list_multipart_uploads")
        async for page in pages.paginate(Bucket=bucket.name, Prefix=bucket.prefix):
            limit_ms = _answered_ms(page) - age_ms
            for upload in page.get("Uploads", ()):
                if milliseconds(upload["Initiated"]) < limit_ms:
                    old.append(upload)
        return old

    try:
        old = await bucket.client.ask(str(bucket), run)
    except (ObjectMissing, StoreAway):
        return 0
    for upload in old:
        await _abort(bucket, upload["Key"].removeprefix(bucket.prefix), upload["UploadId"])
    return len(old)


def _answered_ms(answer: dict[str, Any]) -> int:
    """Return when the store has answered, by its own clock; 0 if it does not say."""
    said = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    try:
        return milliseconds(parsedate_to_datetime(said))
    except ValueError:
        return 0


async def _put_parts(
    bucket: Bucket, key: str, upload: str, path: Path, size_bytes: int
) -> list[dict[str, object]]:
    part_bytes = max(PART_BYTES, -(-size_bytes // _MOST_PARTS))
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    async def put(number: int) -> dict[str, object]:
        offset = (number - 1) * part_bytes
        async with bucket.client.long_bodies:
            content = await asyncio.to_thread(_read, file, offset, part_bytes)
            digest = await asyncio.to_thread(digest_of, content)

            async def run(client: Any) -> str:
                answer = await client.upload_part(
                    **bucket.named(key),
                    UploadId=upload,
                    PartNumber=number,
                    Body=io.BytesIO(content),
                    ContentMD5=spelled(digest),
                )
                return str(answer["ETag"])

            etag = await bucket.client.ask(bucket.url(key), run, size_bytes=len(content))
        return {"PartNumber": number, "ETag": etag}

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(put(number))
                for number in range(1, -(-size_bytes // part_bytes) + 1)
            ]
    except ExceptionGroup as problems:
        # Parts fail of the same cause; the first to say so speaks for all.
        first = problems.exceptions[0]
        raise first from first.__cause__
    finally:
        os.close(file)
    return [task.result() for task in tasks]


async def _complete(
    bucket: Bucket, key: str, upload: str, parts: list[dict[str, object]], mark: str
) -> None:
    async def run(client: Any) -> None:
        await client.complete_multipart_upload(
            **bucket.named(key), UploadId=upload, MultipartUpload={"Parts": parts}
        )

    async def marked(client: Any) -> bool:
        answer = await client.head_object(**bucket.named(key))
        return bool(answer["Metadata"].get(_MARK) == mark)

    url = bucket.url(key)
    try:
        await bucket.client.ask(url, run)
    except ObjectMissing as problem:
        # There is no such upload any more if it was completed and the answer got lost.
        with contextlib.suppress(ObjectMissing):
            if await bucket.client.ask(url, marked):
                return
        raise StoreAway(f"{url}: its upload was aborted by somebody else") from problem


async def _abort(bucket: Bucket, key: str, upload: str) -> None:
    async def run(client: Any) -> None:
        await client.abort_multipart_upload(**bucket.named(key), UploadId=upload)

    # What cannot be aborted now is swept up another day.
    with contextlib.suppress(ObjectMissing, StoreAway):
        await bucket.client.ask(bucket.url(key), run, attempts=1)


def _read(file: int, offset: int, length: int) -> bytes:
    return os.pread(file, length, offset)
