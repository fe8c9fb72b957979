"""The record that completes an artifact."""

import pytest

from cache.receipts import ArtifactFile, Receipt, decode, encode


def file(path: str, size_bytes: int = 3) -> ArtifactFile:
    return ArtifactFile(path=path, digest="ab" * 32, size_bytes=size_bytes, media_type="audio/mpeg")


RECEIPT = Receipt(
    key="0f" * 32,
    account="W142hJk",
    source_path="/music/a b.mp3",
    created_ms=1_700_000_000_000,
    files=(file("/0.ts"), file("/1.ts", 4), file("/a.m3u8", 5)),
    extra={"variants": "[]"},
)


def test_a_receipt_survives_the_round_trip() -> None:
    assert decode(encode(RECEIPT)) == RECEIPT


def test_files_are_found_by_their_exact_path() -> None:
    found = [RECEIPT.file(path) for path in ("/1.ts", "/a.m3u8", "/", "/2.ts", "/z", "1.ts")]

    assert found == [file("/1.ts", 4), file("/a.m3u8", 5), None, None, None, None]


def test_sizes_add_up_and_tags_are_quoted() -> None:
    assert (RECEIPT.size_bytes, RECEIPT.files[0].etag) == (12, '"' + "ab" * 16 + '"')


@pytest.mark.parametrize(
    "text", [b"", b"{", b"{}", b"[]", b"\xff", b'{"key":1}', encode(RECEIPT)[:-1]]
)
def test_anything_else_is_no_receipt(text: bytes) -> None:
    assert decode(text) is None
