"""``keys`` and ``sign``: who may do what, said by the operator."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import time
from urllib.parse import urlsplit

from edge.accounts.jwt_keys.pem import read_public_key
from edge.accounts.jwt_keys.store import NoSuchAccount
from edge.accounts.scopes import Scope, read_scopes
from edge.accounts.signatures import Signer
from edge.accounts.store import NewKey
from edge.accounts.tokens import TokenAlgorithm
from edge.cli.asking import ask
from edge.cli.tables import account_given, moment, show
from edge.ids import KeyKind
from edge.registry import Records
from edge.settings import Settings
from edge.web.children import encoded
from transforms import grammar, planner
from transforms.delivery import read_delivery

_LONGEST_PEM_BYTES = 1 << 16

# What AIOZ's media are played by is signed as well, and names no account.
_OF_MEDIA = re.compile(r"/(api/media|vod/hls|vod/dash)/(?P<id>[0-9a-f-]{36})(/|$)")


def list_keys(given: argparse.Namespace, settings: Settings) -> int:
    """List an account's keys."""
    account = account_given(given, settings)

    async def listed(records: Records) -> list[dict[str, object]]:
        return [
            {
                "id": key.id,
                "account": key.account,
                "kind": key.kind.value,
                "ends": key.last_four,
                "scopes": sorted(key.scopes),
                "created": moment(key.created_ms),
                "expires": key.expires_ms and moment(key.expires_ms),
                "revoked": key.revoked_ms and moment(key.revoked_ms),
            }
            for key in await records.accounts.list_keys(account)
        ]

    show(ask(settings, listed), as_json=given.json)
    return 0


def create_key(given: argparse.Namespace, settings: Settings) -> int:
    """Make a key, and the account if it is new."""
    account = account_given(given, settings)
    kind = KeyKind(given.kind)
    try:
        scopes = read_scopes(given.scope, kind)
    except ValueError as mistake:
        raise OSError(str(mistake)) from mistake

    async def created(records: Records) -> NewKey:
        return await records.accounts.create_key(account, kind, scopes)

    _show_new(ask(settings, created), as_json=given.json)
    return 0


def rotate_key(given: argparse.Namespace, settings: Settings) -> int:
    """Make a key in place of another, which works for a while yet."""
    account = account_given(given, settings)

    async def rotated(records: Records) -> NewKey | None:
        overlap_ms = given.overlap * 1000
        return await records.accounts.rotate_key(account, given.id, overlap_ms=overlap_ms)

    made = ask(settings, rotated)
    if made is None:
        return _no_such_key(account, given.id)
    _show_new(made, as_json=given.json)
    return 0


def revoke_key(given: argparse.Namespace, settings: Settings) -> int:
    """Revoke a key for good."""
    account = account_given(given, settings)

    async def revoked(records: Records) -> bool:
        return await records.accounts.revoke_key(account, given.id)

    return _revoked(ask(settings, revoked), account, given)


def add_jwt_key(given: argparse.Namespace, settings: Settings) -> int:
    """Register a public key that an account's tokens are signed with."""
    account = account_given(given, settings)
    algorithm = TokenAlgorithm(given.algorithm)
    with given.file.open("rb") as file:
        content = file.read(_LONGEST_PEM_BYTES)
    try:
        pem = read_public_key(content, algorithm)
    except ValueError as mistake:
        raise OSError(f"{given.file}: {mistake}") from mistake

    async def added(records: Records) -> str:
        try:
            return await records.jwt_keys.add(account, algorithm, pem)
        except NoSuchAccount:
            raise OSError(f"there is no account {account}: make a key for it first") from None

    key_id = ask(settings, added)
    made = {"account": account, "id": key_id, "algorithm": algorithm.value}
    print(json.dumps(made) if given.json else key_id)
    return 0


def list_jwt_keys(given: argparse.Namespace, settings: Settings) -> int:
    """List the public keys that are registered for an account's tokens."""
    account = account_given(given, settings)

    async def listed(records: Records) -> list[dict[str, object]]:
        return [
            {
                "id": key.id,
                "account": key.account,
                "algorithm": key.algorithm.value,
                "created": moment(key.created_ms),
                "revoked": key.revoked_ms and moment(key.revoked_ms),
            }
            for key in await records.jwt_keys.list(account)
        ]

    show(ask(settings, listed), as_json=given.json)
    return 0


def revoke_jwt_key(given: argparse.Namespace, settings: Settings) -> int:
    """Revoke a registered public key for good."""
    account = account_given(given, settings)

    async def revoked(records: Records) -> bool:
        return await records.jwt_keys.revoke(account, given.id)

    return _revoked(ask(settings, revoked), account, given)


def sign(given: argparse.Namespace, settings: Settings) -> int:
    """Sign a URL, so that whoever has it sees the private files that it names."""
    base, path = _place_of(given.url, settings)
    head, _, query = path.partition("?")
    media = _OF_MEDIA.match(head)
    # Such a URL has the same parameters as one of an account, and no account in it.
    url = grammar.split(f"/{settings.account}/raw/-" if media else head, query)
    if any(name in ("exp", "sig") for name, _ in url.parameters):
        raise OSError("the URL has exp or sig already: give it without them")
    read_delivery(url)
    if url.api == "audio":
        planner.plan(url)
    expires = "inf" if given.expires is None else str(math.ceil(time.time()) + given.expires)

    async def signed(records: Records) -> str:
        account = url.account if media is None else await _account_of(records, media["id"])
        key_id, secret = await _signing_key(records, account, given.key_id)
        signer = Signer(key_id=key_id, secret=secret, expires=expires)
        return path + signer.suffix(base.partition("://")[2].lower() + path)

    print(base + ask(settings, signed))
    return 0


def _place_of(text: str, settings: Settings) -> tuple[str, str]:
    """Take a URL apart: where the edge is, and the rest as clients will ask for it."""
    given = urlsplit(text)
    base = f"{given.scheme}://{given.netloc}" if given.netloc else None
    if base is None and settings.public_url is None:
        raise OSError(f"{text!r}: say the whole URL, as its host is signed too, or EDGE_PUBLIC_URL")
    if settings.public_url is not None and base not in (None, settings.public_url):
        raise OSError(f"{base} is not EDGE_PUBLIC_URL, {settings.public_url}, which is what counts")
    path = text.partition("#")[0]
    if base is not None:
        path = path[len(base) :]
    return settings.public_url or base or "", encoded(path)


async def _account_of(records: Records, media_id: str) -> str:
    media = await records.media.locate(media_id)
    if media is None:
        raise OSError(f"there are no media {media_id}")
    return media.account


async def _signing_key(records: Records, account: str, key_id: str | None) -> tuple[str, str]:
    named = [key_id] if key_id is not None else []
    if key_id is None:
        keys = await records.accounts.list_keys(account)
        named = [key.id for key in keys if key.kind is KeyKind.SECRET and Scope.READ in key.scopes]
    for each in named:
        secret = await records.accounts.signing_secret(account, each)
        if secret is not None:
            return each, secret
    what = "such a key" if key_id is not None else "secret key"
    raise OSError(
        f"account {account} has no {what} that works, may read, and can be unsealed; "
        "'audio-edge keys create' makes one"
    )


def _show_new(made: NewKey, *, as_json: bool) -> None:
    if not as_json:
        print(made.key)
        return
    told = {
        "account": made.account,
        "id": made.id,
        "kind": made.kind.value,
        "key": made.key,
        "scopes": sorted(made.scopes),
    }
    print(json.dumps(told))


def _revoked(done: bool, account: str, given: argparse.Namespace) -> int:
    if not done:
        return _no_such_key(account, given.id)
    if given.json:
        print(json.dumps({"account": account, "id": given.id, "revoked": True}))
    return 0


def _no_such_key(account: str, key_id: str) -> int:
    print(f"audio-edge: account {account} has no working key {key_id}", file=sys.stderr)
    return 1
