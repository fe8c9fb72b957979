from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.accounts.permissions import Act, PathPermission, Reach
from edge.accounts.scopes import Scope
from edge.accounts.tokens import (
    BadToken,
    Token,
    TokenAlgorithm,
    TokenExpired,
    TokenKey,
    read_header,
    read_token,
)

ACCOUNT = "W142hJk"
SECRET = "secret_W142hJkSecretForTestsOnly"
NOW_MS = 1_785_000_000_000
EXP = NOW_MS // 1000 + 60

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


NESTED = base64.urlsafe_b64encode(b"[" * 6000).decode() + ".e30."


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


SHARED = TokenKey(id="shared", algorithm=TokenAlgorithm.HS256, material=SECRET)
RS = TokenKey(id="rs", algorithm=TokenAlgorithm.RS256, material=pem(RSA_KEY))
ES = TokenKey(id="es", algorithm=TokenAlgorithm.ES256, material=pem(EC_KEY))
KEYS = (SHARED, RS, ES)


def token(
    *, key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **claims: Any
) -> str:
    headers = {"kid": kid} if kid else {}
    return jwt.encode({"exp": EXP, **claims}, key, algorithm=algorithm, headers=headers)


def read(text: str, keys: Iterable[TokenKey] = KEYS) -> Token:
    return read_token(text, keys, account=ACCOUNT, now_ms=NOW_MS)


def spelt(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    pieces = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(piece).decode().rstrip("=") for piece in pieces)


@pytest.mark.parametrize(
    ("key", "algorithm", "key_id"),
    [(SECRET, "HS256", "shared"), (RSA_KEY, "RS256", "rs"), (EC_KEY, "ES256", "es")],
)
@pytest.mark.parametrize("names_key", [True, False])
def test_a_token_of_each_algorithm_is_good(
    key: Any, algorithm: str, key_id: str, names_key: bool
) -> None:
    text = token(key=key, algorithm=algorithm, kid=key_id if names_key else None)

    assert Token(
        account=ACCOUNT, key_id=key_id, expires_ms=EXP * 1000, permissions=(), origins=None
    ) == read(text)


def test_the_documented_claims_are_read() -> None:
    text = token(
        accountId=ACCOUNT,
        allowedOrigins=["https://example.com", "https://www.example.com/"],
        iat=EXP,
        sub="user-xyz",
        access={
            "pathPermissions": [
                {
                    "match": {"path": "/users/user-xyz", "scope": "Children"},
                    "permissions": {
                        "read": {
                            "file": {"downloadFile": ["raw", "audio"], "getFileDetails": True},
                            "folder": {"listFolderChildren": True, "getFolderDescription": False},
                        },
                        "write": {"file": {"createFile": True, "somethingNew": True}},
                    },
                },
                {"match": {"path": "/", "scope": "Grandchildren+"}, "permissions": {}},
            ],
            "tagPermissions": {"write": ["*"]},
        },
    )

    assert Token(
        account=ACCOUNT,
        key_id="shared",
        expires_ms=EXP * 1000,
        permissions=(
            PathPermission(
                path="/users/user-xyz",
                reach=Reach.CHILDREN,
                downloads=("raw", "audio"),
                acts=frozenset({Act.GET_FILE_DETAILS, Act.LIST_FOLDER_CHILDREN, Act.CREATE_FILE}),
            ),
            PathPermission(path="/", reach=Reach.DESCENDANTS),
        ),
        origins=("https://example.com", "https://www.example.com"),
    ) == read(text)


def test_a_token_allows_no_more_than_its_key_may() -> None:
    limited = TokenKey(
        id="limited",
        algorithm=TokenAlgorithm.HS256,
        material=SECRET,
        scopes=frozenset({Scope.UPLOAD}),
    )
    everything = {
        "read": {"file": {"downloadFile": ["*"], "getFileDetails": True}},
        "write": {"file": {"createFile": True, "deleteFile": True}},
    }
    match = {"path": "/", "scope": "Children"}
    text = token(access={"pathPermissions": [{"match": match, "permissions": everything}]})
    upload = PathPermission(path="/", reach=Reach.CHILDREN, acts=frozenset({Act.CREATE_FILE}))

    assert (upload,) == read(text, [limited]).permissions
    assert read(text, [SHARED]).permissions[0].downloads == ("*",)


def test_several_keys_work_at_once() -> None:
    new = TokenKey(id="new", algorithm=TokenAlgorithm.HS256, material=SECRET + "New")

    assert read(token(), [new, SHARED]).key_id == "shared"
    assert read(token(key=new.material), [new, SHARED]).key_id == "new"


def test_a_token_that_names_its_key_is_checked_with_no_other() -> None:
    with pytest.raises(BadToken, match="No key of this account"):
        read(token(kid="another"))


@pytest.mark.parametrize("name", ["none", "None", "HS512", "PS256", "RS512", "EdDSA", "", 1, None])
def test_no_other_algorithm_is_accepted(name: object) -> None:
    with pytest.raises(BadToken, match="not one of HS256, RS256, ES256"):
        read(spelt({"alg": name, "typ": "JWT"}, {"exp": EXP}))


@pytest.mark.parametrize("signature", [b"", b"\0" * 32])
@pytest.mark.parametrize("algorithm", TokenAlgorithm)
def test_an_algorithm_without_its_signature_is_not_accepted(
    algorithm: TokenAlgorithm, signature: bytes
) -> None:
    with pytest.raises(BadToken):
        read(spelt({"alg": algorithm}, {"exp": EXP}, signature))


@pytest.mark.parametrize("key", [RS, ES])
def test_a_public_key_is_never_a_shared_secret(key: TokenKey) -> None:
    head = spelt({"alg": "HS256", "kid": key.id}, {"exp": EXP}).rpartition(".")[0]
    code = hmac.digest(key.material.encode(), head.encode(), hashlib.sha256)
    forged = f"{head}.{base64.urlsafe_b64encode(code).decode().rstrip('=')}"
    with pytest.raises(BadToken, match="No key of this account"):
        read(forged)


def test_a_key_that_comes_with_the_token_is_not_used() -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    own = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key()))
    text = jwt.encode({"exp": EXP}, stranger, algorithm="RS256", headers={"jwk": own})
    with pytest.raises(BadToken, match="No key of this account"):
        read(text)


def test_no_changed_character_of_a_token_passes() -> None:
    text = token()
    for place in range(len(text) - 1):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        with pytest.raises(BadToken):
            read(changed)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "x" * 100, "\udcff.é.c", "A" * 9000, NESTED]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(BadToken):
        read_header(text)


def test_a_token_is_good_until_its_time_is_over() -> None:
    now = NOW_MS // 1000

    assert read(token(exp=now + 1)).expires_ms == NOW_MS + 1000
    with pytest.raises(TokenExpired):
        read(token(exp=now))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": "tomorrow"},
        {"exp": None},
        {"exp": 1e308},
        {"exp": EXP * 1000},
        {"nbf": EXP},
        {"accountId": "another"},
        {"accountId": ""},
        {"allowedOrigins": "https://example.com"},
        {"access": {"pathPermissions": [{"match": {"path": "/", "scope": "All"}}]}},
        {"access": {"pathPermissions": [{"match": {"path": "users", "scope": "This"}}]}},
        {"access": {"pathPermissions": "*"}},
    ],
)
def test_claims_that_are_not_what_they_should_be_are_refused(claims: dict[str, Any]) -> None:
    payload = json.dumps({"exp": EXP, **claims}).encode()
    with pytest.raises(BadToken):
        read(jwt.PyJWS().encode(payload, SECRET, algorithm="HS256"))


def test_a_token_without_an_end_is_refused() -> None:
    with pytest.raises(BadToken, match="exp"):
        read(jwt.encode({"accountId": ACCOUNT}, SECRET))


def test_a_token_may_be_used_from_the_origins_it_names() -> None:
    bound = read(token(allowedOrigins=["https://example.com"]))

    assert bound.used_from("https://example.com")
    assert bound.used_from(None)
    assert not bound.used_from("https://example.com.evil.example")
    assert not bound.used_from("http://example.com")
    assert not bound.used_from("null")
    assert read(token()).used_from("https://anywhere.example")
    assert not read(token(allowedOrigins=[])).used_from("https://example.com")


@pytest.mark.parametrize("kid", ["\ud800", "a\0b", "", "a" * 65, 3, ["a"], {"a": 1}])
def test_a_token_whose_key_id_is_none_is_no_token(kid: object) -> None:
    with pytest.raises(BadToken):
        read_header(spelt({"alg": "HS256", "kid": kid}, {"exp": EXP}))
