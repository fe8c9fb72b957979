"""What clients show to be let in, and files to be let in for."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt

from tests.e2e.running import ACCOUNT, BEARER, PUBLIC_KEY, SECRET_KEY, Answer, Edge

PUBLIC = {"Authorization": f"Bearer {PUBLIC_KEY}"}
COOKIE = "audio-edge-token"


def token(key: str = SECRET_KEY, seconds: float = 600, path: str = "/shut", **claims: Any) -> str:
    """A token that shows the files in a folder, unless the claims say otherwise."""
    read = {"file": {"downloadFile": ["*"], "getFileDetails": True}}
    permission = {"match": {"path": path, "scope": "Children"}, "permissions": {"read": read}}
    access = {"pathPermissions": [permission]}
    return jwt.encode({"exp": int(time.time() + seconds), "access": access, **claims}, key)


def basic(key: str) -> str:
    """The SDK's other way to send a key."""
    return "Basic " + base64.b64encode(f"apikey:{key}".encode()).decode()


def bring(edge: Edge, path: str, content: bytes) -> None:
    """Upload a file, or replace it."""
    target = f"/v2/accounts/{ACCOUNT}/uploads/binary?filePath={path}"
    answer = edge.send(target, BEARER, method="POST", body=content)
    assert answer.status == 200, answer.body


def put_session(edge: Edge, text: str, **fields: str) -> Answer:
    """Begin a session with a token, as a page of an application does."""
    body = json.dumps({"accessToken": text}).encode()
    target = f"/api/v1/access_tokens/{ACCOUNT}{fields.pop('query', '')}"
    headers = {"Content-Type": "application/json", "Origin": "https://app.example", **fields}
    return edge.send(target, headers, method="PUT", body=body)
