"""A whole installation whose artifacts, uploads and sources are in buckets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import ACCOUNT, BEARER, Edge, until
from tests.e2e.sounds import note, talk
from tests.support.backend_fixtures import S3Bucket, S3Server
from tests.support.buckets import credentials
from tests.support.faulty_s3 import FaultyS3, Harm, faulty
from tests.support.media import wav_header

API = f"/v2/accounts/{ACCOUNT}"
MIB = 1 << 20


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server) -> Iterator[S3Bucket]:
    with s3_server.fresh() as bucket:
        yield bucket


@pytest.fixture(scope="module")
def proxy(bucket: S3Bucket) -> Iterator[FaultyS3]:
    with faulty(bucket.endpoint) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def server(
    bucket: S3Bucket, proxy: FaultyS3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Edge]:
    """A server whose blobs and one of whose mounts are in a bucket behind the proxy."""
    edge = Edge(
        tmp_path_factory.mktemp("edge"),
        EDGE_BLOBS=f"s3://{bucket.bucket}/blobs",
        EDGE_MOUNTS=f"/lib=s3://{bucket.bucket}/library",
        EDGE_S3_ENDPOINT=proxy.url,
        **credentials(bucket),
    )
    try:
        yield edge.start()
    finally:
        edge.end()


@pytest.fixture(autouse=True)
def whole_again(proxy: FaultyS3) -> None:
    proxy.heal()
    proxy.forget()


def kept(s3_server: S3Server, bucket: S3Bucket) -> list[str]:
    """List what lies in the bucket, as far as the edge has put it there."""
    pages = s3_server.client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket.bucket, Prefix="blobs/"
    )
    return [found["Key"] for page in pages for found in page.get("Contents", [])]


def upload(server: Edge, path: str, content: bytes) -> None:
    answer = server.send(
        f"{API}/uploads/binary?filePath={path}",
        {**BEARER, "Content-Type": "audio/mpeg"},
        method="POST",
        body=content,
    )
    assert answer.status == 200, answer.body


def read_of(proxy: FaultyS3, name: str) -> int:
    """Count the bytes of an object that have been read."""
    return sum(passed.answered_bytes for passed in proxy.passed if name in passed.target)


def resident_peak_bytes(server: Edge) -> int:
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no peak")


def test_what_is_uploaded_is_transformed_and_deleted_without_a_trace(
    server: Edge, s3_server: S3Server, bucket: S3Bucket
) -> None:
    upload(server, "/up/talk.mp3", talk())
    raw = server.send(f"/{ACCOUNT}/raw/up/talk.mp3")
    made = server.made("up/talk.mp3?f=mp3&br=96")
    names = kept(s3_server, bucket)
    deleted = server.send(f"{API}/files?filePath=/up/talk.mp3", BEARER, method="DELETE")

    assert (raw.body, len(made) > 10_000) == (talk(), True)
    assert {name.split("/")[1] for name in names} == {"artifacts", "files"}
    assert deleted.status in (200, 204)
    until(lambda: kept(s3_server, bucket) == [], "the bucket to be empty")


def test_a_stream_is_seen_through_another_node_while_it_is_made(
    server: Edge, bucket: S3Bucket, tmp_path: Path
) -> None:
    upload(server, "/long.wav", note(200, rate=8_000))
    second = server.beside("second").start()
    try:
        playlist = server.audio("long.wav!f=hls-aac-rt&br=96&a=/0f/manifest.m3u8").body.decode()
        segment = next(line for line in playlist.splitlines() if not line.startswith("#"))
        target = f"long.wav!f=hls-aac-rt&br=96&a=/0f/{segment.rpartition('/')[2]}"
        bodies = {node.audio(target).body for node in (server, second)}

        assert len(bodies) == 1
        assert bodies.pop()[:1] == b"G"
    finally:
        second.end()


def test_a_mounted_object_is_read_by_ranges(
    server: Edge, s3_server: S3Server, bucket: S3Bucket, proxy: FaultyS3
) -> None:
    size_bytes = 256 * MIB
    header = wav_header(rate=48_000, channels=2, data_bytes=size_bytes)
    parts = []
    named = {"Bucket": bucket.bucket, "Key": "library/huge.wav"}
    begun = s3_server.client.create_multipart_upload(**named)["UploadId"]
    for number in range(1, size_bytes // (64 * MIB) + 1):
        body = (header if number == 1 else b"") + bytes(64 * MIB)
        told = s3_server.client.upload_part(**named, UploadId=begun, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": told["ETag"]})
    s3_server.client.complete_multipart_upload(
        **named, UploadId=begun, MultipartUpload={"Parts": parts}
    )
    proxy.forget()

    meta = server.audio("lib/huge.wav?f=meta").json()
    looked = read_of(proxy, "huge.wav")
    made = server.made("lib/huge.wav?f=mp3&ts=1000s&te=1002s")

    assert float(meta["tracks"][0]["duration"]) == pytest.approx(size_bytes / 192_000, abs=1)
    assert len(made) > 10_000
    # Two seconds are 384 000 bytes; each look at the header reads on a little.
    assert looked < 300_000
    assert read_of(proxy, "huge.wav") - looked < 1_000_000


@pytest.mark.parametrize("harm", [Harm.RESET, Harm.SLOW_DOWN, Harm.LOST, Harm.TRUNCATED])
def test_a_request_survives_what_is_wrong_for_a_moment(
    server: Edge, proxy: FaultyS3, harm: Harm
) -> None:
    path = f"/faulty/{harm.name}.mp3"
    for method in ("GET", "PUT", "POST", "DELETE"):
        proxy.harm(harm, method=method, times=2)
    upload(server, path, talk())
    made = server.made(f"{path[1:]}?f=mp3&br=96")

    assert proxy.harmed >= 2
    assert made == server.made(f"{path[1:]}?f=mp3&br=96")


def test_while_the_bucket_is_away_what_is_near_is_served_and_the_rest_put_off(
    server: Edge, proxy: FaultyS3
) -> None:
    upload(server, "/near.mp3", talk())
    upload(server, "/far.mp3", talk())
    made = server.made("near.mp3?f=mp3&br=96")
    proxy.harm(Harm.RESET)

    near = server.audio("near.mp3?f=mp3&br=96&a=/audio.mp3")
    far = server.send(f"/{ACCOUNT}/raw/far.mp3")

    assert (near.status, near.body == made) == (200, True)
    assert (far.status, far.headers["Retry-After"]) == (503, "5")
    assert far.problem["code"] == "unavailable"


def test_a_large_upload_takes_no_memory(server: Edge) -> None:
    upload(server, "/small.bin", bytes(MIB))
    before = resident_peak_bytes(server)
    upload(server, "/huge.bin", bytes(160 * MIB))
    peak = resident_peak_bytes(server)
    answer = server.send(f"/{ACCOUNT}/raw/huge.bin", {"Range": "bytes=90000000-90000009"})

    assert answer.body == bytes(10)
    # Four parts are on their way at once, and some memory is given back late.
    assert peak - before < 120 * MIB


def test_what_was_uploaded_before_is_found_after_moving_to_a_bucket(
    bucket: S3Bucket, tmp_path: Path
) -> None:
    edge = Edge(tmp_path, **credentials(bucket)).start()
    try:
        upload(edge, "/before.mp3", talk())
        assert edge.stop() == 0
        edge.environment |= {
            "EDGE_BLOBS": f"s3://{bucket.bucket}/moved",
            "EDGE_S3_ENDPOINT": bucket.endpoint,
        }
        edge.start()
        upload(edge, "/after.mp3", talk())

        assert edge.send(f"/{ACCOUNT}/raw/before.mp3").body == talk()
        assert edge.send(f"/{ACCOUNT}/raw/after.mp3").body == talk()
    finally:
        edge.end()


def test_a_bucket_that_is_not_there_is_told_at_the_start(bucket: S3Bucket, tmp_path: Path) -> None:
    edge = Edge(
        tmp_path,
        EDGE_BLOBS="s3://not-this-one",
        EDGE_S3_ENDPOINT=bucket.endpoint,
        **credentials(bucket),
    )
    told = f"s3://not-this-one: there is no such bucket at {bucket.endpoint}"
    served = edge.command("serve", "--port", "0")
    checks = json.loads(edge.command("doctor", "--json").stdout)["checks"]

    assert (served.returncode, f"audio-edge: {told}" in served.stderr) == (1, True)
    assert "Traceback" not in served.stderr
    assert checks["blobs"] == f"FAILED: {told}"
