from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.accounts.signatures import message_of, read_signature, verify
from tests.edge.cli.conftest import Command

EVERY_SCOPE = ["jobs", "read", "upload", "usage", "write"]


def test_keys_are_made_listed_and_revoked(command: Command) -> None:
    made = command("keys", "create", "--kind", "public", "--json").json()
    listed = command("keys", "list", "--json").json()

    assert set(made) == {"account", "id", "kind", "key", "scopes"}
    assert (made["account"], made["kind"], made["scopes"]) == ("W142hJk", "public", ["upload"])
    assert made["key"].startswith("public_W142hJk")
    assert listed == [
        {
            "id": made["id"],
            "account": "W142hJk",
            "kind": "public",
            "ends": made["key"][-4:],
            "scopes": ["upload"],
            "created": listed[0]["created"],
            "expires": None,
            "revoked": None,
        }
    ]
    assert command("keys", "revoke", made["id"]).status == 0
    assert command("keys", "list", "--json").json()[0]["revoked"] is not None
    again = command("keys", "revoke", made["id"])
    assert (again.status, again.out) == (1, "")
    assert f"no working key {made['id']}" in again.err


def test_a_key_makes_its_account_if_it_is_new(command: Command) -> None:
    made = command("keys", "create", "--account", "abcdefg", "--json").json()

    assert made["key"].startswith("secret_abcdefg")
    assert made["scopes"] == EVERY_SCOPE
    assert command("keys", "list", "--account", "abcdefg").out.splitlines()[0].split() == [
        *("id", "account", "kind", "ends", "scopes", "created", "expires", "revoked")
    ]


def test_a_key_by_itself_is_all_that_is_printed(command: Command) -> None:
    made = command("keys", "create")

    assert made.out.startswith("secret_W142hJk")
    assert made.out.count("\n") == 1


def test_a_key_may_be_made_for_some_uses(command: Command) -> None:
    made = command("keys", "create", "--scope", "read,upload", "--json").json()

    assert made["scopes"] == ["read", "upload"]
    refused = command("keys", "create", "--scope", "everything")
    assert (refused.status, refused.out) == (1, "")
    assert "'everything': a secret key may have jobs, read, upload, usage, write" in refused.err
    assert command("keys", "create", "--kind", "public", "--scope", "read").status == 1


def test_a_rotated_key_ends_after_the_overlap(command: Command) -> None:
    old = command("keys", "create", "--scope", "jobs", "--json").json()
    new = command("keys", "rotate", old["id"], "--overlap", "7d", "--json").json()
    expires = {key["id"]: key["expires"] for key in command("keys", "list", "--json").json()}

    assert (new["kind"], new["scopes"]) == ("secret", ["jobs"])
    assert new["key"] != old["key"]
    assert expires[new["id"]] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*", expires[old["id"]])
    assert command("keys", "rotate", "another").status == 1


@pytest.mark.parametrize("overlap", ["", "24", "h", "-1h", "1.5h", "1w", "²h"])
def test_an_overlap_is_a_number_and_a_unit(command: Command, overlap: str) -> None:
    refused = command("keys", "rotate", "any", f"--overlap={overlap}")

    assert refused.status == 2
    assert "expected such as 90s, 30m, 24h or 7d" in refused.err


def test_public_keys_of_tokens_are_registered_listed_and_revoked(
    command: Command, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    file = tmp_path / "key.pub"
    file.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    made = command("keys", "add-jwt-key", "--algorithm", "ES256", str(file), "--json").json()
    listed = command("keys", "list-jwt-keys", "--json").json()

    assert made == {"account": "W142hJk", "id": made["id"], "algorithm": "ES256"}
    assert listed == [{**made, "created": listed[0]["created"], "revoked": None}]
    assert command("keys", "revoke-jwt-key", made["id"]).status == 0
    assert command("keys", "revoke-jwt-key", made["id"]).status == 1
    wrong = command("keys", "add-jwt-key", "--algorithm", "RS256", str(file))
    assert (wrong.status, wrong.out) == (1, "")
    assert "key.pub: this is another kind of public key; RS256 needs an RSA" in wrong.err
    unknown = command(
        *("keys", "add-jwt-key", "--algorithm", "ES256", "--account", "abcdefg", str(file))
    )
    assert "there is no account abcdefg" in unknown.err
    assert command("keys", "add-jwt-key", "--algorithm", "ES256", str(tmp_path / "no")).status == 1


def signed(command: Command, *words: str) -> str:
    told = command("sign", *words)
    assert told.err == ""
    return told.out.removesuffix("\n")


def test_a_url_is_signed_with_the_key_that_is_named(command: Command) -> None:
    key = command("keys", "create", "--json").json()
    command("keys", "create")
    url = signed(
        *(command, "https://audio.example/W142hJk/audio/a b.mp3?f=mp3", "--expires", "never"),
        *("--key-id", key["id"]),
    )
    base, _, text = url.partition("&sig=")

    assert base == "https://audio.example/W142hJk/audio/a%20b.mp3?f=mp3&exp=inf"
    signature = read_signature(text)
    assert signature is not None
    assert signature.key_id == key["id"]
    message = message_of("audio.example", "/W142hJk/audio/a%20b.mp3", "f=mp3&exp=inf")
    assert verify(message, signature, key["key"])


def test_a_signed_url_ends_after_a_while(command: Command) -> None:
    command("keys", "create")
    url = signed(command, "https://audio.example/W142hJk/raw/a.mp3", "--expires", "1h")

    assert re.fullmatch(
        r"https://audio\.example/W142hJk/raw/a\.mp3\?exp=[0-9]{10}&sig=1\.\w{26}\.[\w-]{43}", url
    )


def test_a_path_is_signed_for_the_public_url(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("keys", "create")
    refused = command("sign", "/W142hJk/raw/a.mp3")
    assert "say the whole URL, as its host is signed too, or EDGE_PUBLIC_URL" in refused.err
    monkeypatch.setenv("EDGE_PUBLIC_URL", "https://edge.example")

    assert signed(command, "/W142hJk/raw/a.mp3").startswith(
        "https://edge.example/W142hJk/raw/a.mp3?"
    )
    other = command("sign", "https://other.example/W142hJk/raw/a.mp3")
    assert (other.status, other.out) == (1, "")
    assert "https://other.example is not EDGE_PUBLIC_URL" in other.err


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://a.example/W142hJk/raw/a.mp3?exp=1", "has exp or sig already"),
        ("https://a.example/W142hJk/audio/a.mp3?f=mp5", "mp5"),
        ("https://a.example/W142hJk/audio/../a.mp3", "'..' segment"),
        ("https://a.example/files/a.mp3", "must look like"),
    ],
)
def test_what_could_not_be_asked_for_is_not_signed(command: Command, url: str, told: str) -> None:
    command("keys", "create")
    refused = command("sign", url)

    assert (refused.status, refused.out) == (1, "")
    assert told in refused.err


def test_a_key_that_may_not_read_signs_nothing(command: Command) -> None:
    key = command("keys", "create", "--scope", "upload", "--json").json()
    for words in ((), ("--key-id", key["id"])):
        refused = command("sign", "https://a.example/W142hJk/raw/a.mp3", *words)

        assert (refused.status, refused.out) == (1, "")
        assert "that works, may read, and can be unsealed" in refused.err
