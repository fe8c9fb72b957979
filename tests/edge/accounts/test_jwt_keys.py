from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.accounts.jwt_keys.pem import read_public_key
from edge.accounts.jwt_keys.store import JwtKeys, NoSuchAccount
from edge.accounts.seal import Seal
from edge.accounts.store import Accounts
from edge.accounts.tokens import TokenAlgorithm, TokenKey

ACCOUNT = "W142hJk"
RS256, ES256 = TokenAlgorithm.RS256, TokenAlgorithm.ES256

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SHORT_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def pem(key: Private) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, RS256), (EC_KEY, ES256)])
def test_a_public_key_is_read_and_spelt_in_one_way(key: Private, algorithm: TokenAlgorithm) -> None:
    assert pem(key).decode() == read_public_key(b"\n" + pem(key) + b"\n\n", algorithm)


def test_the_form_that_names_rsa_is_read_too() -> None:
    older = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)

    assert pem(RSA_KEY).decode() == read_public_key(older, RS256)


@pytest.mark.parametrize(
    ("content", "algorithm", "told"),
    [
        (pem(RSA_KEY), ES256, "another kind of public key; ES256 needs an EC public key"),
        (pem(EC_KEY), RS256, "another kind of public key; RS256 needs an RSA public key"),
        (pem(SHORT_RSA_KEY), RS256, "2048 to 8192 bits"),
        (pem(ec.generate_private_key(ec.SECP384R1())), ES256, "P-256"),
        (pem(ed25519.Ed25519PrivateKey.generate()), ES256, "another kind"),
        (b"ssh-rsa AAAA", RS256, "no public key; RS256 needs"),
        (b"", RS256, "no public key"),
        (pem(RSA_KEY), TokenAlgorithm.HS256, "registered for RS256 and ES256 only"),
    ],
)
def test_anything_else_is_refused_with_what_is_needed(
    content: bytes, algorithm: TokenAlgorithm, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        read_public_key(content, algorithm)


def test_a_private_key_is_not_taken() -> None:
    private = RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="this is a private key"):
        read_public_key(private, RS256)


async def test_keys_are_registered_listed_and_revoked(records: AsyncEngine) -> None:
    await Accounts(records, Seal(bytes(32))).ensure(ACCOUNT)
    keys = JwtKeys(records)
    first = await keys.add(ACCOUNT, RS256, "first")
    second = await keys.add(ACCOUNT, RS256, "second")
    other = await keys.add(ACCOUNT, ES256, "other")

    assert {first, second, other} == {key.id for key in await keys.list(ACCOUNT)}
    named = (TokenKey(id=first, algorithm=RS256, material="first"),)
    assert named == await keys.token_keys(ACCOUNT, RS256, first)
    assert {first, second} == {key.id for key in await keys.token_keys(ACCOUNT, RS256, None)}
    assert await keys.token_keys(ACCOUNT, ES256, first) == ()
    assert await keys.token_keys("another", RS256, first) == ()
    assert not await keys.revoke("another", first)
    assert await keys.revoke(ACCOUNT, first)
    assert not await keys.revoke(ACCOUNT, first)
    assert await keys.token_keys(ACCOUNT, RS256, first) == ()
    assert {True, False} == {key.revoked_ms is None for key in await keys.list(ACCOUNT)}


async def test_an_unknown_account_gets_no_key(records: AsyncEngine) -> None:
    with pytest.raises(NoSuchAccount):
        await JwtKeys(records).add("another", RS256, "pem")
