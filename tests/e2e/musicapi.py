"""A client of MusicAPI's door, and what it was told by callbacks."""

from __future__ import annotations

import json
from typing import Any

from standardwebhooks import Webhook

from tests.e2e.origin import Origin
from tests.e2e.running import BEARER, Answer, Edge, until

LOOPBACK = "127.0.0.0/8"


def ask(edge: Edge, path: str, body: object = None, **headers: str) -> Answer:
    """Send a request below ``/api/v1``: a POST if there is a body."""
    content = None if body is None else json.dumps(body).encode()
    method = "GET" if body is None else "POST"
    return edge.send(f"/api/v1{path}", {**BEARER, **headers}, method=method, body=content)


def uploaded(edge: Edge, url: str) -> str:
    """Have a file fetched, and return its clip's id."""
    answer = ask(edge, "/sonic/upload", {"url": url})
    assert answer.status == 200, answer.body
    return str(answer.json()["clip_id"])


def submitted(edge: Edge, url: str, callback_url: str) -> str:
    """Have a file fetched by somebody else's time, and return the task's id."""
    answer = ask(edge, "/sonic/upload", {"url": url, "callback_url": callback_url})
    assert answer.status == 200, answer.body
    return str(answer.json()["task_id"])


def shown(edge: Edge, name: str) -> dict[str, Any]:
    """Return the clip of a task or of a clip."""
    answer = ask(edge, f"/sonic/task/{name}")
    assert answer.status == 200, answer.body
    (clip,) = answer.json()["data"]
    return dict(clip)


def settled(edge: Edge, name: str) -> dict[str, Any]:
    """Ask for a task until it has ended."""
    states = ("succeeded", "failed")
    until(lambda: shown(edge, name)["state"] in states, f"{name} to settle")
    return shown(edge, name)


def secret_of(edge: Edge) -> str:
    """Ask the operator for what webhooks are signed with."""
    return edge.command("webhooks", "secret").stdout.strip()


def told(origin: Origin, secret: str) -> list[dict[str, Any]]:
    """Verify all that an origin was told, and return it."""
    return [dict(Webhook(secret).verify(body, headers)) for _, headers, body in origin.heard]
