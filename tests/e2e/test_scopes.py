"""Which key may do what through Bytescale's API, and which token where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.credentials import PUBLIC, bring, token
from tests.e2e.running import ACCOUNT, SECRET_KEY, Answer, Edge
from tests.e2e.sounds import note

OTHER_ACCOUNT = "abcdefg"
API = f"/v2/accounts/{ACCOUNT}"
NOWHERE = "filePath=/nowhere/talk.wav"

# What each endpoint needs; none of them finds what it is asked about.
ENDPOINTS: list[tuple[str, str, str, object]] = [
    ("upload", "POST", "/uploads", {"size": -1}),
    ("upload", "POST", "/uploads/binary?filePath=bad", None),
    ("upload", "POST", "/uploads/form_data", None),
    ("upload", "POST", "/uploads/url", {"url": "nonsense", "timeout": 0}),
    ("upload", "GET", "/uploads/nothing/parts", None),
    ("upload", "GET", "/uploads/nothing/parts/0", None),
    ("upload", "PUT", "/uploads/nothing/parts/0", {}),
    ("read", "GET", f"/files/details?{NOWHERE}", None),
    ("read", "GET", "/folders?folderPath=/nowhere", None),
    ("read", "GET", "/folders/list?folderPath=/nowhere", None),
    ("write", "DELETE", f"/files?{NOWHERE}", None),
    ("write", "POST", "/files/copy", {}),
    ("write", "PUT", "/folders", {"folderPath": "/nowhere/made"}),
    ("write", "DELETE", "/folders", {}),
    ("write", "DELETE", "/files/batch", {}),
    ("write", "POST", "/files/copy/batch", {}),
    ("write", "DELETE", "/folders/batch", {}),
    ("write", "POST", "/folders/copy", {}),
    ("write", "POST", "/folders/copy/batch", {}),
    ("jobs", "GET", "/jobs", None),
    ("jobs", "GET", "/jobs/ProcessFileJob/nothing", None),
    ("jobs", "DELETE", "/jobs/ProcessFileJob/nothing", None),
    ("jobs", "POST", "/cache/reset", {}),
    ("usage", "GET", "/usage", None),
    ("usage", "GET", "/usage/entries", None),
]


@pytest.fixture(scope="module")
def scoped(server: Edge) -> dict[str, str]:
    """A secret key for each scope alone."""
    made = {}
    for scope in ("upload", "read", "write", "jobs", "usage"):
        made[scope] = server.command("keys", "create", "--scope", scope).stdout.strip()
    return made


@pytest.mark.parametrize(("needed", "method", "rest", "body"), ENDPOINTS)
def test_every_endpoint_needs_its_scope(
    server: Edge, scoped: dict[str, str], needed: str, method: str, rest: str, body: object
) -> None:
    content = None if body is None else json.dumps(body).encode()

    def ask(headers: Mapping[str, str]) -> Answer:
        return server.send(API + rest, headers, method=method, body=content)

    for scope, key in scoped.items():
        answer = ask({"Authorization": f"Bearer {key}"})
        if scope == needed:
            assert answer.status not in (401, 403), answer.body
        else:
            assert answer.status == 403, (scope, answer.body)
            assert answer.problem["details"]["scope"] == needed
    assert ask({}).status == 401
    assert ask({"Authorization": f"Bearer {token()}x"}).status == 401
    assert ask({"Authorization": f"Bearer {token(access={})}"}).status == 403
    assert ask({**PUBLIC, "Authorization-Token": token(seconds=-1)}).status == 401
    public = ask(PUBLIC)
    assert (public.status == 403) == (needed != "upload"), public.body
    other = {"Authorization": f"Bearer {SECRET_KEY.replace(ACCOUNT, OTHER_ACCOUNT)}"}
    assert ask(other).status == 401


def allowing(path: str, reach: str = "Children", **acts: object) -> str:
    """A token that allows some acts, of files and of folders."""
    said = {"file": acts, "folder": acts}
    permission = {
        "match": {"path": path, "scope": reach},
        "permissions": {"read": said, "write": said},
    }
    return token(access={"pathPermissions": [permission]})


def test_a_token_allows_what_it_says_at_its_paths(server: Edge) -> None:
    bring(server, "/users/ann/a.wav", note(1))
    bring(server, "/users/bob/b.wav", note(1))

    def ask(text: str, rest: str, method: str = "GET", **more: Any) -> int:
        headers = {**PUBLIC, "Authorization-Token": text}
        alone = server.send(API + rest, {"Authorization": f"Bearer {text}"}, method=method, **more)
        if alone.status == 403 or method == "GET":
            assert server.send(API + rest, headers, method=method, **more).status == alone.status
        return alone.status

    ann, bob = (f"filePath=/users/{name}.wav" for name in ("ann/a", "bob/b"))
    details = allowing("/users/ann", getFileDetails=True)
    assert ask(details, f"/files/details?{ann}") == 200
    assert ask(details, f"/files/details?{bob}") == 403
    assert ask(details, f"/files?{ann}", "DELETE") == 403
    listing = allowing("/users", listFolderChildren=True)
    assert ask(listing, "/folders/list?folderPath=/users/ann") == 200
    assert ask(listing, "/folders/list?folderPath=/") == 403
    assert ask(listing, "/folders?folderPath=/users/ann") == 403
    deleting = allowing("/users/ann", deleteFile=True)
    assert ask(deleting, f"/files?{bob}", "DELETE") == 403
    assert ask(deleting, f"/files?{ann}", "DELETE") == 200
    making = allowing("/users", createVirtualFolder=True)
    folder = json.dumps({"folderPath": "/users/eve"}).encode()
    assert ask(making, "/folders", "PUT", body=folder) == 200
    public = {"set": True, "value": []}
    opened = {"folderPath": "/users/bob", "folderSettings": {"publicPermissions": public}}
    assert ask(making, "/folders", "PUT", body=json.dumps(opened).encode()) == 403


def test_a_token_lets_a_public_key_overwrite(server: Edge) -> None:
    bring(server, "/users/ann/over.wav", note(1))
    target = f"{API}/uploads/binary?filePath=/users/ann/over.wav"

    def over(headers: Mapping[str, str]) -> int:
        return server.send(target, headers, method="POST", body=note(2)).status

    assert over(PUBLIC) == 409
    assert (
        over({**PUBLIC, "Authorization-Token": allowing("/users/bob", overwriteFile=True)}) == 409
    )
    text = allowing("/users/ann", overwriteFile=True)
    assert over({"Authorization": f"Bearer {text}"}) == 403
    assert over({**PUBLIC, "Authorization-Token": text}) == 200
