from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from edge.accounts.signatures import (
    Signature,
    Signer,
    mac_of,
    message_of,
    read_signature,
    verify,
)

SECRET = "secret_W142hJkSecretForTestsOnly"
KEY_ID = "01JD0000000000000000000000"
SIGNER = Signer(key_id=KEY_ID, secret=SECRET, expires="1785000000")

# Made by: printf %s "$message" | openssl dgst -sha256 -hmac "$secret" -binary | basenc --base64url
VECTORS = [
    (
        "audio.example/W142hJk/raw/talk.mp3?exp=1785000000",
        "idhtN9kWCIucF88fmVdi6FHxih5Uxy6mYb9jYRyF4H0",
    ),
    (
        "audio.example/W142hJk/audio/talk.mp3!f=hls-aac-rt&a=/0f/0.ts&exp=inf",
        "l2L-Y0d2ceueHCMcl-79CGxWfEz_1nJrDaBmUb9L6N0",
    ),
]


def taken_apart(url: str) -> tuple[str, str, str]:
    """Host, path and query of a URL without its scheme."""
    rest, _, query = url.partition("?")
    host, slash, path = rest.partition("/")
    return host, slash + path, query


def checked(url: str) -> bool:
    """Check a signed URL as a server does."""
    host, path, query = taken_apart(url)
    found = [p for p in (*path.split("&"), *query.split("&")) if p.startswith("sig=")]
    signature = read_signature(found[0].removeprefix("sig="))
    if signature is None:
        return False
    message = message_of(host, path, query, of_parts=signature.of_parts)
    return verify(message, signature, SECRET)


@pytest.mark.parametrize(("message", "code"), VECTORS)
def test_a_signature_is_that_of_other_implementations(message: str, code: str) -> None:
    theirs = hmac.digest(SECRET.encode(), message.encode(), hashlib.sha256)

    assert code == base64.urlsafe_b64encode(theirs).decode().rstrip("=")
    assert code == mac_of(message, SECRET)
    assert verify(message, Signature(key_id=KEY_ID, mac=code), SECRET)


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("a.example/W142hJk/raw/t.mp3", "a.example/W142hJk/raw/t.mp3?exp=1785000000&sig="),
        ("a.example/W142hJk/audio/t?f=mp3", "a.example/W142hJk/audio/t?f=mp3&exp=1785000000&sig="),
        ("a.example/W142hJk/audio/t!f=mp3", "a.example/W142hJk/audio/t!f=mp3&exp=1785000000&sig="),
        ("a.example/W142hJk/audio/t!", "a.example/W142hJk/audio/t!exp=1785000000&sig="),
    ],
)
def test_a_signed_url_ends_with_its_expiry_and_its_signature(url: str, signed: str) -> None:
    made = url + SIGNER.suffix(url)

    assert made.startswith(f"{signed}1.{KEY_ID}.")
    assert checked(made)


def test_the_signature_may_stand_anywhere_and_be_padded() -> None:
    url = "a.example/W142hJk/audio/t.mp3?exp=9&f=mp3"
    signature = f"sig=1.{KEY_ID}.{mac_of(url, SECRET)}="

    assert checked(url.replace("exp", f"{signature}&exp"))
    assert checked(f"{url}&{signature}")
    assert checked(f"A.Example{url[9:]}&{signature}")


@pytest.mark.parametrize(
    "changed",
    [
        ("talk.mp3", "other.mp3"),
        ("f=mp3", "f=wav-riff"),
        ("f=mp3", "F=mp3"),
        ("exp=1785000000", "exp=1785000001"),
        ("exp=1785000000", "exp=inf"),
        ("W142hJk", "W142hJx"),
        ("/audio/", "/raw/"),
        ("audio.example", "edge.example"),
        ("?f=mp3", "!f=mp3"),
        ("&sig=", "&te=1&sig="),
        ("?f", "?&f"),
    ],
)
def test_nothing_of_a_signed_url_can_be_changed(changed: tuple[str, str]) -> None:
    url = "audio.example/W142hJk/audio/talk.mp3?f=mp3"
    url += SIGNER.suffix(url)
    assert checked(url)

    assert not checked(url.replace(*changed, 1))


def test_nothing_can_be_added_to_a_signed_url() -> None:
    url = "audio.example/W142hJk/audio/talk.mp3!f=mp3"
    url += SIGNER.suffix(url)

    assert not checked(f"{url}&te=1")
    assert not checked(f"{url}?te=1")


def test_one_signature_is_good_for_all_parts_of_a_stream() -> None:
    stream = "audio.example/W142hJk/audio/talk.mp3!f=dash-aac&a="
    suffix = SIGNER.suffix_of_parts(stream)

    assert suffix.startswith(f"&exp=1785000000&sig=p1.{KEY_ID}.")
    assert checked(f"{stream}/0f/0.m4s{suffix}")
    assert checked(f"{stream}/0f/init.mp4{suffix}")
    assert not checked(f"{stream}/0f/0.m4s&te=1{suffix}")
    assert not checked(f"{stream}/0f/0.m4s{suffix}&te=1")
    assert not checked(f"{stream}/0f/0.m4s{suffix}".replace("talk", "other"))
    assert not checked(f"{stream}/0f/0.m4s{suffix}".replace("dash", "hls"))
    assert not checked(f"{stream}/0f/0.m4s{suffix}".replace("1785000000", "inf"))
    assert not checked(stream.removesuffix("&a=") + suffix)


def test_a_signature_of_one_kind_is_none_of_the_other() -> None:
    stream = "audio.example/W142hJk/audio/talk.mp3!f=dash-aac&a="
    one, parts = (
        f"{stream}*{SIGNER.suffix(stream + '*')}",
        f"{stream}*{SIGNER.suffix_of_parts(stream)}",
    )

    assert checked(one)
    assert checked(parts)
    assert not checked(one.replace("sig=1.", "sig=p1."))
    assert not checked(parts.replace("sig=p1.", "sig=1."))


def test_no_other_secret_passes() -> None:
    message, code = VECTORS[0]

    assert not verify(message, Signature(key_id=KEY_ID, mac=code), SECRET + "x")
    assert not verify(message, Signature(key_id=KEY_ID, mac=code[:-1]), SECRET)
    assert not verify(message, Signature(key_id=KEY_ID, mac=""), SECRET)


@pytest.mark.parametrize("text", ["", "1", "1.", "1..x", "2.key.code", "key.code", "1.key.é"])
def test_what_is_no_signature_is_not_taken_for_one(text: str) -> None:
    assert read_signature(text) is None


def test_a_signature_alone_leaves_no_mark_behind() -> None:
    assert message_of("A.example", "/x!exp=1", "sig=1.k.c") == "a.example/x!exp=1"
    assert message_of("a.example", "/x!sig=1.k.c", "exp=1") == "a.example/x?exp=1"
    assert message_of("a.example", "/x", "exp=1&%73ig=1.k.c") == "a.example/x?exp=1"
